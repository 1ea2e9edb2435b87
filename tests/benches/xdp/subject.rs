//! The program under test, loaded and filled as lb-agent does it.

use std::net::IpAddr;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use aya::maps::MapData;
use aya::programs::{ProgramFd, ProgramInfo};
use lb_agent::config::model::{FlowTableSize, Forwarding, Scheduler};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::clock::{MEASURE, Ticks};
use lb_agent::dataplane::xdp::flow_tables::FlowTables;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_agent::runtime::clock;
use lb_common::address6;
use lb_common::bench::client;
use lb_common::flow::{self, FlowBucket, FlowBucket6, WAYS, state};
use lb_common::hash::mix;
use lb_common::service::TCP;

use crate::carried::is_carried;
use crate::network::Network;
use crate::scenario::{Family, Limit};

/// The key of the hashes: the same flows meet in the same buckets in every run.
const SECRET: u64 = 0x5eed_0123_4567_89ab;
/// Port of every service.
pub(crate) const PORT: u16 = 80;
/// Port of the real servers in NAT mode.
pub(crate) const REAL_PORT: u16 = 8080;
/// Flows that each table has room for: also a million of IPv6 stand in it.
pub(crate) const FLOWS: u32 = 1 << 22;
/// Buckets of each table.
const BUCKETS: u32 = 1 << 20;
const _: () = assert!(BUCKETS as usize * WAYS == FLOWS as usize);

/// So many flows at most are looked up to see how many the table holds.
const SAMPLE: usize = 1 << 15;

/// The last four bytes of the first client's address; two of them vary.
pub(crate) const fn low() -> [u8; 4] {
    [10, 64, 0, 0]
}

/// The first client.
pub(crate) fn clients(family: Family) -> IpAddr {
    let [a, b, c, d] = low();
    match family {
        Family::Ipv4 => IpAddr::from([a, b, c, d]),
        Family::Ipv6 => {
            let mut octets = [0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            octets[12..].copy_from_slice(&[a, b, c, d]);
            IpAddr::from(octets)
        }
    }
}

const fn number(method: Forwarding) -> u8 {
    match method {
        Forwarding::Dr => 0,
        Forwarding::Tun => 1,
        Forwarding::Nat => 2,
    }
}

/// Virtual address of the service with this `lb_kind`.
pub(crate) fn service(family: Family, method: Forwarding) -> IpAddr {
    let last = number(method) + 1;
    match family {
        Family::Ipv4 => IpAddr::from([192, 0, 2, last]),
        Family::Ipv6 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into()]),
    }
}

/// One of the real servers of the service with this `lb_kind`.
pub(crate) fn server(family: Family, method: Forwarding, number_of: u8) -> IpAddr {
    let last = number(method) * 100 + number_of;
    match family {
        Family::Ipv4 => IpAddr::from([198, 51, 100, last]),
        Family::Ipv6 => IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, last.into()]),
    }
}

/// The program with maps of its own: the table of flows is empty.
pub(crate) struct Subject {
    object: Object,
    maps: Maps,
    flows: Mapped<FlowBucket>,
    flows6: Mapped<FlowBucket6>,
    pins: Pins,
}

impl Subject {
    /// Loads the program with a service for each family and `lb_kind` that it carries, and two with a
    /// limit of new flows for each family.
    pub(crate) fn load(network: &Network) -> Result<Self> {
        let pins = Pins::of(network.name());
        pins.remove()?;
        let tables = FlowTables::from(FlowTableSize {
            ipv4: FLOWS,
            ipv6: FLOWS,
        });
        let mut object = Object::load_with(&pins, tables)?;
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
        let desired = Desired {
            services: [Family::Ipv4, Family::Ipv6]
                .into_iter()
                .flat_map(|family| services(family, gate))
                .collect(),
        };
        for operation in plan(&desired, &maps.installed()?, ticks)? {
            maps.execute(&operation)?;
        }
        let map = |name| MapData::from_pin(pins.map(name));
        let flows = Mapped::new(map("FLOWS4")?.fd(), BUCKETS as usize, false)?;
        let flows6 = Mapped::new(map("FLOWS6")?.fd(), BUCKETS as usize, false)?;
        Ok(Self {
            object,
            maps,
            flows,
            flows6,
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

    /// The share of the flows of a service with these numbers that the table holds in this state; of
    /// many flows a sample is looked up.
    pub(crate) fn held(
        &self,
        (family, method, port): (Family, Forwarding, u16),
        flows: Range<u32>,
        state: u8,
    ) -> Result<f64> {
        let key = Key {
            address: service(family, method),
            port,
            proto: TCP,
        };
        let services = self.maps.services();
        let entry = services.get(&key).context("the service is missing")?;
        let step = (flows.len() / SAMPLE).max(1);
        let (mut looked_up, mut held) = (0, 0);
        for number in flows.step_by(step) {
            looked_up += 1;
            let holds = match family {
                Family::Ipv4 => self.holds(number, entry.id, state),
                Family::Ipv6 => self.holds6(number, entry.id, state),
            };
            held += u32::from(holds);
        }
        Ok(f64::from(held) / f64::from(looked_up))
    }

    /// Whether the table of IPv4 holds the flow with this number in this state.
    fn holds(&self, number: u32, service: u16, state: u8) -> bool {
        let (address, port) = client(u32::from_ne_bytes(low()), number);
        let wanted = flow::key(address, port, service);
        let hash = mix(flow::key(address, port, 0), SECRET);
        let buckets = flow::buckets(hash, BUCKETS - 1).into_iter();
        buckets
            .filter_map(|bucket| self.flows.get(bucket as usize))
            .flat_map(|bucket| bucket.ways)
            .any(|entry| entry.key == wanted && entry.state() == state)
    }

    /// The same of IPv6.
    fn holds6(&self, number: u32, service: u16, state: u8) -> bool {
        let (address, port) = client(u32::from_ne_bytes(low()), number);
        let IpAddr::V6(first) = clients(Family::Ipv6) else {
            return false;
        };
        let mut octets = first.octets();
        octets[12..].copy_from_slice(&address.to_ne_bytes());
        let address = address6::words(octets.into());
        let wanted = flow::key6(address, port, service, SECRET);
        let buckets = flow::buckets(address6::hash(address, port, SECRET), BUCKETS - 1);
        buckets
            .into_iter()
            .filter_map(|bucket| self.flows6.get(bucket as usize))
            .flat_map(|bucket| bucket.ways)
            .any(|entry| {
                let is_his = entry.flow.key == wanted && entry.client == address;
                is_his && entry.flow.state() == state
            })
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

/// One for each `lb_kind` that is carried, and two with a limit.
fn services(family: Family, gate: u16) -> Vec<Service> {
    let methods = [Forwarding::Dr, Forwarding::Tun, Forwarding::Nat];
    let carried = methods.into_iter().filter(|it| is_carried(family, *it));
    let limited = [Limit::High, Limit::Low].map(|limit| Service {
        new_flow_limit: limit.flows(),
        ..virtual_server(family, Forwarding::Dr, limit.port(), gate)
    });
    let all = carried.map(|method| virtual_server(family, method, PORT, gate));
    all.chain(limited).collect()
}

/// Eight servers with equal weights; in NAT mode one, so that every reply can come from it.
fn virtual_server(family: Family, method: Forwarding, port: u16, gate: u16) -> Service {
    let source = match family {
        Family::Ipv4 => IpAddr::from([198, 51, 100, 254]),
        Family::Ipv6 => IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe]),
    };
    let hop = Hop {
        index: crate::network::INGRESS,
        mtu: 1500,
        src_mac: [2, 0, 0, 0, 0, 1],
        dst_mac: [2, 0, 0, 0, 0, 2],
        source: Some(source),
    };
    let (servers, real_port) = if method == Forwarding::Nat {
        (1, REAL_PORT)
    } else {
        (8, port)
    };
    let server = |number| Server {
        method,
        path: Path::Via(hop),
        ..Server::new(server(family, method, number), real_port)
    };
    let key = Key {
        address: service(family, method),
        port,
        proto: TCP,
    };
    Service {
        scheduler: Scheduler::Wrr,
        gate,
        servers: (1..=servers).map(server).collect(),
        ..Service::new(key)
    }
}
