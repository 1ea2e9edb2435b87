//! The cases: which packets, through which table, and what must become of them.

use std::fmt;
use std::net::Ipv4Addr;

use etherparse::PacketBuilder;
use lb_agent::config::model::Forwarding;
use lb_common::bench::{Case, DESTINATION, HEADER_WORDS, SOURCE};

use crate::subject::{CLIENTS, FOREIGN, PORT, REAL_PORT, server, service};

/// Bytes of payload: the frame has 64 bytes.
const PAYLOAD: usize = 10;
/// Bits of a flow's number when no flow is to come twice.
pub(crate) const ALL_DIFFERENT: u32 = u32::MAX;
/// Flows of the packets that are not ours: enough to keep branches from being learnt by heart.
const FOREIGN_FLOWS: u32 = 1 << 10;

/// Verdicts, as the kernel numbers them.
const XDP_PASS: usize = 2;
const XDP_TX: usize = 3;
const XDP_REDIRECT: usize = 4;

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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scenario {
    pub(crate) packets: Packets,
    pub(crate) table: Table,
    /// At most so many times the floor.
    pub(crate) target: Option<f64>,
}

impl Scenario {
    /// Every case.
    pub(crate) fn all() -> Vec<Self> {
        use Forwarding::{Dr, Nat, Tun};
        use Packets::{Established, Foreign, New, NoFlow, OtherPort, Replies, ServersOwn};
        use Table::{Churned, Fresh};
        let line = |packets, table, target| Self {
            packets,
            table,
            target,
        };
        let mut all = vec![
            line(Foreign, Fresh, Some(1.3)),
            line(OtherPort, Fresh, None),
            line(ServersOwn, Fresh, None),
            line(NoFlow(1 << 10), Fresh, None),
            line(NoFlow(1 << 16), Churned, None),
        ];
        let flows = [0, 10, 16, 20].map(|bits| 1 << bits);
        for method in [Dr, Tun, Nat] {
            let target = |table, flows| match (method, table, flows) {
                (Dr, Fresh, 1024) => Some(3.5),
                (Dr, Churned, 65_536) => Some(13.0),
                _ => None,
            };
            let established =
                |table, flows| line(Established(method, flows), table, target(table, flows));
            all.extend(flows.map(|flows| established(Fresh, flows)));
            // Before a million established flows fill the table that the churned cases share.
            let new = (method == Dr).then_some(15.0);
            all.push(line(New(method), Churned, new));
            all.extend(flows.map(|flows| established(Churned, flows)));
        }
        for table in [Fresh, Churned] {
            all.extend(flows.map(|flows| line(Replies(flows), table, None)));
        }
        all
    }

    /// `lb_kind` of the service that the packets have to do with.
    pub(crate) const fn method(&self) -> Forwarding {
        match self.packets {
            Packets::Foreign | Packets::OtherPort => Forwarding::Dr,
            Packets::ServersOwn | Packets::NoFlow(_) | Packets::Replies(_) => Forwarding::Nat,
            Packets::Established(method, _) | Packets::New(method) => method,
        }
    }

    /// The packets of the rounds, and the verdict that each of them must have.
    pub(crate) fn case(&self) -> (Case, usize) {
        match self.packets {
            Packets::Foreign => {
                let frame = frame((CLIENTS, 0), (FOREIGN, PORT), Flag::Ack);
                (case(&frame, SOURCE, FOREIGN_FLOWS - 1), XDP_PASS)
            }
            Packets::OtherPort => {
                let frame = frame((CLIENTS, 0), (service(Forwarding::Dr), PORT + 1), Flag::Ack);
                (case(&frame, SOURCE, FOREIGN_FLOWS - 1), XDP_PASS)
            }
            Packets::ServersOwn => (from_server(REAL_PORT + 1, FOREIGN_FLOWS), XDP_PASS),
            Packets::NoFlow(flows) => (from_server(REAL_PORT, flows), XDP_PASS),
            Packets::Established(method, flows) => {
                (case(&request(method, Flag::Ack), SOURCE, flows - 1), XDP_TX)
            }
            Packets::Replies(flows) => (from_server(REAL_PORT, flows), XDP_REDIRECT),
            Packets::New(method) => (opening(method), XDP_TX),
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
            | Packets::New(_) => None,
        }
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
            Packets::Foreign | Packets::OtherPort | Packets::ServersOwn | Packets::NoFlow(_) => {
                (0, 0)
            }
            Packets::Established(..) | Packets::Replies(_) => (sent, 0),
            Packets::New(_) => (sent, sent),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// A TCP packet's one flag.
#[derive(Clone, Copy)]
enum Flag {
    Syn,
    Ack,
}

/// SYNs to a service, no two of the same client.
pub(crate) fn opening(method: Forwarding) -> Case {
    case(&request(method, Flag::Syn), SOURCE, ALL_DIFFERENT)
}

/// ACKs to a service, no two of the same client.
pub(crate) fn establishing(method: Forwarding) -> Case {
    case(&request(method, Flag::Ack), SOURCE, ALL_DIFFERENT)
}

/// Packets of a NAT server's port to so many clients.
fn from_server(port: u16, flows: u32) -> Case {
    let server = (server(Forwarding::Nat, 1), port);
    let frame = frame(server, (CLIENTS, 0), Flag::Ack);
    case(&frame, DESTINATION, flows - 1)
}

fn request(method: Forwarding, flag: Flag) -> Vec<u8> {
    frame((CLIENTS, 0), (service(method), PORT), flag)
}

fn frame(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), flag: Flag) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1])
        .ipv4(from.0.octets(), to.0.octets(), 64)
        .tcp(from.1, to.1, 1, 1024);
    let builder = match flag {
        Flag::Syn => builder.syn(),
        Flag::Ack => builder.ack(1),
    };
    let mut frame = Vec::new();
    // Writing to a vector does not fail.
    let _written = builder.write(&mut frame, &[0; PAYLOAD]);
    frame
}

/// What the harness is to do with `frame`.
fn case(frame: &[u8], side: u32, flows: u32) -> Case {
    let mut headers = [0; HEADER_WORDS];
    for (word, bytes) in headers.iter_mut().zip(frame.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    Case {
        headers,
        length: u32::try_from(frame.len()).unwrap_or(0),
        flows,
        side,
        clients: u32::from_ne_bytes(CLIENTS.octets()),
    }
}
