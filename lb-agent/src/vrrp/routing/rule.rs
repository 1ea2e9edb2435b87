//! A line of `virtual_rules` or `static_rules` as `RTM_NEWRULE` (`include/uapi/linux/fib_rules.h`).

use std::fmt::Write as _;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use nix::libc::{RT_TABLE_MAIN, RT_TABLE_UNSPEC, RTM_DELRULE, RTM_NEWRULE};

use super::Entry;
use crate::config::model::{Family, Range, Rule, RuleAction};
use crate::net::request::Request;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
/// `FIB_RULE_INVERT`.
const INVERT: u32 = 2;
/// `RTPROT_KEEPALIVED`.
const RTPROT_KEEPALIVED: u8 = 18;

// FRA_*
const DST: u16 = 1;
const SRC: u16 = 2;
const IIFNAME: u16 = 3;
const GOTO: u16 = 4;
const PRIORITY: u16 = 6;
const FWMARK: u16 = 10;
const FLOW: u16 = 11;
const TUN_ID: u16 = 12;
const SUPPRESS_IFGROUP: u16 = 13;
const SUPPRESS_PREFIXLEN: u16 = 14;
const TABLE: u16 = 15;
const FWMASK: u16 = 16;
const OIFNAME: u16 = 17;
const L3MDEV: u16 = 19;
const UID_RANGE: u16 = 20;
const PROTOCOL: u16 = 21;
const IP_PROTO: u16 = 22;
const SPORT_RANGE: u16 = 23;
const DPORT_RANGE: u16 = 24;

/// The messages for a rule. The error says what is missing.
pub fn encode(rule: &Rule) -> Result<Entry, String> {
    let text = text(rule);
    if rule.action == RuleAction::None && !rule.l3mdev {
        return Err(format!("cannot add {text}: it says nothing to do"));
    }
    let message = |kind| attributes(Request::new(kind, &header(rule)), rule);
    Ok(Entry {
        add: message(RTM_NEWRULE),
        flags: NLM_F_CREATE | NLM_F_EXCL,
        remove: message(RTM_DELRULE),
        text,
    })
}

/// `struct fib_rule_hdr`: family, lengths of destination and source, TOS, table, two reserved,
/// action, flags (4).
fn header(rule: &Rule) -> [u8; 12] {
    let first = rule.from.or(rule.to);
    let is_v6 = match rule.family {
        Some(Family::Inet6) => true,
        Some(Family::Inet) => false,
        None => first.is_some_and(|net| net.addr().is_ipv6()),
    };
    let (action, table) = match rule.action {
        RuleAction::None => (1, RT_TABLE_UNSPEC),
        RuleAction::Table(table) => (1, u8::try_from(table).unwrap_or(RT_TABLE_UNSPEC)),
        RuleAction::Goto(_) => (2, RT_TABLE_UNSPEC),
        RuleAction::Nop => (3, RT_TABLE_UNSPEC),
        RuleAction::Blackhole => (6, RT_TABLE_UNSPEC),
        RuleAction::Unreachable => (7, RT_TABLE_UNSPEC),
        RuleAction::Prohibit => (8, RT_TABLE_UNSPEC),
    };
    let [f0, f1, f2, f3] = if rule.not { INVERT } else { 0 }.to_ne_bytes();
    [
        if is_v6 { AF_INET6 } else { AF_INET },
        rule.to.map_or(0, |net| net.prefix_len()),
        rule.from.map_or(0, |net| net.prefix_len()),
        rule.tos.unwrap_or(0),
        table,
        0,
        0,
        action,
        f0,
        f1,
        f2,
        f3,
    ]
}

fn attributes(request: Request, rule: &Rule) -> Request {
    let word = |value: Option<u32>| value.map(u32::to_ne_bytes);
    let (table, goto) = match rule.action {
        RuleAction::Table(table) => (Some(table), None),
        RuleAction::Goto(preference) => (None, Some(preference)),
        RuleAction::None if rule.l3mdev => (None, None),
        RuleAction::None => (Some(RT_TABLE_MAIN.into()), None),
        RuleAction::Nop
        | RuleAction::Blackhole
        | RuleAction::Unreachable
        | RuleAction::Prohibit => (None, None),
    };
    let mut request = request;
    for (kind, net) in [(DST, rule.to), (SRC, rule.from)] {
        // "all" has a length of zero and no address.
        if let Some(net) = net.filter(|net| net.prefix_len() > 0) {
            request = request.with_address(kind, net.addr());
        }
    }
    for (kind, name) in [(IIFNAME, &rule.iif), (OIFNAME, &rule.oif)] {
        if let Some(name) = name {
            request = request.with_string(kind, name);
        }
    }
    let realms = rule
        .realms
        .map(|(source, destination)| (u32::from(source) << 16) | u32::from(destination));
    request
        .with_some(PRIORITY, word(rule.preference))
        .with_some(TABLE, word(table))
        .with_some(GOTO, word(goto))
        .with_some(FWMARK, word(rule.fwmark.map(|(mark, _)| mark)))
        .with_some(FWMASK, word(rule.fwmark.map(|(_, mask)| mask)))
        .with_some(FLOW, word(realms))
        .with_some(TUN_ID, rule.tunnel_id.map(u64::to_be_bytes))
        .with_some(SUPPRESS_IFGROUP, word(rule.suppress_ifgroup))
        .with_some(SUPPRESS_PREFIXLEN, word(rule.suppress_prefixlength))
        .with_some(L3MDEV, rule.l3mdev.then_some([1]))
        .with_some(UID_RANGE, rule.uidrange.map(words))
        .with(PROTOCOL, &[rule.protocol.unwrap_or(RTPROT_KEEPALIVED)])
        .with_some(IP_PROTO, rule.ipproto.map(|protocol| [protocol]))
        .with_some(SPORT_RANGE, rule.sport.map(ports))
        .with_some(DPORT_RANGE, rule.dport.map(ports))
}

fn words(range: Range<u32>) -> Vec<u8> {
    let both = [range.first.to_ne_bytes(), range.last.to_ne_bytes()];
    both.concat()
}

fn ports(range: Range<u16>) -> Vec<u8> {
    let both = [range.first.to_ne_bytes(), range.last.to_ne_bytes()];
    both.concat()
}

/// The rule in the words of ip-rule(8), as far as they tell it from others.
fn text(rule: &Rule) -> String {
    let mut text = String::from("rule");
    // Writing to a string cannot fail.
    if let Some(preference) = rule.preference {
        let _infallible = write!(text, " {preference}:");
    }
    match rule.from {
        Some(from) => {
            let _infallible = write!(text, " from {from}");
        }
        None => text.push_str(" from all"),
    }
    if let Some(to) = rule.to {
        let _infallible = write!(text, " to {to}");
    }
    if let RuleAction::Table(table) = rule.action {
        let _infallible = write!(text, " lookup {table}");
    }
    text
}

#[cfg(test)]
mod tests;
