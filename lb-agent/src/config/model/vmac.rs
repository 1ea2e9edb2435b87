//! `use_vmac` and `use_ipvlan`.

use ipnet::IpNet;
use serde::Serialize;

/// `use_vmac [NAME] [INTERFACE] [MAC] [netlink_notify_msg] [group N]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UseVmac {
    /// Name of the macvlan; default: `vrrp.` and the VRID.
    pub name: Option<String>,
    /// The interface below; default: the instance's.
    pub interface: Option<String>,
    /// Its address; default: 00:00:5e:00:01:VRID (RFC 9568 7.3).
    pub mac: Option<[u8; 6]>,
    /// `netlink_notify_msg`: a message of its own tells its link state.
    pub netlink_notify_msg: bool,
    /// `group N`: the interface's group.
    pub group: Option<u32>,
}

/// `use_ipvlan [NAME] [INTERFACE] [ADDRESS[/PREFIX]] [bridge|private|vepa]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UseIpvlan {
    /// Name of the ipvlan.
    pub name: Option<String>,
    /// The interface below.
    pub interface: Option<String>,
    /// Its address, which adverts are sent from.
    pub address: Option<IpNet>,
    /// `bridge`, `private` or `vepa`.
    pub mode: Option<String>,
}
