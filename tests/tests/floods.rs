//! A flow table that is full of live connections, and floods of ten times its size: not one of the
//! connections is lost, and the floods' own packets still get a server each.
//!
//! The harness of the benchmark makes the packets in the kernel: it takes half a minute.

#![expect(clippy::cast_possible_truncation, reason = "constants that are small")]

#[path = "../benches/xdp/harness.rs"]
#[expect(dead_code, reason = "nothing is measured here")]
mod harness;

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use aya::maps::MapData;
use aya::programs::ProgramFd;
use etherparse::PacketBuilder;
use lb_agent::config::model::Scheduler;
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::bench::{Case, HEADER_WORDS, SOURCE};
use lb_common::flow::{FlowBucket, WAYS, state};
use lb_common::limits::FLOW_BUCKETS;
use lb_common::service::{ServiceKey4, TCP, UDP};
use lb_tests::{Namespace, Need, skipped};

use harness::Harness;

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Bpf];

/// Flows that the table has room for.
const CAPACITY: u32 = FLOW_BUCKETS * WAYS as u32;

/// Packets of one run.
const SLICE: u32 = 1 << 16;

/// `BPF_PROG_TEST_RUN` says that every packet has come in by the loopback interface.
const INGRESS: u32 = 1;

/// `XDP_TX`.
const TX: usize = 3;

const VIRTUAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The first client of those who stay, and of those who flood; the last two bytes vary.
const LIVE: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 0);
const FLOOD: Ipv4Addr = Ipv4Addr::new(10, 65, 0, 0);

/// What a client sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Syn,
    Ack,
    Datagram,
}

/// Packets of this kind, no two of one client.
fn case(kind: Kind, clients: Ipv4Addr) -> Case {
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1]);
    let builder = builder.ipv4(clients.octets(), VIRTUAL.octets(), 64);
    let payload = [0; 20];
    let mut frame = Vec::new();
    // Writing to a vector does not fail.
    let _written = match kind {
        Kind::Syn => builder
            .tcp(1, 80, 1, 1024)
            .syn()
            .write(&mut frame, &payload),
        Kind::Ack => builder
            .tcp(1, 80, 1, 1024)
            .ack(1)
            .write(&mut frame, &payload),
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
        clients: u32::from_ne_bytes(clients.octets()),
    }
}

/// Eight servers by round robin.
fn service(port: u16, protocol: u8) -> Service {
    let hop = Hop {
        index: INGRESS,
        mtu: 1500,
        src_mac: [2, 0, 0, 0, 0, 1],
        dst_mac: [2, 0, 0, 0, 0, 2],
        source: None,
    };
    let server = |number| Server {
        path: Path::Via(hop),
        ..Server::new(Ipv4Addr::new(198, 51, 100, number), port)
    };
    Service {
        scheduler: Scheduler::Rr,
        servers: (1..=8).map(server).collect(),
        ..Service::new(ServiceKey4::new(VIRTUAL, port, protocol))
    }
}

/// The program with a table of its own.
struct Subject {
    /// The program lives as long as this.
    object: Object,
    harness: Harness,
    program: ProgramFd,
    flows: Mapped<FlowBucket>,
    _maps: Maps,
}

impl Subject {
    fn load(pins: &Pins) -> Result<Self> {
        let mut object = Object::load(pins)?;
        let mut maps = Maps::open(pins)?;
        // However long the test takes, nobody times out.
        let timeouts = state::TIMEOUTS.map(|seconds| seconds * 100);
        maps.set_control(0x5eed, 250, 0, &timeouts);
        Gates::new(maps.control()).reset(&Numbers::default());
        let services = vec![service(80, TCP), service(53, UDP)];
        for operation in plan(&Desired { services }, &maps.installed()?, Ticks::at(250))? {
            maps.execute(&operation)?;
        }
        let flows = MapData::from_pin(pins.map("FLOWS4"))?;
        let flows = Mapped::new(flows.fd(), FLOW_BUCKETS as usize, false)?;
        let program = object.balance()?.fd()?.try_clone()?;
        Ok(Self {
            object,
            harness: Harness::load()?,
            program,
            flows,
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

    /// The connections that are live, each with its server and where it stands.
    fn live(&self) -> Vec<(usize, u64, u32)> {
        let buckets = (0..self.flows.len()).filter_map(|bucket| self.flows.get(bucket));
        let entries = buckets.flat_map(|bucket| bucket.ways).enumerate();
        entries
            .filter(|(_, entry)| entry.state() == state::ESTABLISHED)
            .map(|(place, entry)| (place, entry.key, entry.target))
            .collect()
    }
}

#[test]
fn floods_of_ten_times_its_size_cost_a_full_table_no_live_connection() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("floods")?;
    let pins = Pins::of(namespace.name());
    namespace.enter(|| {
        let outcome = flood(&pins);
        pins.remove()?;
        outcome
    })
}

fn flood(pins: &Pins) -> Result<()> {
    let mut subject = Subject::load(pins)?;
    for first in (0..CAPACITY / 4 * 7).step_by(SLICE as usize) {
        for kind in [Kind::Syn, Kind::Ack, Kind::Ack] {
            subject.send(&case(kind, LIVE), first, SLICE)?;
        }
    }
    let live = subject.live();
    ensure!(
        live.len() > CAPACITY as usize / 100 * 98,
        "only {} connections",
        live.len()
    );
    for (kind, packets) in [
        (Kind::Syn, CAPACITY * 10),
        (Kind::Datagram, CAPACITY),
        (Kind::Ack, CAPACITY),
    ] {
        for first in (0..packets).step_by(SLICE as usize * 16) {
            subject
                .send(&case(kind, FLOOD), first, SLICE * 16)
                .with_context(|| format!("{kind:?}"))?;
        }
        let left = subject.live();
        ensure!(
            left == live,
            "a flood of {kind:?}: {} connections instead of {}",
            left.len(),
            live.len()
        );
    }
    Ok(())
}
