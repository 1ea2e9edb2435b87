//! What the data plane should do: the services of the virtual servers that XDP carries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use lb_common::control::GATE_ALWAYS;
use lb_common::service::UDP;

use super::{Director, reload};
use crate::config::model::{
    Forwarding, RealServer, RealServerKey, VirtualServer, VirtualServerKey,
};
use crate::dataplane::choice::Carrier;
use crate::dataplane::desired::{Desired, Path, Persistence, Server, Service};
use crate::dataplane::installed::Key;
use crate::dataplane::nexthop::Resolution;
use crate::health::pool::{Member, Pool};
use crate::runtime::status::GroupRecord;

impl Director {
    /// What the data plane should do now.
    pub fn desired(&self) -> Desired {
        let services = self.carried_by(Carrier::Xdp);
        let services = services.filter_map(|(server, pool)| self.service(server, pool));
        let now = Desired {
            services: services.collect(),
        };
        match &self.held {
            Some(held) => reload::between(&self.without_ipvs(held), now),
            None => now,
        }
    }

    /// The same, when since `before` was desired the pools at the places `moved` have changed, and nothing
    /// else: what all the others come to is not found out again.
    pub fn desired_since(&self, before: &Desired, moved: &BTreeSet<usize>) -> Desired {
        let services = before.services.iter();
        let places: HashMap<Key, usize> = services.map(|it| it.key).zip(0..).collect();
        let mut now = before.clone();
        for place in moved {
            let virtual_server = self.config.virtual_servers.get(*place);
            let choice = self.choices.get(*place);
            if choice.is_some_and(|choice| choice.carrier != Carrier::Xdp) {
                continue;
            }
            let pool = virtual_server.zip(self.pools.get(*place));
            let service = pool.and_then(|(server, pool)| self.service(server, pool));
            let slot = service.as_ref().and_then(|it| places.get(&it.key));
            let slot = slot.and_then(|slot| now.services.get_mut(*slot));
            match slot.zip(service) {
                Some((slot, service)) if self.held.is_none() => *slot = service,
                // More than pools has changed.
                Some(_) | None => return self.desired(),
            }
        }
        now
    }

    fn service(&self, virtual_server: &VirtualServer, pool: &Pool) -> Option<Service> {
        let mut served = self.served_by_xdp(virtual_server);
        let (key, gate) = served.next()?;
        let others = served.collect();
        let port = self.port(virtual_server);
        let entries = self.entries(virtual_server);
        let known = real_servers(virtual_server);
        Some(Service {
            key,
            others,
            scheduler: virtual_server.lb_algo,
            flags: virtual_server.flags,
            ops: virtual_server.ops && !virtual_server.uses(Forwarding::Nat) && key.proto == UDP,
            new_flow_limit: virtual_server.xdp_new_flow_limit,
            source_limit: virtual_server.xdp_source_limit,
            persistence: virtual_server
                .persistence_timeout
                .map(|timeout| Persistence {
                    timeout,
                    mask: virtual_server.persistence_granularity,
                    prefix: virtual_server.persistence_granularity6,
                }),
            gate,
            servers: pool
                .members()
                .iter()
                // The kernel puts a new server at the head of its list.
                .rev()
                .filter_map(|member| {
                    let method = method(virtual_server, &known, member);
                    self.server((virtual_server, port), &entries, member, method)
                })
                .collect(),
        })
    }

    /// What is served of a virtual server, each with its gate.
    fn served_by_xdp(&self, virtual_server: &VirtualServer) -> impl Iterator<Item = (Key, u16)> {
        self.keys(virtual_server).iter().filter_map(|key| {
            let owner = self.owner(key.address);
            let gate = owner.map_or(Some(GATE_ALWAYS), |owner| self.gate(owner))?;
            Some((*key, gate))
        })
    }

    /// The groups that XDP serves.
    pub fn groups_of_xdp(&self) -> Vec<GroupRecord> {
        let carried = self.carried_by(Carrier::Xdp);
        let groups = carried.filter_map(|(server, _)| match &server.key {
            VirtualServerKey::Group(key) => {
                let (first, _) = self.served_by_xdp(server).next()?;
                Some(GroupRecord {
                    group: key.group.clone(),
                    address: first.address,
                    port: first.port,
                    proto: first.proto,
                })
            }
            VirtualServerKey::Address(_) | VirtualServerKey::Fwmark(_) => None,
        });
        groups.collect()
    }

    /// A server; `entries`: the interfaces by which the virtual server's packets arrive, `port`: the one
    /// that all of them have.
    fn server(
        &self,
        (virtual_server, port): (&VirtualServer, Option<u16>),
        entries: &BTreeSet<u32>,
        member: &Member,
        method: Forwarding,
    ) -> Option<Server> {
        let address = member.key.address;
        let mut servers = virtual_server.real_servers.iter();
        let configured = servers.find(|it| it.key == member.key && !member.sorry);
        let tunnel = configured.map_or_else(
            || virtual_server.sorry_tunnel(),
            |server| virtual_server.tunnel_to(server),
        );
        // All of a group are of one family.
        let service = self.addresses_with(virtual_server).next();
        let stopped = |hop| self.obstacle(method, entries, address, hop).is_some();
        let path = match self.hops.resolved(address) {
            Resolution::Unknown(_) => Path::Unknown,
            // The kernel serves what we pass on, on the port of the virtual server.
            Resolution::Local if Some(member.key.port) == port => Path::Local,
            Resolution::Local => return None,
            Resolution::Via(hop) if stopped(hop) => Path::Unknown,
            Resolution::Via(hop) => Path::Via(match method {
                Forwarding::Tun => self.hop_in_tunnel(service, address, tunnel, hop),
                Forwarding::Dr | Forwarding::Nat => *hop,
            }),
        };
        Some(Server {
            address,
            port: member.key.port,
            method,
            tunnel,
            weight: member.weight,
            full_weight: match (member.weight, configured) {
                (0, Some(server)) => server.weight,
                (weight, _) => weight,
            },
            uthreshold: configured.map_or(0, |server| server.uthreshold),
            lthreshold: configured.map_or(0, |server| server.lthreshold),
            sorry: member.sorry,
            path,
        })
    }

    fn gate(&self, instance: usize) -> Option<u16> {
        let instance = self.config.vrrp_instances.get(instance)?;
        self.gates.of(&instance.name)
    }
}

/// The real servers by address and port.
pub(super) fn real_servers(virtual_server: &VirtualServer) -> BTreeMap<RealServerKey, &RealServer> {
    let servers = virtual_server.real_servers.iter();
    servers.map(|server| (server.key, server)).collect()
}

/// How a member of the pool is reached; `known`: the real servers.
pub(super) fn method(
    virtual_server: &VirtualServer,
    known: &BTreeMap<RealServerKey, &RealServer>,
    member: &Member,
) -> Forwarding {
    match known.get(&member.key) {
        Some(server) if !member.sorry => virtual_server.method(server),
        Some(_) | None => virtual_server.sorry_method(),
    }
}
