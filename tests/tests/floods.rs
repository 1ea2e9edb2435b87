//! A flow table that is full of live connections, and floods of ten times its size: not one of the
//! connections is lost, and the floods' own packets still get a server each. For both families.
//!
//! The harness of the benchmark makes the packets in the kernel, and the tables are small
//! (`xdp_flow_table_size`): it takes some seconds.

#[path = "../benches/xdp/harness.rs"]
#[expect(dead_code, reason = "nothing is measured here")]
mod harness;

use std::net::IpAddr;

use anyhow::{Context as _, Result, ensure};
use aya::maps::MapData;
use aya::programs::ProgramFd;
use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep};
use lb_agent::config::model::{FlowTableSize, Scheduler};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_agent::dataplane::xdp::flow_tables::FlowTables;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::address6::Address6;
use lb_common::bench::{Case, HEADER_WORDS, SOURCE};
use lb_common::flow::{FlowBucket, FlowBucket6, FlowEntry, WAYS, state};
use lb_common::service::{TCP, UDP};
use lb_tests::{Namespace, Need, skipped};

use harness::Harness;

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Bpf];

/// Flows that each table has room for.
const CAPACITY: u32 = 1 << 16;

/// Connections that are opened, then established: few of them meet in one bucket while they are half
/// open, when they could push each other out.
const SLICE: u32 = 1 << 10;

/// Packets of a flood in one run.
const WAVE: u32 = 1 << 16;

/// `BPF_PROG_TEST_RUN` says that every packet has come in by the loopback interface.
const INGRESS: u32 = 1;

/// `XDP_TX`.
const TX: usize = 3;

/// Whose packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ipv4,
    Ipv6,
}

impl Family {
    /// The virtual address.
    fn service(self) -> IpAddr {
        match self {
            Self::Ipv4 => IpAddr::from([192, 0, 2, 1]),
            Self::Ipv6 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
        }
    }

    fn server(self, number: u8) -> IpAddr {
        match self {
            Self::Ipv4 => IpAddr::from([198, 51, 100, number]),
            Self::Ipv6 => IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, number.into()]),
        }
    }
}

/// The last four bytes of the address of the first client of those who stay, and of those who flood;
/// two of them vary.
const LIVE: [u8; 4] = [10, 64, 0, 0];
const FLOOD: [u8; 4] = [10, 65, 0, 0];

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Syn,
    /// Nobody has asked for it.
    SynAck,
    Ack,
    Datagram,
}

/// Packets of this kind, no two of one client.
fn case(family: Family, kind: Kind, clients: [u8; 4]) -> Case {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1]);
    let builder = match family.service() {
        IpAddr::V4(service) => builder.ipv4(clients, service.octets(), 64),
        IpAddr::V6(service) => {
            let mut client = [0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            client[12..].copy_from_slice(&clients);
            builder.ipv6(client, service.octets(), 64)
        }
    };
    let payload = [0; 20];
    let mut frame = Vec::new();
    let tcp = |builder: PacketBuilderStep<IpHeaders>| builder.tcp(1, 80, 1, 1024);
    // Writing to a vector does not fail.
    let _written = match kind {
        Kind::Syn => tcp(builder).syn().write(&mut frame, &payload),
        Kind::SynAck => tcp(builder).syn().ack(1).write(&mut frame, &payload),
        Kind::Ack => tcp(builder).ack(1).write(&mut frame, &payload),
        Kind::Datagram => builder.udp(1, 53).write(&mut frame, &payload),
    };
    let mut headers = [0; HEADER_WORDS];
    for (word, bytes) in headers.iter_mut().zip(frame.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    Case {
        headers,
        length: u32::try_from(frame.len()).unwrap_or(0),
        flows: u32::MAX,
        side: SOURCE,
        clients: u32::from_ne_bytes(clients),
    }
}

/// Eight servers by round robin.
fn service(family: Family, port: u16, proto: u8) -> Service {
    let hop = Hop {
        index: INGRESS,
        mtu: 1500,
        src_mac: [2, 0, 0, 0, 0, 1],
        dst_mac: [2, 0, 0, 0, 0, 2],
        source: None,
    };
    let server = |number| Server {
        path: Path::Via(hop),
        ..Server::new(family.server(number), port)
    };
    let key = Key {
        address: family.service(),
        port,
        proto,
    };
    Service {
        scheduler: Scheduler::Rr,
        servers: (1..=8).map(server).collect(),
        ..Service::new(key)
    }
}

/// A connection that is live: where it stands, its key with what that does not hold, and its server.
type Live = (usize, u64, Address6, u32);

/// The program with tables of its own.
struct Subject {
    /// The program lives as long as this.
    object: Object,
    harness: Harness,
    program: ProgramFd,
    flows: Mapped<FlowBucket>,
    flows6: Mapped<FlowBucket6>,
    _maps: Maps,
}

impl Subject {
    fn load(pins: &Pins) -> Result<Self> {
        let tables = FlowTables::from(FlowTableSize {
            ipv4: CAPACITY,
            ipv6: CAPACITY,
        });
        let mut object = Object::load_with(pins, tables)?;
        let mut maps = Maps::open(pins)?;
        // However long the test takes, nobody times out.
        let timeouts = state::TIMEOUTS.map(|seconds| seconds * 100);
        maps.set_control(0x5eed, 250, 0, &timeouts);
        Gates::new(maps.control()).reset(&Numbers::default());
        let services = [Family::Ipv4, Family::Ipv6].into_iter().flat_map(|family| {
            [(80, TCP), (53, UDP)].map(|(port, protocol)| service(family, port, protocol))
        });
        let services = services.collect();
        for operation in plan(&Desired { services }, &maps.installed()?, Ticks::at(250))? {
            maps.execute(&operation)?;
        }
        let map = |name| MapData::from_pin(pins.map(name));
        let buckets = CAPACITY as usize / WAYS;
        let flows = Mapped::new(map("FLOWS4")?.fd(), buckets, false)?;
        let flows6 = Mapped::new(map("FLOWS6")?.fd(), buckets, false)?;
        let program = object.balance()?.fd()?.try_clone()?;
        Ok(Self {
            object,
            harness: Harness::load()?,
            program,
            flows,
            flows6,
            _maps: maps,
        })
    }

    /// Sends packets of clients with these numbers, all of which must be forwarded.
    fn send(&mut self, case: &Case, first: u32, packets: u32) -> Result<()> {
        self.object.heartbeat()?;
        let run = self.harness.run(&self.program, case, first, packets)?;
        let sent = run.verdicts.get(TX).copied().unwrap_or(0);
        ensure!(
            sent == u64::from(packets),
            "of {packets} packets {sent} went to a server: {:?}",
            run.verdicts
        );
        Ok(())
    }

    /// The connections that are live.
    fn live(&self, family: Family) -> Vec<Live> {
        let v4 = (0..self.flows.len()).filter_map(|bucket| self.flows.get(bucket));
        let v4 = v4.flat_map(|bucket| bucket.ways.map(|entry| (entry, [0; 2])));
        let v6 = (0..self.flows6.len()).filter_map(|bucket| self.flows6.get(bucket));
        let v6 = v6.flat_map(|bucket| bucket.ways.map(|entry| (entry.flow, entry.client)));
        match family {
            Family::Ipv4 => established(v4),
            Family::Ipv6 => established(v6),
        }
    }
}

fn established(entries: impl Iterator<Item = (FlowEntry, Address6)>) -> Vec<Live> {
    entries
        .enumerate()
        .filter(|(_, (entry, _))| entry.state() == state::ESTABLISHED)
        .map(|(place, (entry, client))| (place, entry.key, client, entry.target))
        .collect()
}

#[test]
fn floods_of_ten_times_its_size_cost_a_full_table_no_live_connection() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("floods")?;
    let pins = Pins::of(namespace.name());
    namespace.enter(|| {
        let outcome = Subject::load(&pins).and_then(|mut subject| {
            flood(&mut subject, Family::Ipv4).context("IPv4")?;
            flood(&mut subject, Family::Ipv6).context("IPv6")
        });
        pins.remove()?;
        outcome
    })
}

fn flood(subject: &mut Subject, family: Family) -> Result<()> {
    for first in (0..CAPACITY / 4 * 7).step_by(SLICE as usize) {
        for kind in [Kind::Syn, Kind::Ack, Kind::Ack] {
            subject.send(&case(family, kind, LIVE), first, SLICE)?;
        }
    }
    let live = subject.live(family);
    ensure!(
        live.len() > CAPACITY as usize / 100 * 98,
        "only {} connections",
        live.len()
    );
    for kind in [Kind::Syn, Kind::SynAck, Kind::Datagram, Kind::Ack] {
        let case = case(family, kind, FLOOD);
        for first in (0..CAPACITY * 10).step_by(WAVE as usize) {
            let sent = subject.send(&case, first, WAVE);
            sent.with_context(|| format!("{kind:?}"))?;
        }
        let left = subject.live(family);
        ensure!(
            left == live,
            "a flood of {kind:?}: {} connections instead of {}",
            left.len(),
            live.len()
        );
    }
    Ok(())
}
