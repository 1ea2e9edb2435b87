//! The maps as records for `dump`. Reads only.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use lb_common::backend::{Backend, flags, tunnel};
use lb_common::control::GATE_ALWAYS;
use lb_common::flow::state::is_active;
use lb_common::flow::{self, FLOW_STATES, FlowEntry, STAMP_MASK, TICK_SHIFT, state};
use lb_common::policy::{self, Policy};
use lb_common::service::{SCTP, ServiceEntry, TCP, address4, scheduler};
use lb_common::stats::{Reason, Traffic};

use super::clock::Ticks;
use super::gate::Gates;
use super::maps::read::Flow;
use super::maps::{Maps, MapsError};
use super::ranges::{Range, ranges};
use crate::dataplane::choice::Carrier;
use crate::dataplane::installed::Key;
use crate::observe::model::{
    AddressesView, BackendState, BackendView, ConnectionView, Counters, Endpoint, Granularity, Mac,
    Method, PersistenceView, Protocol, ReasonView, ServerView, ServiceView,
};
use crate::observe::vip::Vip;

/// What the maps do not hold: names, reasons, the time.
pub struct Surroundings {
    /// Names of the VRRP instances, in the order of their gates.
    pub instances: Vec<String>,
    /// Names of the interfaces, by index.
    pub interfaces: BTreeMap<u32, String>,
    /// The groups that are served, each by the first of its addresses and ports.
    pub groups: BTreeMap<Key, String>,
    /// Why the way to a server is not known.
    pub unresolved: BTreeMap<IpAddr, String>,
    /// Time since the last heartbeat.
    pub silent: Duration,
}

/// The maps of one agent, seen with their surroundings.
pub struct View<'a> {
    maps: &'a Maps,
    surroundings: &'a Surroundings,
    backends: HashMap<u32, Backend>,
    /// What is served, in order.
    served: BTreeMap<Key, ServiceEntry>,
    /// The first key of each pool.
    firsts: HashMap<u16, Key>,
    ticks: Ticks,
    now: u32,
    timeouts: [u32; FLOW_STATES],
    /// The program has heard of the agent within `xdp_deadman`.
    heard: bool,
}

impl<'a> View<'a> {
    /// Looks at the servers and the clock once, for everything that follows.
    pub fn new(maps: &'a Maps, surroundings: &'a Surroundings) -> Self {
        let control = maps.read_control();
        let ticks = Ticks::at(u32::try_from(control.hertz).unwrap_or(0).max(1));
        let jiffies = control
            .heartbeat
            .wrapping_add(ticks.jiffies(surroundings.silent));
        let served = maps.services();
        let mut firsts = HashMap::new();
        for (key, entry) in &served {
            firsts.entry(entry.pool).or_insert(*key);
        }
        Self {
            maps,
            surroundings,
            backends: maps.backends().collect(),
            served,
            firsts,
            ticks,
            // Only the low bits of a tick are ever compared.
            now: u32::try_from(jiffies >> TICK_SHIFT & u64::from(u32::MAX)).unwrap_or(0),
            timeouts: control.timeouts,
            heard: control.deadman == 0 || ticks.jiffies(surroundings.silent) <= control.deadman,
        }
    }

    /// The virtual servers with their servers.
    pub fn services(&self) -> Result<Vec<ServiceView>, MapsError> {
        let mut servers: HashMap<u16, Vec<ServerView>> = HashMap::new();
        let mut totals: HashMap<u16, Traffic> = HashMap::new();
        let connections = self.count_connections();
        let mut slots: Vec<_> = self.backends.iter().collect();
        // As ipvsadm lists them; the slots stand in the order of the schedulers.
        slots.sort_by_key(|(slot, backend)| {
            let real = real(backend);
            (real.address, real.port, **slot)
        });
        for (slot, backend) in slots {
            let traffic = self.maps.traffic(*slot)?;
            totals.entry(backend.pool).or_default().add(&traffic);
            let (active, inactive) = connections.get(slot).copied().unwrap_or_default();
            servers.entry(backend.pool).or_default().push(ServerView {
                endpoint: real(backend),
                method: method(backend),
                weight: backend.weight,
                sorry: backend.has(flags::SORRY),
                active_connections: active,
                inactive_connections: inactive,
                counters: counters(&traffic),
                rates: None,
            });
        }
        let gates = Gates::new(self.maps.control());
        let mut members = self.members();
        let firsts = self.served.iter();
        let firsts = firsts.filter(|(key, entry)| self.firsts.get(&entry.pool) == Some(key));
        let services = firsts.map(|(key, entry)| {
            let pool = entry.pool;
            let mut total = totals.remove(&pool).unwrap_or_default();
            total.add(&self.maps.retired(pool)?);
            let policy = self.maps.policy(pool)?;
            let members = members.remove(&pool).unwrap_or_default();
            let armed = |gate| self.heard && gates.is_armed(gate);
            let group = members
                .iter()
                .find_map(|(key, _)| self.surroundings.groups.get(key));
            let ranges = ranges(
                members
                    .iter()
                    .map(|(key, gate)| (key.address, key.port, *gate)),
            );
            Ok(ServiceView {
                protocol: protocol(key.proto),
                endpoint: endpoint(*key),
                group: group.cloned(),
                armed: ranges.iter().any(|range| armed(range.gate)),
                addresses: if group.is_some() || members.len() > 1 {
                    let view = |range: &Range| self.range(range, armed(range.gate));
                    ranges.iter().map(view).collect()
                } else {
                    Vec::new()
                },
                scheduler: scheduler::NAMES
                    .get(usize::from(policy.scheduler))
                    .copied()
                    .unwrap_or("?")
                    .into(),
                fwmark: None,
                plane: Carrier::Xdp,
                scheduler_flags: scheduler_flags(&policy),
                ops: policy.flags & policy::flags::OPS != 0,
                persistence_engine: None,
                persistence: persistence(&policy, key.address),
                instance: self.instance(entry.gate),
                counters: counters(&total),
                rates: None,
                servers: servers.remove(&pool).unwrap_or_default(),
            })
        });
        services.collect()
    }

    /// What each pool serves, each with its gate.
    fn members(&self) -> HashMap<u16, Vec<(Key, u16)>> {
        let mut members: HashMap<u16, Vec<(Key, u16)>> = HashMap::new();
        for (key, entry) in &self.served {
            let of_pool = members.entry(entry.pool).or_default();
            of_pool.push((*key, entry.gate));
        }
        members
    }

    /// What the virtual servers are named by that serve an address: each by the first that it serves.
    pub fn named_by(&self, vip: Vip) -> Vec<Endpoint> {
        let served = self.served.iter();
        let asked = served.filter(|(key, _)| vip.matches(&endpoint(**key)));
        let firsts = asked.filter_map(|(_, entry)| self.firsts.get(&entry.pool));
        firsts.map(|key| endpoint(*key)).collect()
    }

    fn range(&self, range: &Range, armed: bool) -> AddressesView {
        AddressesView {
            first: range.first,
            last: range.last,
            first_port: range.first_port,
            last_port: range.last_port,
            instance: self.instance(range.gate),
            armed,
        }
    }

    /// Flows of each slot: active ones and others, as IPVS counts them.
    fn count_connections(&self) -> HashMap<u32, (u64, u64)> {
        let mut counts: HashMap<u32, (u64, u64)> = HashMap::new();
        for (Flow { entry: flow, .. }, _) in self.live_flows() {
            let (active, inactive) = counts.entry(flow.slot().into()).or_default();
            *(if is_active(flow.state()) {
                active
            } else {
                inactive
            }) += 1;
        }
        counts
    }

    /// What is served, by id.
    fn ids(&self) -> HashMap<u16, (Key, u16)> {
        let services = self.served.iter();
        let by_id = services.map(|(key, entry)| (entry.id, (*key, entry.pool)));
        by_id.collect()
    }

    /// Flows that are neither timed out nor of a server that has gone, with their server.
    fn live_flows(&self) -> impl Iterator<Item = (Flow, &Backend)> {
        self.maps.flows().filter_map(|flow| {
            let entry = &flow.entry;
            let backend = self.backends.get(&u32::from(entry.slot()))?;
            let live =
                backend.generation == entry.generation() && self.age(entry) <= self.life(entry);
            live.then_some((flow, backend))
        })
    }

    /// Ticks since the last packet. A packet after the last heartbeat has no age.
    fn age(&self, flow: &FlowEntry) -> u32 {
        let age = flow.age(self.now);
        if age > STAMP_MASK / 2 { 0 } else { age }
    }

    fn life(&self, flow: &FlowEntry) -> u32 {
        self.timeouts
            .get(usize::from(flow.state()))
            .copied()
            .unwrap_or(0)
    }

    /// The flows.
    pub fn connections(&self) -> impl Iterator<Item = ConnectionView> {
        let services = self.ids();
        self.live_flows().filter_map(move |(flow, backend)| {
            // Of a service that has gone the flow is nobody's.
            let (key, pool) = services.get(&flow.entry.service())?;
            (*pool == backend.pool).then(|| self.connection(&flow, *key, backend))
        })
    }

    fn connection(&self, flow: &Flow, service: Key, backend: &Backend) -> ConnectionView {
        let Flow { entry, client } = flow;
        ConnectionView {
            protocol: protocol(backend.proto),
            expires: self
                .ticks
                .time(self.life(entry).saturating_sub(self.age(entry))),
            state: state::NAMES
                .get(usize::from(entry.state()))
                .copied()
                .unwrap_or("?")
                .into(),
            client: Endpoint {
                address: *client,
                port: entry.client_port(),
            },
            r#virtual: endpoint(service),
            real: real(backend),
        }
    }

    /// The clients that `persistence_timeout` remembers, as IPVS shows its templates: without a
    /// port, in state `NONE`.
    pub fn remembered(&self) -> impl Iterator<Item = ConnectionView> {
        let pools = self.firsts.keys();
        let timeouts = pools.filter_map(|pool| {
            let policy = self.maps.policy(*pool).ok()?;
            Some((u32::from(*pool), policy.affinity_ticks))
        });
        let timeouts: HashMap<u32, u32> = timeouts.filter(|(_, ticks)| *ticks != 0).collect();
        self.maps.affinities().filter_map(move |template| {
            let affinity = template.value;
            let slot = affinity.target & 0xffff;
            let backend = self.backends.get(&slot)?;
            let timeout = *timeouts.get(&template.pool)?;
            let age = affinity.age(self.now);
            let lives = flow::target(u16::try_from(slot).ok()?, backend.generation)
                == affinity.target
                && u32::from(backend.pool) == template.pool
                && age <= timeout;
            lives.then(|| ConnectionView {
                protocol: protocol(backend.proto),
                expires: self.ticks.time(timeout - age),
                state: "NONE".into(),
                client: Endpoint {
                    address: template.client,
                    port: 0,
                },
                r#virtual: self.virtual_(backend),
                real: real(backend),
            })
        })
    }

    /// The backend slots.
    pub fn backends(&self) -> Vec<BackendView> {
        let mut views: Vec<_> = self
            .backends
            .iter()
            .map(|(slot, it)| self.backend(*slot, it))
            .collect();
        views.sort_by_key(|view| view.slot);
        views
    }

    fn backend(&self, slot: u32, backend: &Backend) -> BackendView {
        let ready = backend.has(flags::READY);
        let state = match (ready, backend.has(flags::LOCAL)) {
            (true, _) => BackendState::Ready,
            (false, true) => BackendState::Local,
            (false, false) => BackendState::Unresolved,
        };
        let real = real(backend);
        let reason = self.surroundings.unresolved.get(&real.address);
        BackendView {
            slot,
            generation: backend.generation,
            protocol: protocol(backend.proto),
            r#virtual: self.virtual_(backend),
            real,
            method: method(backend),
            tunnel: tunnel(backend),
            weight: backend.weight,
            sorry: backend.has(flags::SORRY),
            mac: ready.then_some(Mac(backend.dst_mac)),
            interface: ready
                .then(|| self.surroundings.interfaces.get(&backend.ifindex).cloned())
                .flatten(),
            mtu: ready.then_some(backend.mtu.into()),
            state,
            reason: reason
                .filter(|_| state == BackendState::Unresolved)
                .cloned(),
        }
    }

    /// The scheduler of the service that a slot's server is of; `None`: there is no such server.
    pub fn scheduler(&self, slot: u32) -> Option<&'static str> {
        let pool = self.backends.get(&slot)?.pool;
        let number = self.maps.policy(pool).ok()?.scheduler;
        scheduler::NAMES.get(usize::from(number)).copied()
    }

    /// Why packets were not forwarded, and how many.
    pub fn reasons(&self) -> Result<Vec<ReasonView>, MapsError> {
        let view = |reason: Reason| {
            Ok(ReasonView {
                reason: reason.name().into(),
                packets: self.maps.reason(reason)?,
                meaning: reason.meaning().into(),
            })
        };
        Reason::ALL.into_iter().map(view).collect()
    }

    /// The first address and port of a server's virtual server.
    fn virtual_(&self, backend: &Backend) -> Endpoint {
        let own = Endpoint {
            address: backend.service_address(),
            port: u16::from_be(backend.vport),
        };
        self.firsts
            .get(&backend.pool)
            .map_or(own, |key| endpoint(*key))
    }

    fn instance(&self, gate: u16) -> Option<String> {
        if gate == GATE_ALWAYS {
            return None;
        }
        let known = self.surroundings.instances.get(usize::from(gate) - 1);
        Some(known.map_or_else(|| format!("instance {gate}"), Clone::clone))
    }
}

const fn protocol(number: u8) -> Protocol {
    match number {
        TCP => Protocol::Tcp,
        SCTP => Protocol::Sctp,
        _ => Protocol::Udp,
    }
}

fn real(backend: &Backend) -> Endpoint {
    Endpoint {
        address: backend.server(),
        port: u16::from_be(backend.port),
    }
}

const fn endpoint(key: Key) -> Endpoint {
    Endpoint {
        address: key.address,
        port: key.port,
    }
}

const fn method(backend: &Backend) -> Method {
    if backend.has(flags::LOCAL) {
        return Method::Local;
    }
    match backend.flags & flags::METHOD {
        flags::NAT => Method::Masq,
        flags::TUN => Method::Tunnel,
        _ => Method::Route,
    }
}

/// What a tunnel is besides IP in IP, in the words of `lb_kind TUN`.
fn tunnel(backend: &Backend) -> Option<String> {
    if !backend.has(flags::TUNNEL) {
        return None;
    }
    let checksum = if backend.tunnel & tunnel::CHECKSUM == 0 {
        ""
    } else {
        " csum"
    };
    match backend.tunnel & tunnel::TYPE {
        tunnel::GRE => Some(format!("type gre{checksum}")),
        tunnel::GUE => {
            let port = u16::from_be(backend.tunnel_port);
            Some(format!("type gue port {port}{checksum}"))
        }
        _ => None,
    }
}

const fn counters(traffic: &Traffic) -> Counters {
    Counters {
        conns: traffic.conns,
        in_packets: traffic.in_packets,
        out_packets: traffic.out_packets,
        in_bytes: traffic.in_bytes,
        out_bytes: traffic.out_bytes,
    }
}

/// `sh-fallback` and the like, as `ipvsadm` names them.
fn scheduler_flags(policy: &Policy) -> Vec<String> {
    let name = match policy.scheduler {
        scheduler::SH => "sh",
        scheduler::MH => "mh",
        _ => return Vec::new(),
    };
    let all = [
        (policy::flags::FALLBACK, "fallback"),
        (policy::flags::PORT, "port"),
    ];
    let set = all.into_iter().filter(|(flag, _)| policy.flags & flag != 0);
    set.map(|(_, flag)| format!("{name}-{flag}")).collect()
}

fn persistence(policy: &Policy, address: IpAddr) -> Option<PersistenceView> {
    (policy.persistence_timeout != 0).then(|| PersistenceView {
        timeout_seconds: policy.persistence_timeout,
        granularity: match address {
            IpAddr::V4(_) => Granularity::Mask(address4(policy.granularity)),
            IpAddr::V6(_) => Granularity::Prefix(u8::try_from(policy.granularity).unwrap_or(128)),
        },
    })
}
