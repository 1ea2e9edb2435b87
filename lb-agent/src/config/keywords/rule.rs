//! Options of a rule: a line of `virtual_rules` or `static_rules`.

use super::{Keyword, Section, flag, number, read, word};
use crate::config::draft::RuleDraft;
use crate::config::lower::rule as lower;
use crate::config::model::{Family, RuleAction};
use crate::config::value;

/// Options of a rule.
pub(crate) static RULE: Section<RuleDraft> = Section::options("a rule", &[SELECTOR, ACTION]);

const SELECTOR: &[Keyword<RuleDraft>] = &[
    word(
        "from",
        "NET|all",
        read!(value::net_or_all => |r: &mut RuleDraft, v| r.value.from = v.value),
    )
    .default("all")
    .example("10.7.0.0/16"),
    word(
        "to",
        "NET|all",
        read!(value::net_or_all => |r: &mut RuleDraft, v| r.value.to = v.value),
    )
    .default("all")
    .example("10.7.0.0/16"),
    flag("not", |r: &mut RuleDraft, v| r.value.not = v.value),
    flag("inet", |r: &mut RuleDraft, _| {
        r.value.family = Some(Family::Inet);
    }),
    flag("inet6", |r: &mut RuleDraft, _| {
        r.value.family = Some(Family::Inet6);
    }),
    word(
        "fwmark",
        "MARK[/MASK]",
        read!(lower::mark => |r: &mut RuleDraft, v| r.value.fwmark = Some(v.value)),
    )
    .example("7"),
    word(
        "iif",
        "INTERFACE",
        read!(value::interface => |r: &mut RuleDraft, v| r.value.iif = Some(v.value)),
    )
    .or(&["dev"])
    .example("eth7"),
    word(
        "oif",
        "INTERFACE",
        read!(value::interface => |r: &mut RuleDraft, v| r.value.oif = Some(v.value)),
    )
    .example("eth7"),
    word(
        "tos",
        "0–255",
        read!(value::hex_byte => |r: &mut RuleDraft, v| r.value.tos = Some(v.value)),
    )
    .or(&["dsfield"])
    .example("0x10"),
    word(
        "uidrange",
        "FIRST-LAST",
        read!(lower::range => |r: &mut RuleDraft, v| r.value.uidrange = Some(v.value)),
    )
    .example("7-8"),
    word(
        "ipproto",
        "PROTOCOL",
        read!(lower::ip_protocol => |r: &mut RuleDraft, v| r.value.ipproto = Some(v.value)),
    )
    .example("tcp"),
    word(
        "sport",
        "FIRST[-LAST]",
        read!(lower::range => |r: &mut RuleDraft, v| r.value.sport = Some(v.value)),
    )
    .example("7"),
    word(
        "dport",
        "FIRST[-LAST]",
        read!(lower::range => |r: &mut RuleDraft, v| r.value.dport = Some(v.value)),
    )
    .example("7"),
    word(
        "tunnel-id",
        "N",
        read!(value::long => |r: &mut RuleDraft, v| r.value.tunnel_id = Some(v.value)),
    )
    .example("7"),
    flag("l3mdev", |r: &mut RuleDraft, v| r.value.l3mdev = v.value),
];

const ACTION: &[Keyword<RuleDraft>] = &[
    word(
        "table",
        "TABLE",
        read!(value::table => |r: &mut RuleDraft, v| r.value.action = RuleAction::Table(v.value)),
    )
    .or(&["lookup"])
    .example("7"),
    number("preference", 0..=u32::MAX, |r: &mut RuleDraft, v| {
        r.value.preference = Some(v.value);
    })
    .or(&["order", "priority"])
    .default("the kernel chooses"),
    word(
        "realms",
        "[SOURCE/]DESTINATION",
        read!(value::realms => |r: &mut RuleDraft, v| r.value.realms = Some(v.value)),
    )
    .example("7"),
    number("suppress_prefixlength", 0..=128, |r: &mut RuleDraft, v| {
        r.value.suppress_prefixlength = Some(v.value);
    })
    .or(&["suppress_prefixlen"]),
    number("suppress_ifgroup", 0..=u32::MAX, |r: &mut RuleDraft, v| {
        r.value.suppress_ifgroup = Some(v.value);
    }),
    number("goto", 0..=u32::MAX, |r: &mut RuleDraft, v| {
        r.value.action = RuleAction::Goto(v.value);
    }),
    flag("nop", |r: &mut RuleDraft, _| {
        r.value.action = RuleAction::Nop;
    }),
    word(
        "type",
        "blackhole|unreachable|prohibit",
        read!(choice TYPES => |r: &mut RuleDraft, v| r.value.action = v.value),
    )
    .example("prohibit"),
    flag("blackhole", |r: &mut RuleDraft, _| {
        r.value.action = RuleAction::Blackhole;
    }),
    flag("unreachable", |r: &mut RuleDraft, _| {
        r.value.action = RuleAction::Unreachable;
    }),
    flag("prohibit", |r: &mut RuleDraft, _| {
        r.value.action = RuleAction::Prohibit;
    }),
    word(
        "protocol",
        "PROTOCOL",
        read!(value::route_protocol => |r: &mut RuleDraft, v| r.value.protocol = Some(v.value)),
    )
    .example("7"),
    flag("no_track", |r: &mut RuleDraft, v| {
        r.value.no_track = v.value;
    }),
    word(
        "track_group",
        "NAME",
        read!(value::name => |r: &mut RuleDraft, v| r.track_group = Some(v)),
    )
    .example("T"),
];

const TYPES: &[(&str, RuleAction)] = &[
    ("blackhole", RuleAction::Blackhole),
    ("unreachable", RuleAction::Unreachable),
    ("prohibit", RuleAction::Prohibit),
];
