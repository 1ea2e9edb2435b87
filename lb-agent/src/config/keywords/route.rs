//! Options of a route: a line of `virtual_routes` or `static_routes`.

mod metrics;

use self::metrics::METRICS;
use super::{ANY, Keyword, Section, Unit, flag, line, number, read, units, word, words};
use crate::config::draft::RouteDraft;
use crate::config::lower::route as lower;
use crate::config::model::{Family, NextHop, Placing, RouteKind};
use crate::config::value;

/// Options of a route.
pub(crate) static ROUTE: Section<RouteDraft> =
    Section::options("a route", &[WAY, TYPES, PLACE, METRICS]);

/// Options of one of several ways: `nexthop { … }`.
pub(crate) static NEXTHOP: Section<NextHop> = Section::options("a next hop", &[HOP]);

const WAY: &[Keyword<RouteDraft>] = &[
    word(
        "to",
        "NET|default",
        read!(value::net_or_default => |r: &mut RouteDraft, v| lower::destination(r, v.value)),
    )
    .example("10.7.0.0/16"),
    word(
        "via",
        "ADDRESS",
        read!(value::host_address => |r: &mut RouteDraft, v| r.hop.via = Some(v.value)),
    )
    .or(&["gw"])
    .example("10.0.0.7"),
    word(
        "or",
        "ADDRESS",
        read!(value::host_address => |r: &mut RouteDraft, v| lower::another_way(r, v.value)),
    )
    .example("10.0.0.7")
    .many(),
    word(
        "dev",
        "INTERFACE",
        read!(value::interface => |r: &mut RouteDraft, v| r.hop.dev = Some(v.value)),
    )
    .or(&["oif"])
    .example("eth7"),
    flag("onlink", |r: &mut RouteDraft, v| r.hop.onlink = v.value),
    line(
        "nexthop",
        words("via ADDRESS [dev INTERFACE] [weight N] …", 0, ANY),
        lower::nexthop,
    )
    .example("via 10.0.0.7")
    .many(),
    word(
        "src",
        "ADDRESS",
        read!(value::host_address => |r: &mut RouteDraft, v| r.value.src = Some(v.value)),
    )
    .example("10.0.0.7"),
    word(
        "from",
        "NET",
        read!(value::net => |r: &mut RouteDraft, v| r.value.from = Some(v.value)),
    )
    .example("fd00::/64"),
    line("encap", words("ip|ip6|mpls|ila …", 1, ANY), lower::encap)
        .or(&["as"])
        .example("ip dst 10.0.0.7")
        .owns(value::belongs_to_encap),
    word(
        "vrf",
        "NAME",
        read!(value::interface => |r: &mut RouteDraft, v| r.value.vrf = Some(v.value)),
    )
    .default("the table of `table`")
    .example("red"),
];

const TYPES: &[Keyword<RouteDraft>] = &[
    kind("unicast", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Unicast;
    }),
    kind("local", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Local;
    }),
    kind("broadcast", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Broadcast;
    }),
    kind("anycast", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Anycast;
    }),
    kind("multicast", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Multicast;
    }),
    kind("blackhole", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Blackhole;
    }),
    kind("unreachable", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Unreachable;
    }),
    kind("prohibit", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Prohibit;
    }),
    kind("throw", |r: &mut RouteDraft, _| {
        r.value.kind = RouteKind::Throw;
    }),
    word(
        "type",
        "unicast|blackhole|…",
        read!(choice KINDS => |r: &mut RouteDraft, v| r.value.kind = v.value),
    )
    .example("blackhole"),
    kind("inet", |r: &mut RouteDraft, _| {
        r.value.family = Some(Family::Inet);
    }),
    kind("inet6", |r: &mut RouteDraft, _| {
        r.value.family = Some(Family::Inet6);
    }),
    kind("add", |r: &mut RouteDraft, _| {
        r.value.placing = Placing::Add;
    }),
    kind("append", |r: &mut RouteDraft, _| {
        r.value.placing = Placing::Append;
    }),
    kind("prepend", |r: &mut RouteDraft, _| {
        r.value.placing = Placing::Prepend;
    })
    .default("on"),
];

const fn kind(name: &'static str, set: super::Set<RouteDraft, bool>) -> Keyword<RouteDraft> {
    flag(name, set)
}

const KINDS: &[(&str, RouteKind)] = &[
    ("unicast", RouteKind::Unicast),
    ("local", RouteKind::Local),
    ("broadcast", RouteKind::Broadcast),
    ("anycast", RouteKind::Anycast),
    ("multicast", RouteKind::Multicast),
    ("blackhole", RouteKind::Blackhole),
    ("unreachable", RouteKind::Unreachable),
    ("prohibit", RouteKind::Prohibit),
    ("throw", RouteKind::Throw),
];

const PLACE: &[Keyword<RouteDraft>] = &[
    word(
        "table",
        "TABLE",
        read!(value::table => |r: &mut RouteDraft, v| r.value.table = Some(v.value)),
    )
    .default("main")
    .example("7"),
    number("metric", 0..=u32::MAX, |r: &mut RouteDraft, v| {
        r.value.metric = Some(v.value);
    })
    .or(&["priority", "preference"]),
    word(
        "scope",
        "SCOPE",
        read!(value::scope => |r: &mut RouteDraft, v| r.value.scope = Some(v.value)),
    )
    .example("link"),
    word(
        "tos",
        "0–255",
        read!(value::hex_byte => |r: &mut RouteDraft, v| r.value.tos = Some(v.value)),
    )
    .or(&["dsfield"])
    .example("0x10"),
    word(
        "protocol",
        "PROTOCOL",
        read!(value::route_protocol => |r: &mut RouteDraft, v| r.value.protocol = Some(v.value)),
    )
    .default("keepalived, 18")
    .example("static"),
    word(
        "realms",
        "[SOURCE/]DESTINATION",
        read!(value::realms => |r: &mut RouteDraft, v| r.value.realms = Some(v.value)),
    )
    .example("7"),
    word(
        "pref",
        "low|medium|high",
        read!(choice PREF => |r: &mut RouteDraft, v| r.value.pref = Some(v.value)),
    )
    .example("high"),
    units(
        "expires",
        Unit::Seconds,
        0..=u32::MAX,
        |r: &mut RouteDraft, v| r.value.expires = Some(v.value),
    ),
    word(
        "ttl-propagate",
        "enabled|disabled",
        read!(choice ENABLED => |r: &mut RouteDraft, v| r.value.ttl_propagate = Some(v.value)),
    )
    .example("enabled"),
    flag("no_track", |r: &mut RouteDraft, v| {
        r.value.no_track = v.value;
    }),
    word(
        "track_group",
        "NAME",
        read!(value::name => |r: &mut RouteDraft, v| r.track_group = Some(v)),
    )
    .example("T"),
];

/// `ICMPV6_ROUTER_PREF_*`
const PREF: &[(&str, u8)] = &[("low", 3), ("medium", 0), ("high", 1)];

const ENABLED: &[(&str, bool)] = &[("enabled", true), ("disabled", false)];

const HOP: &[Keyword<NextHop>] = &[
    word(
        "via",
        "ADDRESS",
        read!(value::host_address => |h: &mut NextHop, v| h.via = Some(v.value)),
    )
    .or(&["gw"])
    .example("10.0.0.7"),
    word(
        "dev",
        "INTERFACE",
        read!(value::interface => |h: &mut NextHop, v| h.dev = Some(v.value)),
    )
    .or(&["oif"])
    .example("eth7"),
    number("weight", 1..=256, |h: &mut NextHop, v| {
        h.weight = u16::try_from(v.value).unwrap_or(1);
    })
    .default("1"),
    flag("onlink", |h: &mut NextHop, v| h.onlink = v.value),
];
