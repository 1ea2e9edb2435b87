//! One virtual address.

use std::time::Duration;

use ipnet::IpNet;

use crate::config::model::{self, Broadcast, UseVmac};

/// One line of `virtual_ipaddress` or `static_ipaddress`; options as ip-address(8) has them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of keepalived.conf"
)]
pub struct VirtualAddress {
    /// Address and prefix length.
    pub address: IpNet,
    /// `dev`.
    pub dev: String,
    /// `label`.
    pub label: Option<String>,
    /// `scope`, as the kernel's number.
    pub scope: u8,
    /// `brd`.
    pub brd: Option<Broadcast>,
    /// `peer`: the other end of a point-to-point link.
    pub peer: Option<IpNet>,
    /// `home` (IPv6): a mobile node's home address.
    pub home: bool,
    /// `-nodad` (IPv6): no duplicate address detection, which is so for every address here.
    pub nodad: bool,
    /// `mngtmpaddr` (IPv6): temporary addresses are made from it.
    pub mngtmpaddr: bool,
    /// `noprefixroute`.
    pub noprefixroute: bool,
    /// `autojoin`: the kernel joins it as a group.
    pub autojoin: bool,
    /// `no_track`: it is not put back when somebody else removes it.
    pub no_track: bool,
    /// `preferred_lft`: zero: never chosen as a source. `None`: for ever; but a whole IPv6
    /// address (/128) is never chosen, so that the host does not speak with a borrowed name.
    pub preferred_lft: Option<Duration>,
    /// `use_vmac`: on an interface with the virtual router's Ethernet address.
    pub use_vmac: Option<UseVmac>,
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
            peer: None,
            home: false,
            nodad: false,
            mngtmpaddr: false,
            noprefixroute: false,
            autojoin: false,
            no_track: false,
            preferred_lft: None,
            use_vmac: None,
        }
    }
}

impl From<&model::VirtualAddress> for VirtualAddress {
    fn from(config: &model::VirtualAddress) -> Self {
        let options = &config.options;
        Self {
            address: config.address,
            dev: config.dev.clone(),
            label: config.label.clone(),
            scope: config.scope,
            brd: config.brd,
            peer: options.peer,
            home: options.home,
            nodad: options.nodad,
            mngtmpaddr: options.mngtmpaddr,
            noprefixroute: options.noprefixroute,
            autojoin: options.autojoin,
            no_track: options.no_track,
            preferred_lft: options.preferred_lft,
            use_vmac: options.use_vmac.clone(),
        }
    }
}
