//! The configuration as the model knows it, and how it follows a [`Desired`].

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;

use lb_agent::config::model::{Forwarding, Scheduler, SchedulerFlags};
use lb_agent::dataplane::desired::{Desired, Path, Server};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_common::filter::AddressFilter;
use lb_common::service::ServiceKey4;

use super::{Model, rota};
use crate::frame::{Endpoint, v4};

/// A server from the moment it enters a service to the moment it leaves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Incarnation(u32);

/// What the agent has chosen and no promise tells: the numbers of services, and of their pools.
pub(crate) type Ids = BTreeMap<(Endpoint, u8), (u16, u16)>;

/// One address and port of a virtual server.
#[derive(Clone, Debug)]
pub(super) struct VirtualServer {
    pub(super) id: u16,
    /// What it shares with the others of its group.
    pub(super) pool: u16,
    pub(super) gate: u16,
    pub(super) persistence: Option<Persistence>,
    /// One round.
    pub(super) turns: Arc<[Incarnation]>,
    /// Everybody, in the order in which they are compared.
    pub(super) members: Arc<[Incarnation]>,
    pub(super) scheduler: Scheduler,
    pub(super) flags: SchedulerFlags,
    pub(super) ops: bool,
    /// Connections are counted.
    pub(super) counted: bool,
    /// New flows in a tick; 0: no limit.
    pub(super) new_flows: u32,
    /// Flows of a client; 0: no limit.
    pub(super) source_flows: u32,
}

/// `persistence_timeout` and `persistence_granularity`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Persistence {
    pub(super) ticks: u32,
    mask: Ipv4Addr,
}

/// A server of one pool.
#[derive(Clone, Debug)]
pub(super) struct RealServer {
    pub(super) server: Server,
    pub(super) pool: u16,
    protocol: u8,
}

impl VirtualServer {
    /// Who counts as one client with `client`.
    pub(super) fn network_of(&self, client: Ipv4Addr) -> [u8; 4] {
        let mask = self
            .persistence
            .map_or(Ipv4Addr::BROADCAST, |persistence| persistence.mask);
        (client & mask).octets()
    }
}

impl RealServer {
    /// Whether it is the server behind `endpoint`, and its replies are ours to rewrite.
    pub(super) fn is_nat(&self, endpoint: Endpoint, protocol: u8) -> bool {
        self.server.method == Forwarding::Nat
            && self.endpoint() == endpoint
            && self.protocol == protocol
    }

    fn endpoint(&self) -> Endpoint {
        endpoint_of(&self.server)
    }
}

impl Model {
    /// Follows the agent to `desired`; `ids` are the numbers it has given to the services.
    pub(crate) fn configure(&mut self, desired: &Desired, ids: &Ids, ticks: Ticks) {
        let before = std::mem::take(&mut self.servers);
        let mut known: BTreeMap<_, _> = before
            .iter()
            .map(|(incarnation, it)| ((it.pool, it.endpoint()), *incarnation))
            .collect();
        self.services.clear();
        for service in &desired.services {
            let (_, pool) = ids[&key_of(service.key)];
            let mut incarnations = Vec::new();
            for server in &service.servers {
                let incarnation = known
                    .remove(&(pool, endpoint_of(server)))
                    .unwrap_or_else(|| self.newcomer());
                incarnations.push(incarnation);
                let limits = |it: &Server| (it.uthreshold, it.lthreshold);
                let limits_before = before.get(&incarnation).map(|it| limits(&it.server));
                if limits_before.unwrap_or_default() != limits(server)
                    && let Some(load) = self.loads.get_mut(&incarnation)
                {
                    (load.upper, load.lower) = limits(server);
                    load.full = load.stays_full().into();
                }
                let real = RealServer {
                    server: *server,
                    pool,
                    protocol: service.key.proto,
                };
                self.servers.insert(incarnation, real);
            }
            let weight = |server: &Server| weight(service.scheduler, server, &service.servers);
            let weights: Vec<u32> = service.servers.iter().map(weight).collect();
            let round = rota::round(service.scheduler, &weights);
            let virtual_server = VirtualServer {
                id: 0,
                pool,
                gate: 0,
                persistence: service.persistence.map(|persistence| Persistence {
                    ticks: ticks.of(persistence.timeout),
                    mask: persistence.mask,
                }),
                turns: round
                    .into_iter()
                    .map(|server| incarnations[server])
                    .collect(),
                members: incarnations.clone().into(),
                scheduler: service.scheduler,
                flags: service.flags,
                ops: service.ops,
                counted: service.is_counted(),
                new_flows: match service.new_flow_limit {
                    0 => 0,
                    limit => (limit * 256 / ticks.hertz()).max(1),
                },
                source_flows: service.source_limit,
            };
            for (key, gate) in service.served() {
                let key = key_of(key);
                let (id, _) = ids[&key];
                let one = VirtualServer {
                    id,
                    gate,
                    ..virtual_server.clone()
                };
                self.services.insert(key, one);
            }
        }
        self.take_leave(known.into_values(), &before);
        self.filter = self.everyone();
    }

    /// What those who go have carried stays with their pool, if that stays.
    fn take_leave(
        &mut self,
        gone: impl Iterator<Item = Incarnation>,
        before: &BTreeMap<Incarnation, RealServer>,
    ) {
        for incarnation in gone {
            self.loads.remove(&incarnation);
            let carried = self.traffic.remove(&incarnation).unwrap_or_default();
            let pool = before[&incarnation].pool;
            self.retired.entry(pool).or_default().add(&carried);
        }
        let pools: BTreeSet<u16> = self.services.values().map(|it| it.pool).collect();
        self.retired.retain(|pool, _| pools.contains(pool));
    }

    /// The addresses of services, and of servers in NAT mode.
    fn everyone(&self) -> AddressFilter {
        let mut filter = AddressFilter::empty();
        for (endpoint, _) in self.services.keys() {
            filter.add_destination(u32::from_ne_bytes(endpoint.address.octets()));
        }
        for real in self
            .servers
            .values()
            .filter(|it| it.server.method == Forwarding::Nat)
        {
            let Server { address, port, .. } = real.server;
            filter.add_server(&ServiceKey4::new(v4(address), port, real.protocol));
        }
        filter
    }

    fn newcomer(&mut self) -> Incarnation {
        self.incarnations += 1;
        Incarnation(self.incarnations)
    }

    /// Every server: its pool's number, its endpoint, its incarnation.
    pub(crate) fn incarnations(&self) -> impl Iterator<Item = (u16, Endpoint, Incarnation)> {
        let servers = self.servers.iter();
        servers.map(|(incarnation, real)| (real.pool, real.endpoint(), *incarnation))
    }

    /// The address and port with this number, and its gate, if the server is one of its own still.
    pub(super) fn asked(&self, id: u16, server: Incarnation) -> Option<(Endpoint, u16)> {
        let pool = self.servers.get(&server)?.pool;
        let mut services = self.services.iter();
        let found = services.find(|(_, it)| it.id == id && it.pool == pool);
        found.map(|((endpoint, _), service)| (*endpoint, service.gate))
    }
}

/// The weight of a server for new connections: none if no way to it is known, there is one to another
/// server, and the scheduler does not bind clients to servers.
pub(super) fn weight(scheduler: Scheduler, server: &Server, all: &[Server]) -> u32 {
    use Scheduler::{Dh, Lblc, Lblcr, Mh, Sh};
    let is_reached = |server: &Server| server.path != Path::Unknown;
    let binds = matches!(scheduler, Sh | Dh | Mh | Lblc | Lblcr);
    let spares = !binds && all.iter().any(|it| is_reached(it) && it.weight > 0);
    if spares && !is_reached(server) {
        0
    } else {
        server.weight
    }
}

/// The key of a service.
pub(crate) fn key_of(key: Key) -> (Endpoint, u8) {
    let endpoint = Endpoint {
        address: v4(key.address),
        port: key.port,
    };
    (endpoint, key.proto)
}

fn endpoint_of(server: &Server) -> Endpoint {
    Endpoint {
        address: v4(server.address),
        port: server.port,
    }
}
