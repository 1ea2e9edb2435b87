//! Lines of `virtual_ipaddress`, `virtual_ipaddress_excluded` and `static_ipaddress`.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use super::UseVmac;

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualAddress {
    /// Address and prefix length; without a prefix /32 or /128.
    pub address: IpNet,
    /// `dev`, else the instance's `interface`.
    pub dev: String,
    /// `label`.
    pub label: Option<String>,
    /// `scope` as the kernel's number: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// `brd`.
    pub brd: Option<Broadcast>,
    /// The options that have no effect yet.
    pub options: AddressFlags,
}

/// `brd ADDR|+|-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Broadcast {
    /// This address.
    Address(Ipv4Addr),
    /// `+`: host bits all one.
    AllOnes,
    /// `-`: host bits all zero.
    AllZeros,
}

/// Options of an address beyond the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of keepalived.conf"
)]
pub struct AddressFlags {
    /// `peer`: the other end of a point-to-point link.
    pub peer: Option<IpNet>,
    /// `home`: a mobile node's home address (IPv6).
    pub home: bool,
    /// `-nodad`: no duplicate address detection (IPv6), which is so without it as well.
    pub nodad: bool,
    /// `mngtmpaddr`: temporary addresses are made from it (IPv6).
    pub mngtmpaddr: bool,
    /// `noprefixroute`: no route for its network.
    pub noprefixroute: bool,
    /// `autojoin`: joins the multicast group.
    pub autojoin: bool,
    /// `no_track`: its removal by somebody else does not matter.
    pub no_track: bool,
    /// `preferred_lft SECONDS|forever`; zero: never a source address. `None`: forever.
    pub preferred_lft: Option<Duration>,
    /// `use_vmac`: on a VMAC of its own.
    pub use_vmac: Option<UseVmac>,
}

/// One line of `static_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StaticAddress {
    /// The address; `dev` is never empty.
    pub address: VirtualAddress,
    /// `track_group`: while it is not set, the instances of this group are FAULT.
    pub track_group: Option<String>,
}

impl VirtualAddress {
    /// An address without options.
    pub fn new(address: IpNet, dev: impl Into<String>) -> Self {
        Self {
            address,
            dev: dev.into(),
            label: None,
            scope: 0,
            brd: None,
            options: AddressFlags::default(),
        }
    }
}
