//! A line of `virtual_routes` or `static_routes` as `RTM_NEWROUTE` (rtnetlink(7)); defaults are
//! those of ip-route(8).

use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL};
use nix::libc::{
    RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, RT_TABLE_MAIN, RT_TABLE_UNSPEC, RTA_DST,
    RTA_FLOW, RTA_GATEWAY, RTA_METRICS, RTA_MULTIPATH, RTA_OIF, RTA_PREF, RTA_PREFSRC,
    RTA_PRIORITY, RTA_SRC, RTA_TABLE, RTA_VIA, RTM_DELROUTE, RTM_NEWROUTE, RTN_ANYCAST,
    RTN_BLACKHOLE, RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_PROHIBIT, RTN_THROW, RTN_UNICAST,
    RTN_UNREACHABLE,
};

use super::Entry;
use crate::config::model::{Family, NextHop, Placing, Route, RouteKind};
use crate::net::request::Request;

mod encap;
mod metrics;

/// `RTPROT_KEEPALIVED` of include/uapi/linux/rtnetlink.h.
const RTPROT_KEEPALIVED: u8 = 18;
/// `RTNH_F_ONLINK`.
const ONLINK: u8 = 4;
/// Attributes that libc does not name.
const RTA_EXPIRES: u16 = 23;
const RTA_TTL_PROPAGATE: u16 = 26;

/// The table where routes are without `table`.
const MAIN: u32 = RT_TABLE_MAIN as u32;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

/// The messages for a route; `vrf` is the table of its `vrf`, and `index` finds interfaces. The error
/// says what is missing.
pub fn encode(
    route: &Route,
    vrf: Option<u32>,
    index: impl Fn(&str) -> Option<u32>,
) -> Result<Entry, String> {
    let table = vrf.or(route.table);
    let text = text(route, table);
    let table = table.unwrap_or(MAIN);
    let lookup = |hop: &NextHop| match &hop.dev {
        None => Ok(None),
        Some(dev) => match index(dev) {
            Some(index) => Ok(Some(index)),
            None => Err(format!("cannot add {text}: no interface {dev}")),
        },
    };
    let hops = route.nexthops.iter();
    let hops: Vec<(&NextHop, Option<u32>)> = hops
        .map(|hop| Ok((hop, lookup(hop)?)))
        .collect::<Result<_, String>>()?;
    let family = family(route);
    let message = |kind| {
        let request = Request::new(kind, &header(route, family, table));
        attributes(request, route, (family, table), &hops)
    };
    Ok(Entry {
        add: message(RTM_NEWROUTE),
        flags: flags(route.placing),
        remove: message(RTM_DELROUTE),
        text,
    })
}

/// `NLM_F_*` (netlink(7)). Without `NLM_F_EXCL` an equal route is still refused (`EEXIST`), so that
/// adding one again finds out whether it stands.
const fn flags(placing: Placing) -> u16 {
    match placing {
        Placing::Prepend => NLM_F_CREATE,
        Placing::Append => NLM_F_CREATE | NLM_F_APPEND,
        Placing::Add => NLM_F_CREATE | NLM_F_EXCL,
    }
}

fn family(route: &Route) -> u8 {
    let hop = route.nexthops.first().and_then(|hop| hop.via);
    let address = route.to.map(|to| to.addr());
    let is_v6 = match (route.family, address.or(route.src).or(hop)) {
        (Some(Family::Inet6), _) => true,
        (Some(Family::Inet), _) => false,
        (None, address) => address.is_some_and(|address| address.is_ipv6()),
    };
    if is_v6 { AF_INET6 } else { AF_INET }
}

/// `struct rtmsg`: family, lengths of destination and source, TOS, table, protocol, scope, type,
/// flags (4).
fn header(route: &Route, family: u8, table: u32) -> [u8; 12] {
    let length = |net: Option<IpNet>| net.map_or(0, |net| net.prefix_len());
    let table = match u8::try_from(table) {
        Ok(table) => table,
        // Beyond a byte it stands in RTA_TABLE only.
        Err(_beyond) => RT_TABLE_UNSPEC,
    };
    let kind = match route.kind {
        RouteKind::Unicast => RTN_UNICAST,
        RouteKind::Local => RTN_LOCAL,
        RouteKind::Broadcast => RTN_BROADCAST,
        RouteKind::Anycast => RTN_ANYCAST,
        RouteKind::Multicast => RTN_MULTICAST,
        RouteKind::Blackhole => RTN_BLACKHOLE,
        RouteKind::Unreachable => RTN_UNREACHABLE,
        RouteKind::Prohibit => RTN_PROHIBIT,
        RouteKind::Throw => RTN_THROW,
    };
    let onlink = match route.nexthops.as_slice() {
        [hop] if hop.onlink => ONLINK,
        _ => 0,
    };
    [
        family,
        length(route.to),
        length(route.from),
        route.tos.unwrap_or(0),
        table,
        route.protocol.unwrap_or(RTPROT_KEEPALIVED),
        route.scope.unwrap_or_else(|| scope(route, family)),
        kind,
        onlink,
        0,
        0,
        0,
    ]
}

/// What ip-route(8) assumes: IPv6 knows one scope only.
fn scope(route: &Route, family: u8) -> u8 {
    let via = route.nexthops.iter().any(|hop| hop.via.is_some());
    match route.kind {
        _ if family == AF_INET6 => RT_SCOPE_UNIVERSE,
        RouteKind::Local => RT_SCOPE_HOST,
        RouteKind::Broadcast | RouteKind::Multicast | RouteKind::Anycast => RT_SCOPE_LINK,
        RouteKind::Unicast if !via && !route.nexthops.is_empty() => RT_SCOPE_LINK,
        RouteKind::Unicast
        | RouteKind::Blackhole
        | RouteKind::Unreachable
        | RouteKind::Prohibit
        | RouteKind::Throw => RT_SCOPE_UNIVERSE,
    }
}

fn attributes(
    request: Request,
    route: &Route,
    (family, table): (u8, u32),
    hops: &[(&NextHop, Option<u32>)],
) -> Request {
    let word = |value: Option<u32>| value.map(u32::to_ne_bytes);
    let with_net = |request: Request, kind, net: Option<IpNet>| match net {
        Some(net) => request.with_address(kind, net.addr()),
        None => request,
    };
    let mut request = with_net(request, RTA_DST, route.to);
    request = with_net(request, RTA_SRC, route.from);
    if let Some(src) = route.src {
        request = request.with_address(RTA_PREFSRC, src);
    }
    request = match hops {
        [] => request,
        [(hop, index)] => gateway(request, hop.via, family).with_some(RTA_OIF, word(*index)),
        several => request.with(RTA_MULTIPATH, &multipath(several, family)),
    };
    let realms = route
        .realms
        .map(|(source, destination)| (u32::from(source) << 16) | u32::from(destination));
    let expires = route
        .expires
        .map(|expires| u32::try_from(expires.as_secs()).unwrap_or(u32::MAX));
    request = request
        .with(RTA_TABLE, &table.to_ne_bytes())
        .with_some(RTA_PRIORITY, word(route.metric))
        .with_some(RTA_FLOW, word(realms))
        .with_some(RTA_PREF, route.pref.map(|pref| [pref]))
        .with_some(RTA_EXPIRES, word(expires))
        .with_some(
            RTA_TTL_PROPAGATE,
            route.ttl_propagate.map(|on| [u8::from(on)]),
        );
    if let Some(encap) = &route.encap {
        request = encap::add(request, encap);
    }
    let metrics = metrics::encode(&route.metrics);
    if metrics.body().is_empty() {
        request
    } else {
        request.with_nested(RTA_METRICS, |_empty| metrics)
    }
}

/// A next hop of the other family goes into `RTA_VIA` (RFC 5549).
fn gateway(request: Request, via: Option<IpAddr>, family: u8) -> Request {
    let (of, octets) = match via {
        None => return request,
        Some(IpAddr::V4(via)) => (AF_INET, via.octets().to_vec()),
        Some(IpAddr::V6(via)) => (AF_INET6, via.octets().to_vec()),
    };
    if of == family {
        return request.with(RTA_GATEWAY, &octets);
    }
    let mut value = u16::from(of).to_ne_bytes().to_vec();
    value.extend(octets);
    request.with(RTA_VIA, &value)
}

/// `struct rtnexthop` for each: length (2), flags, weight − 1, interface (4), attributes.
fn multipath(hops: &[(&NextHop, Option<u32>)], family: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (hop, index) in hops {
        let inner = gateway(Request::new(0, &[]), hop.via, family);
        let length = u16::try_from(8 + inner.body().len()).unwrap_or(u16::MAX);
        let weight = u8::try_from(hop.weight.saturating_sub(1)).unwrap_or(u8::MAX);
        bytes.extend(length.to_ne_bytes());
        bytes.extend([if hop.onlink { ONLINK } else { 0 }, weight]);
        bytes.extend(index.unwrap_or(0).to_ne_bytes());
        bytes.extend(inner.body());
    }
    bytes
}

/// The route in the words of ip-route(8), as far as they tell it from others.
fn text(route: &Route, table: Option<u32>) -> String {
    let mut text = match route.to {
        Some(to) => format!("route {to}"),
        None => "route default".to_owned(),
    };
    for hop in &route.nexthops {
        // Writing to a string cannot fail.
        if let Some(via) = hop.via {
            let _infallible = write!(text, " via {via}");
        }
        if let Some(dev) = &hop.dev {
            let _infallible = write!(text, " dev {dev}");
        }
    }
    if let Some(table) = table {
        let _infallible = write!(text, " table {table}");
    }
    text
}

#[cfg(test)]
mod tests;
