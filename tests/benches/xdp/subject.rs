//! The program under test, loaded and filled as lb-agent does it.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use aya::maps::MapData;
use aya::programs::{ProgramFd, ProgramInfo};
use lb_agent::config::model::{Forwarding, Scheduler};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::clock::{MEASURE, Ticks};
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_agent::runtime::clock;
use lb_common::bench::client;
use lb_common::flow::{self, FlowBucket, state};
use lb_common::hash::mix;
use lb_common::limits::FLOW_BUCKETS;
use lb_common::service::{ServiceKey4, ServiceKey6, TCP};

use crate::network::Network;

/// The key of the hashes: the same flows meet in the same buckets in every run.
const SECRET: u64 = 0x5eed_0123_4567_89ab;
/// Port of every service.
pub(crate) const PORT: u16 = 80;
/// Port of the real servers in NAT mode.
pub(crate) const REAL_PORT: u16 = 8080;
/// The first client; the last two bytes vary.
pub(crate) const CLIENTS: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 0);

/// So many flows at most are looked up to see how many the table holds.
const SAMPLE: usize = 1 << 15;

/// An address that is none of ours.
pub(crate) const FOREIGN: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 99);

/// Virtual address of the service with this `lb_kind`.
pub(crate) const fn service(method: Forwarding) -> Ipv4Addr {
    match method {
        Forwarding::Dr => Ipv4Addr::new(192, 0, 2, 1),
        Forwarding::Tun => Ipv4Addr::new(192, 0, 2, 2),
        Forwarding::Nat => Ipv4Addr::new(192, 0, 2, 3),
    }
}

/// One of the real servers of the service with this `lb_kind`.
pub(crate) const fn server(method: Forwarding, number: u8) -> Ipv4Addr {
    match method {
        Forwarding::Dr => Ipv4Addr::new(198, 51, 100, number),
        Forwarding::Tun => Ipv4Addr::new(198, 51, 100, 100 + number),
        Forwarding::Nat => Ipv4Addr::new(198, 51, 100, 200 + number),
    }
}

/// The program with maps of its own: the table of flows is empty.
pub(crate) struct Subject {
    object: Object,
    maps: Maps,
    flows: Mapped<FlowBucket>,
    pins: Pins,
}

impl Subject {
    /// Loads the program and three services, one for each `lb_kind`.
    pub(crate) fn load(network: &Network) -> Result<Self> {
        let pins = Pins::of(network.name());
        pins.remove()?;
        let mut object = Object::load(&pins)?;
        let mut maps = Maps::open(&pins)?;
        let ticks = measure(&mut object, &maps)?;
        let timeouts = state::TIMEOUTS.map(|seconds| ticks.of(Duration::from_secs(seconds.into())));
        let deadman = ticks.jiffies(Duration::from_hours(1));
        maps.set_control(SECRET, ticks.hertz(), deadman, &timeouts);
        maps.set_egress(&[network.egress()])?;
        let gates = Gates::new(maps.control());
        gates.reset(&Numbers::default());
        let gate = Numbers::default()
            .assign(["VI_1"])
            .of("VI_1")
            .context("no gate")?;
        gates.set(gate, true);
        let services = [Forwarding::Dr, Forwarding::Tun, Forwarding::Nat];
        let desired = Desired {
            services: services.map(|kind| virtual_server(kind, gate)).into(),
        };
        for operation in plan(&desired, &maps.installed()?, ticks)? {
            maps.execute(&operation)?;
        }
        let flows = MapData::from_pin(pins.map("FLOWS4"))?;
        let flows = Mapped::new(flows.fd(), FLOW_BUCKETS as usize, false)?;
        Ok(Self {
            object,
            maps,
            flows,
            pins,
        })
    }

    /// The program, to be called.
    pub(crate) fn program(&mut self) -> Result<ProgramFd> {
        Ok(self.object.balance()?.fd()?.try_clone()?)
    }

    /// What the kernel says of the program.
    pub(crate) fn info(&mut self) -> Result<ProgramInfo> {
        Ok(self.object.balance()?.info()?)
    }

    /// The share of the flows with these numbers that the table holds in this state; of many flows
    /// a sample is looked up.
    pub(crate) fn held(&self, method: Forwarding, flows: Range<u32>, state: u8) -> Result<f64> {
        let key = Key::from(ServiceKey6::new(service(method).into(), PORT, TCP));
        let services = self.maps.services();
        let entry = services.get(&key).context("the service is missing")?;
        let step = (flows.len() / SAMPLE).max(1);
        let (mut looked_up, mut held) = (0, 0);
        for number in flows.step_by(step) {
            looked_up += 1;
            held += u32::from(self.holds(number, entry.id, state));
        }
        Ok(f64::from(held) / f64::from(looked_up))
    }

    /// Whether the table holds the flow with this number in this state.
    fn holds(&self, number: u32, service: u16, state: u8) -> bool {
        let (address, port) = client(u32::from_ne_bytes(CLIENTS.octets()), number);
        let wanted = flow::key(address, port, service);
        let hash = mix(flow::key(address, port, 0), SECRET);
        let buckets = flow::buckets(hash).into_iter();
        buckets
            .filter_map(|bucket| self.flows.get(bucket as usize))
            .flat_map(|bucket| bucket.ways)
            .any(|entry| entry.key == wanted && entry.state() == state)
    }

    /// Packets and connections that the counters of all servers have seen.
    pub(crate) fn counted(&self) -> Result<Counted> {
        let mut counted = Counted::default();
        for (slot, _) in self.maps.backends() {
            let traffic = self.maps.traffic(slot)?;
            counted.packets += traffic.in_packets + traffic.out_packets;
            counted.connections += traffic.conns;
        }
        Ok(counted)
    }
}

/// What the counters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) packets: u64,
    pub(crate) connections: u64,
}

impl Drop for Subject {
    fn drop(&mut self) {
        // What is left goes with the namespace, whose name the pins have.
        let _left = self.pins.remove();
    }
}

/// The kernel's clock, found out as lb-agent does.
fn measure(object: &mut Object, maps: &Maps) -> Result<Ticks> {
    object.heartbeat()?;
    let (start, first) = (clock::now(), maps.read_control().heartbeat);
    thread::sleep(MEASURE);
    object.heartbeat()?;
    let elapsed = clock::now() - start;
    Ok(Ticks::measured(
        maps.read_control().heartbeat - first,
        elapsed,
    ))
}

/// Eight servers with equal weights; in NAT mode one, so that every reply can come from it.
fn virtual_server(method: Forwarding, gate: u16) -> Service {
    let hop = Hop {
        index: crate::network::INGRESS,
        mtu: 1500,
        src_mac: [2, 0, 0, 0, 0, 1],
        dst_mac: [2, 0, 0, 0, 0, 2],
        source: Some(Ipv4Addr::new(198, 51, 100, 254).into()),
    };
    let (servers, port) = if method == Forwarding::Nat {
        (1, REAL_PORT)
    } else {
        (8, PORT)
    };
    let server = |number| Server {
        method,
        path: Path::Via(hop),
        ..Server::new(server(method, number), port)
    };
    Service {
        scheduler: Scheduler::Wrr,
        gate,
        servers: (1..=servers).map(server).collect(),
        ..Service::new(ServiceKey4::new(service(method), PORT, TCP))
    }
}
