//! Lines of `virtual_rules` and `static_rules`.

use ipnet::IpNet;
use serde::Serialize;

use super::Family;

/// A routing rule, in the words of ip-rule(8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// `inet`, `inet6`; `None`: as the addresses say.
    pub family: Option<Family>,
    /// `not`: everything but what is named.
    pub not: bool,
    /// `from`; `None`: all.
    pub from: Option<IpNet>,
    /// `to`; `None`: all.
    pub to: Option<IpNet>,
    /// What is done.
    pub action: RuleAction,
    /// `preference` (`order`, `priority`); `None`: the kernel chooses, so that two directors may
    /// differ.
    pub preference: Option<u32>,
    /// `fwmark MARK[/MASK]`.
    pub fwmark: Option<(u32, u32)>,
    /// `iif` (`dev`).
    pub iif: Option<String>,
    /// `oif`.
    pub oif: Option<String>,
    /// `tos` (`dsfield`).
    pub tos: Option<u8>,
    /// `uidrange`.
    pub uidrange: Option<Range<u32>>,
    /// `ipproto`, by number.
    pub ipproto: Option<u8>,
    /// `sport`.
    pub sport: Option<Range<u16>>,
    /// `dport`.
    pub dport: Option<Range<u16>>,
    /// `tunnel-id`.
    pub tunnel_id: Option<u64>,
    /// `l3mdev`: the table of the interface's VRF.
    pub l3mdev: bool,
    /// `realms`.
    pub realms: Option<(u16, u16)>,
    /// `suppress_prefixlength`.
    pub suppress_prefixlength: Option<u32>,
    /// `suppress_ifgroup`.
    pub suppress_ifgroup: Option<u32>,
    /// `protocol`, as the kernel's number.
    pub protocol: Option<u8>,
    /// `no_track`: its removal by somebody else does not matter.
    pub no_track: bool,
    /// `track_group` of a static rule.
    pub track_group: Option<String>,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RuleAction {
    /// Nothing was said.
    #[default]
    None,
    /// `table` (`lookup`): the table by number.
    Table(u32),
    /// `goto`: the rule of this preference is next.
    Goto(u32),
    /// `nop`.
    Nop,
    /// `type blackhole`.
    Blackhole,
    /// `type unreachable`.
    Unreachable,
    /// `type prohibit`.
    Prohibit,
}

/// From here to there, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Range<N> {
    /// First.
    pub first: N,
    /// Last.
    pub last: N,
}
