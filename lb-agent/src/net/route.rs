//! The way to a destination, as the kernel would take it now: routing rules, tables and multipath
//! included, since the kernel itself looks.

use std::net::IpAddr;

use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::libc::{
    AF_INET, AF_INET6, RTA_GATEWAY, RTA_METRICS, RTA_OIF, RTA_PREFSRC, RTA_VIA, RTN_LOCAL,
};
use serde::Serialize;

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};

/// `RTAX_MTU` of include/uapi/linux/rtnetlink.h.
const RTAX_MTU: u16 = 2;

/// The way to one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Route {
    /// The interface packets leave by; `lo` for a local destination.
    pub index: u32,
    /// The router to hand them to; `None`: the destination is on the link. May be IPv6 for an
    /// IPv4 destination (RFC 5549).
    pub gateway: Option<IpAddr>,
    /// The source address the kernel would choose.
    pub source: Option<IpAddr>,
    /// The destination is an address of this host.
    pub local: bool,
    /// The path's MTU, bytes, where the route or path MTU discovery sets one below the
    /// interface's.
    pub mtu: Option<u32>,
}

impl Route {
    /// Whose Ethernet address a packet to `destination` carries.
    pub fn next_hop(&self, destination: IpAddr) -> IpAddr {
        self.gateway.unwrap_or(destination)
    }
}

/// The way to `destination`. No route is an error with `ENETUNREACH` or `EHOSTUNREACH`; so are
/// routes that forbid it (`EACCES`, `EINVAL`).
pub fn get(connection: &mut Connection, destination: IpAddr) -> Result<Route, NetlinkError> {
    let mut message = RouteMessage::default();
    (
        message.header.address_family,
        message.header.destination_prefix_length,
    ) = match destination {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    message
        .attributes
        .push(RouteAttribute::Destination(RouteAddress::from(destination)));
    connection.query(
        RouteNetlinkMessage::GetRoute(message),
        &format_args!("find the route to {destination}"),
        |_, payload| decode(payload),
    )
}

/// `struct rtmsg` and its attributes.
///
/// ```text
///  family (1) dst len (1) src len (1) tos (1) table (1) protocol (1) scope (1) type (1) flags (4)
/// ```
fn decode(payload: &[u8]) -> Option<Route> {
    let (header, rest) = payload.split_at_checked(12)?;
    let mut index = None;
    let mut route = Route {
        index: 0,
        gateway: None,
        source: None,
        local: *header.get(7)? == RTN_LOCAL,
        mtu: None,
    };
    for (kind, value) in attributes(rest) {
        match kind {
            RTA_OIF => index = attribute::u32(value),
            RTA_GATEWAY => route.gateway = attribute::address(value),
            RTA_VIA => route.gateway = via(value),
            RTA_PREFSRC => route.source = attribute::address(value),
            RTA_METRICS => route.mtu = mtu(value),
            _ => {}
        }
    }
    route.index = index?;
    Some(route)
}

/// `struct rtvia`: family (2), address.
fn via(value: &[u8]) -> Option<IpAddr> {
    let family = i32::from(attribute::u16(value)?);
    let address = attribute::address(value.get(2..)?)?;
    [AF_INET, AF_INET6].contains(&family).then_some(address)
}

fn mtu(metrics: &[u8]) -> Option<u32> {
    attributes(metrics)
        .find(|(kind, _)| *kind == RTAX_MTU)
        .and_then(|(_, value)| attribute::u32(value))
        .filter(|mtu| *mtu != 0)
}

#[cfg(test)]
mod tests;
