//! What the instances ask of the kernel. Everything is done at once, on the caller's thread.
//!
//! [`super::kernel::System`] is the real thing. Interfaces are meant by their index; what their
//! names are is [`super::router`]'s to know.

use std::io;
use std::net::Ipv4Addr;

use crate::net::address::{Added, Address, Removed};
use crate::net::link::Link;
use crate::net::netlink::NetlinkError;

/// The kernel, as far as VRRP needs it.
pub trait Kernel {
    /// Every interface.
    fn links(&mut self) -> Result<Vec<Link>, NetlinkError>;

    /// Every address of every interface, those of one interface in the kernel's order.
    fn addresses(&mut self) -> Result<Vec<Address>, NetlinkError>;

    /// Gives an interface an address.
    fn add_address(&mut self, address: &Address) -> Result<Added, NetlinkError>;

    /// Takes an address from an interface.
    fn remove_address(&mut self, address: &Address) -> Result<Removed, NetlinkError>;

    /// Begins to send and receive adverts on an interface, and joins these groups.
    fn open(&mut self, link: &Link, groups: &[Ipv4Addr]) -> io::Result<()>;

    /// Ends what [`Self::open`] began. Harmless if it did not.
    fn close(&mut self, index: u32);

    /// Sends a whole IPv4 packet from an interface that was opened.
    fn send_advert(&mut self, index: u32, destination: Ipv4Addr, packet: &[u8]) -> io::Result<()>;

    /// Sends a whole Ethernet frame from any interface.
    fn send_frame(&mut self, index: u32, frame: &[u8]) -> io::Result<()>;
}
