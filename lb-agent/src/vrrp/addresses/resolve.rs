//! A virtual address as rtnetlink(7) takes it.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;
use nix::libc::{
    IFA_F_HOMEADDRESS, IFA_F_MANAGETEMPADDR, IFA_F_MCAUTOJOIN, IFA_F_NODAD, IFA_F_NOPREFIXROUTE,
};

use crate::config::model::Broadcast;
use crate::net::address::Address;
use crate::vrrp::router::Interfaces;
use crate::vrrp::settings::VirtualAddress;

/// The address as rtnetlink takes it; `None` without its interface.
pub(super) fn resolve(config: &VirtualAddress, interfaces: &Interfaces) -> Option<Address> {
    Some(Address {
        index: interfaces.by_name(&config.dev)?.index,
        address: config.address,
        label: config.label.clone(),
        scope: config.scope,
        broadcast: config.brd.and_then(|brd| broadcast(config.address, brd)),
        peer: config.peer,
        flags: flags(config),
        preferred_lft: config.preferred_lft.or_else(|| whole_ipv6(config.address)),
        tentative: false,
    })
}

/// `IFA_F_*` of the options. No IPv6 address waits for the detection of duplicates (RFC 4862 5.4),
/// as with keepalived: it would not answer for a second or two after every take-over, and two
/// masters that meet would leave it unusable (`dadfailed`) on the one that stays. Who has it is
/// VRRP's to find out.
fn flags(config: &VirtualAddress) -> u32 {
    let nodad = match config.address {
        IpNet::V4(_) => config.nodad,
        IpNet::V6(_) => true,
    };
    [
        (config.home, IFA_F_HOMEADDRESS),
        (nodad, IFA_F_NODAD),
        (config.mngtmpaddr, IFA_F_MANAGETEMPADDR),
        (config.noprefixroute, IFA_F_NOPREFIXROUTE),
        (config.autojoin, IFA_F_MCAUTOJOIN),
    ]
    .into_iter()
    .filter(|(given, _)| *given)
    .fold(0, |flags, (_, flag)| flags | flag)
}

/// A /128 is never to be chosen as a source: the host would speak with a borrowed name.
fn whole_ipv6(address: IpNet) -> Option<Duration> {
    match address {
        IpNet::V6(network) if network.prefix_len() == 128 => Some(Duration::ZERO),
        IpNet::V6(_) | IpNet::V4(_) => None,
    }
}

/// `brd` resolved: ip-address(8). `None` where there is no such thing, as in IPv6.
fn broadcast(address: IpNet, brd: Broadcast) -> Option<Ipv4Addr> {
    let IpNet::V4(network) = address else {
        return None;
    };
    Some(match brd {
        Broadcast::Address(broadcast) => broadcast,
        Broadcast::AllOnes => network.broadcast(),
        Broadcast::AllZeros => network.network(),
    })
}
