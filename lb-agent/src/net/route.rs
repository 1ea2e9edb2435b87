//! The way to a destination, as the kernel would take it now: routing rules, tables and multipath
//! included, since the kernel itself looks.

use std::collections::BTreeSet;
use std::net::IpAddr;

use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::libc::{
    AF_INET, AF_INET6, RTA_GATEWAY, RTA_METRICS, RTA_MULTIPATH, RTA_OIF, RTA_PREFSRC, RTA_VIA,
    RTN_LOCAL, RTN_UNICAST,
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

/// A router that some route leads by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Gateway {
    /// The interface it is behind.
    pub index: u32,
    /// Its address; may be IPv6 (RFC 5549).
    pub address: IpAddr,
}

/// The gateways of all routes of both families, of every table; each once, however many routes there are.
pub fn gateways(connection: &mut Connection) -> Result<BTreeSet<Gateway>, NetlinkError> {
    let mut found = BTreeSet::new();
    for family in [AddressFamily::Inet, AddressFamily::Inet6] {
        let mut message = RouteMessage::default();
        message.header.address_family = family;
        connection.dump(
            &RouteNetlinkMessage::GetRoute(message),
            &"list the routes",
            |_, payload| {
                found.extend(decode_gateways(payload));
                None::<()>
            },
        )?;
    }
    Ok(found)
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

/// The gateways of one route, of its only way or of each of several.
fn decode_gateways(payload: &[u8]) -> Vec<Gateway> {
    let Some((header, rest)) = payload.split_at_checked(12) else {
        return Vec::new();
    };
    if header.get(7) != Some(&RTN_UNICAST) {
        return Vec::new();
    }
    let index = attributes(rest)
        .find(|(kind, _)| *kind == RTA_OIF)
        .and_then(|(_, value)| attribute::u32(value));
    let mut found: Vec<Gateway> = index
        .and_then(|index| gateway(index, rest))
        .into_iter()
        .collect();
    let several = attributes(rest).filter(|(kind, _)| *kind == RTA_MULTIPATH);
    for (_, value) in several {
        found.extend(ways(value).filter_map(|(index, attributes)| gateway(index, attributes)));
    }
    found
}

/// The gateway among the attributes of a way.
fn gateway(index: u32, bytes: &[u8]) -> Option<Gateway> {
    let address = attributes(bytes).find_map(|(kind, value)| match kind {
        RTA_GATEWAY => attribute::address(value),
        RTA_VIA => via(value),
        _ => None,
    })?;
    Some(Gateway { index, address })
}

/// The `struct rtnexthop`s of a route with several ways: length with this header (2), flags (1),
/// weight (1), interface (4), attributes.
fn ways(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    const HEADER: usize = 8;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(attribute::u16(rest)?);
        let index = attribute::u32(rest.get(4..)?)?;
        let attributes = rest.get(HEADER..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((index, attributes))
    })
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
