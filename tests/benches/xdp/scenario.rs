//! The cases: which packets, through which table, what must become of them, and what they may cost.

use std::fmt;

use lb_agent::config::model::Forwarding;
use lb_common::bench::{Case, DESTINATION, SOURCE};

use crate::carried::is_carried;
use crate::frames::{Flag, case, foreign, from_server, request, request_to};
use crate::subject::{PORT, REAL_PORT};

/// Bits of a flow's number when no flow is to come twice.
pub(crate) const ALL_DIFFERENT: u32 = u32::MAX;
/// Flows of the packets that are not ours: enough to keep branches from being learnt by heart.
const FOREIGN_FLOWS: u32 = 1 << 10;

/// Verdicts, as the kernel numbers them.
const XDP_DROP: usize = 1;
const XDP_PASS: usize = 2;
const XDP_TX: usize = 3;
const XDP_REDIRECT: usize = 4;

/// TUN may cost so many times as much as DR, NAT as DR, and IPv6 as IPv4: multiples of the floor.
const TUN_TO_DR: f64 = 1.4;
const NAT_TO_DR: f64 = 1.6;
const IPV6_TO_IPV4: f64 = 1.6;

/// Whose packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Ipv4,
    Ipv6,
}

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packets {
    /// To an address that is none of ours.
    Foreign,
    /// To a virtual address, but a port without a service.
    OtherPort,
    /// What a NAT server has to say that answers nobody: from another port than the service's.
    ServersOwn,
    /// From the port of the service, to so many who have no flow.
    NoFlow(u32),
    /// Established connections of clients, so many.
    Established(Forwarding, u32),
    /// Replies of a NAT server to so many clients.
    Replies(u32),
    /// Every packet opens a connection.
    New(Forwarding),
    /// The same with `xdp_new_flow_limit`, in DR mode.
    Limited(Limit),
}

/// How `xdp_new_flow_limit` is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Never reached.
    High,
    /// One flow in a second: all others are dropped.
    Low,
}

/// What the table of flows has been through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    /// Nothing.
    Fresh,
    /// Five quarters of its capacity in flows that came once.
    Churned,
}

/// One line of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) family: Family,
    pub(crate) packets: Packets,
    pub(crate) table: Table,
}

/// What a case is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// At most so many times the floor.
    Floor(f64),
    /// At most so many times as much as this one, both as multiples of the floor.
    Beside(Scenario, f64),
}

impl Scenario {
    /// Every case of what XDP carries.
    pub(crate) fn all() -> Vec<Self> {
        let families = [Family::Ipv4, Family::Ipv6];
        families.into_iter().flat_map(Self::of).collect()
    }

    fn of(family: Family) -> Vec<Self> {
        use Forwarding::{Dr, Nat, Tun};
        use Packets::{Established, Foreign, Limited, New, NoFlow, OtherPort, Replies, ServersOwn};
        use Table::{Churned, Fresh};
        let line = |packets, table| Self {
            family,
            packets,
            table,
        };
        let with_nat = is_carried(family, Nat);
        let mut all = vec![line(Foreign, Fresh), line(OtherPort, Fresh)];
        if with_nat {
            all.push(line(ServersOwn, Fresh));
            all.push(line(NoFlow(1 << 10), Fresh));
            all.push(line(NoFlow(1 << 16), Churned));
        }
        let flows = [0, 10, 16, 20].map(|bits| 1 << bits);
        let methods = [Dr, Tun, Nat];
        for method in methods.into_iter().filter(|it| is_carried(family, *it)) {
            let established = |table, flows| line(Established(method, flows), table);
            all.extend(flows.map(|flows| established(Fresh, flows)));
            // Before a million established flows fill the table that the churned cases share.
            all.push(line(New(method), Churned));
            if method == Dr {
                all.push(line(Limited(Limit::High), Churned));
                all.push(line(Limited(Limit::Low), Churned));
            }
            all.extend(flows.map(|flows| established(Churned, flows)));
        }
        for table in [Fresh, Churned] {
            let replies = flows.map(|flows| line(Replies(flows), table));
            all.extend(replies.into_iter().filter(|_| with_nat));
        }
        all
    }

    /// What it is to reach.
    pub(crate) fn targets(&self) -> Vec<Target> {
        use Forwarding::{Dr, Nat, Tun};
        use Packets::{Established, Foreign, New};
        use Table::{Churned, Fresh};
        if self.family == Family::Ipv6 {
            let beside = Self {
                family: Family::Ipv4,
                ..*self
            };
            return vec![Target::Beside(beside, IPV6_TO_IPV4)];
        }
        let beside = |packets, times| vec![Target::Beside(Self { packets, ..*self }, times)];
        match (self.packets, self.table) {
            (Foreign, Fresh) => vec![Target::Floor(1.3)],
            (Established(Dr, 1024), Fresh) => vec![Target::Floor(3.5)],
            (Established(Dr, 65_536), Churned) => vec![Target::Floor(13.0)],
            (New(Dr), Churned) => vec![Target::Floor(15.0)],
            (Established(Tun, flows), _) => beside(Established(Dr, flows), TUN_TO_DR),
            (Established(Nat, flows), _) => beside(Established(Dr, flows), NAT_TO_DR),
            (New(Tun), _) => beside(New(Dr), TUN_TO_DR),
            (New(Nat), _) => beside(New(Dr), NAT_TO_DR),
            _ => Vec::new(),
        }
    }

    /// `lb_kind` of the service that the packets have to do with.
    pub(crate) const fn method(&self) -> Forwarding {
        match self.packets {
            Packets::Foreign | Packets::OtherPort | Packets::Limited(_) => Forwarding::Dr,
            Packets::ServersOwn | Packets::NoFlow(_) | Packets::Replies(_) => Forwarding::Nat,
            Packets::Established(method, _) | Packets::New(method) => method,
        }
    }

    /// The packets of the rounds, and the verdict that each of them must have.
    pub(crate) fn case(&self) -> (Case, usize) {
        let family = self.family;
        match self.packets {
            Packets::Foreign => {
                let frame = foreign(family);
                (case(&frame, SOURCE, FOREIGN_FLOWS - 1), XDP_PASS)
            }
            Packets::OtherPort => {
                let frame = request_to(family, Forwarding::Dr, PORT + 1, Flag::Ack);
                (case(&frame, SOURCE, FOREIGN_FLOWS - 1), XDP_PASS)
            }
            Packets::ServersOwn => (replies(family, REAL_PORT + 1, FOREIGN_FLOWS), XDP_PASS),
            Packets::NoFlow(flows) => (replies(family, REAL_PORT, flows), XDP_PASS),
            Packets::Established(method, flows) => {
                let frame = request(family, method, Flag::Ack);
                (case(&frame, SOURCE, flows - 1), XDP_TX)
            }
            Packets::Replies(flows) => (replies(family, REAL_PORT, flows), XDP_REDIRECT),
            Packets::New(method) => (opening(family, method), XDP_TX),
            Packets::Limited(limit) => {
                let frame = request_to(family, Forwarding::Dr, limit.port(), Flag::Syn);
                let verdict = match limit {
                    Limit::High => XDP_TX,
                    Limit::Low => XDP_DROP,
                };
                (case(&frame, SOURCE, ALL_DIFFERENT), verdict)
            }
        }
    }

    /// The service and the number of flows that stand in the table while the case is measured.
    pub(crate) const fn flows(&self) -> Option<(Forwarding, u32)> {
        match self.packets {
            Packets::Established(method, flows) => Some((method, flows)),
            Packets::Replies(flows) => Some((Forwarding::Nat, flows)),
            Packets::Foreign
            | Packets::OtherPort
            | Packets::ServersOwn
            | Packets::NoFlow(_)
            | Packets::New(_)
            | Packets::Limited(_) => None,
        }
    }

    /// The port of the service whose flows are all new, if they are.
    pub(crate) const fn opens(&self) -> Option<u16> {
        match self.packets {
            Packets::New(_) => Some(PORT),
            Packets::Limited(limit) => Some(limit.port()),
            Packets::Foreign
            | Packets::OtherPort
            | Packets::ServersOwn
            | Packets::NoFlow(_)
            | Packets::Established(..)
            | Packets::Replies(_) => None,
        }
    }

    /// Whether its flows are refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.packets == Packets::Limited(Limit::Low)
    }

    /// Whether the program puts an outer header in front of the packets.
    pub(crate) const fn encapsulates(&self) -> bool {
        matches!(
            self.packets,
            Packets::Established(Forwarding::Tun, _) | Packets::New(Forwarding::Tun)
        )
    }

    /// Packets and connections that the counters must show after `sent` packets.
    pub(crate) const fn counted(&self, sent: u64) -> (u64, u64) {
        match self.packets {
            Packets::Foreign
            | Packets::OtherPort
            | Packets::ServersOwn
            | Packets::NoFlow(_)
            | Packets::Limited(Limit::Low) => (0, 0),
            Packets::Established(..) | Packets::Replies(_) => (sent, 0),
            Packets::New(_) | Packets::Limited(Limit::High) => (sent, sent),
        }
    }
}

impl Limit {
    /// The port of the service that is limited so.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::High => PORT + 2,
            Self::Low => PORT + 3,
        }
    }

    /// `xdp_new_flow_limit`.
    pub(crate) const fn flows(self) -> u32 {
        match self {
            Self::High => 1_000_000_000,
            Self::Low => 1,
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.family == Family::Ipv6 {
            write!(f, "IPv6 ")?;
        }
        match self.packets {
            Packets::Foreign => return write!(f, "not ours"),
            Packets::OtherPort => return write!(f, "not ours: another port of a VIP"),
            Packets::ServersOwn => return write!(f, "not ours: a NAT server's own"),
            Packets::NoFlow(flows) => write!(f, "no flow: NAT server, {}", Count(flows))?,
            Packets::Established(method, flows) => {
                write!(f, "{} established, {}", name(method), Count(flows))?;
            }
            Packets::Replies(flows) => write!(f, "NAT replies, {}", Count(flows))?,
            Packets::New(method) => write!(f, "{} all flows new", name(method))?,
            Packets::Limited(Limit::High) => write!(f, "DR all new, limit far")?,
            Packets::Limited(Limit::Low) => write!(f, "DR all new, beyond limit")?,
        }
        match self.table {
            Table::Fresh => write!(f, ", fresh"),
            Table::Churned => write!(f, ", churned"),
        }
    }
}

/// A number of flows, a power of two, with its unit.
struct Count(u32);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => write!(f, "1 flow"),
            count @ 0..1024 => write!(f, "{count} flows"),
            count @ 1024..1_048_576 => write!(f, "{} K flows", count >> 10),
            count => write!(f, "{} M flows", count >> 20),
        }
    }
}

/// `lb_kind`.
const fn name(method: Forwarding) -> &'static str {
    match method {
        Forwarding::Dr => "DR",
        Forwarding::Tun => "TUN",
        Forwarding::Nat => "NAT",
    }
}

/// SYNs to a service, no two of the same client.
pub(crate) fn opening(family: Family, method: Forwarding) -> Case {
    case(&request(family, method, Flag::Syn), SOURCE, ALL_DIFFERENT)
}

/// ACKs to a service, no two of the same client.
pub(crate) fn establishing(family: Family, method: Forwarding) -> Case {
    case(&request(family, method, Flag::Ack), SOURCE, ALL_DIFFERENT)
}

/// Packets of a NAT server's port to so many clients.
fn replies(family: Family, port: u16, flows: u32) -> Case {
    case(&from_server(family, port), DESTINATION, flows - 1)
}
