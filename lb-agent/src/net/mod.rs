//! What the agent asks the kernel and tells it: links, addresses, neighbours and routes, over a
//! synchronous rtnetlink client; and [`nft`] and [`ipvs`], over the same one for [`generic`] netlink.
//!
//! Every call is one system call out and one or more in; the kernel answers before the first one
//! returns, so the VRRP thread may call too. Nothing is remembered here: who wants to keep a
//! picture of the system reads a list, then follows [`monitor`], and reads the list again after
//! [`monitor::Event::Overrun`].
//!
//! What is sent is built with the types of `netlink-packet-route`. What comes back is read
//! attribute by attribute ([`attribute`]): a kernel newer than this program sends attributes in
//! lengths and values it does not know, and one of those must not hide an interface.
//!
//! This module does not decide anything: which addresses exist is `vrrp`'s matter, which next hop
//! a server has is `dataplane::nexthop`'s.

pub mod address;
pub mod attribute;
pub mod ethtool;
pub mod generic;
pub mod ipvs;
pub mod link;
pub mod monitor;
pub mod neighbour;
pub mod netconf;
pub mod netdev;
pub mod netlink;
pub mod nft;
pub mod request;
pub mod route;
pub mod virtual_link;
