//! What a new flow costs, and what connections the servers have.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use lb_agent::dataplane::desired::Server;
use lb_common::flow::state::is_active;
use lb_common::policy::source_counters;
use lb_common::stats::Reason;

use super::installed::{VirtualServer, weight};
use super::packet::Packet;
use super::scheduler::Dest;
use super::state::State;
use super::{Incarnation, Model, Refusal};
use crate::frame::{Endpoint, v4};

impl Model {
    /// A new flow is not let in when there are too many.
    pub(super) fn pass_limits(
        &mut self,
        packet: &Packet,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<(), Refusal> {
        if self.has_enough(packet.source.address, service.pool) {
            return Err(Refusal::Because(Reason::SourceLimit));
        }
        if service.new_flows != 0 {
            let rate = self.rates.entry(service.pool).or_default();
            if rate.0 != tick {
                *rate = (tick, 0);
            }
            if rate.1 >= service.new_flows {
                return Err(Refusal::Because(Reason::NewFlowLimit));
            }
            rate.1 += 1;
        }
        Ok(())
    }

    /// Whether a client has as many flows as it may.
    fn has_enough(&self, client: Ipv4Addr, pool: u16) -> bool {
        let limited = self.services.values().find(|it| it.pool == pool);
        let most = limited.map_or(0, |it| it.source_flows);
        let counters = self.counters_of(client, pool);
        let flows = counters.map(|it| self.sources.get(&it).copied().unwrap_or(0));
        most != 0 && self.has_census && flows.into_iter().min() >= Some(most)
    }

    /// Whether a flow may not become one that counts, since its client has enough of them.
    pub(super) fn is_one_too_many(
        &self,
        (pool, client): (u16, Ipv4Addr),
        before: State,
        after: State,
    ) -> bool {
        !before.is_seen_again() && after.is_seen_again() && self.has_enough(client, pool)
    }

    fn counters_of(&self, client: Ipv4Addr, pool: u16) -> [u32; 2] {
        let client = u32::from_ne_bytes(client.octets());
        source_counters(client, pool, self.table.secret)
    }

    /// Not more than ten packets of unknown connections for each new one that is allowed.
    pub(super) fn pass_unknown(
        &mut self,
        service: &VirtualServer,
        tick: i64,
    ) -> Result<(), Refusal> {
        if service.new_flows == 0 {
            return Ok(());
        }
        let rate = self.unknown.entry(service.pool).or_default();
        if rate.0 != tick {
            *rate = (tick, 0);
        }
        if rate.1 >= service.new_flows * 10 {
            return Err(Refusal::Because(Reason::NewFlowLimit));
        }
        rate.1 += 1;
        Ok(())
    }

    /// A flow has begun.
    pub(super) fn note_new(&mut self, service: &VirtualServer, server: Incarnation, state: State) {
        if service.counted {
            let (upper, lower) = self.limits(server);
            let load = self.loads.entry(server).or_default();
            (load.upper, load.lower) = (upper, lower);
            if is_active(state as u8) {
                load.active += 1;
            } else {
                load.inactive += 1;
            }
            if upper != 0 && load.active + load.inactive >= upper {
                load.full = 1;
            }
        }
    }

    fn limits(&self, server: Incarnation) -> (u32, u32) {
        let server = &self.servers[&server].server;
        (server.uthreshold, server.lthreshold)
    }

    /// A flow of a client has gone over into another state.
    pub(super) fn note_change(
        &mut self,
        (pool, client): (u16, Ipv4Addr),
        server: Incarnation,
        before: State,
        after: State,
    ) {
        let limited = self.services.values();
        let limited = limited.clone().find(|it| it.pool == pool);
        if !before.is_seen_again()
            && after.is_seen_again()
            && limited.is_some_and(|it| it.source_flows != 0)
        {
            let counters = self.counters_of(client, pool);
            let [one, two] = counters.map(|it| self.sources.get(&it).copied().unwrap_or(0));
            for (counter, flows) in counters.into_iter().zip([one, two]) {
                self.sources.insert(counter, flows.max(one.min(two) + 1));
            }
        }
        let (before, after) = (is_active(before as u8), is_active(after as u8));
        let counted = self
            .services
            .values()
            .any(|it| it.pool == pool && it.counted);
        if before == after || !counted {
            return;
        }
        let load = self.loads.entry(server).or_default();
        let (up, down) = if after {
            (&mut load.active, &mut load.inactive)
        } else {
            (&mut load.inactive, &mut load.active)
        };
        *up += 1;
        *down = down.saturating_sub(1);
    }

    /// The agent counts the flow table.
    pub(crate) fn take_census(&mut self, tick: i64) {
        let mut counts: HashMap<Incarnation, (u32, u32)> = HashMap::new();
        let mut clients: HashMap<(u16, Ipv4Addr), u32> = HashMap::new();
        for flow in self.table.buckets.values().flatten().flatten() {
            let Some(server) = self.servers.get(&flow.server) else {
                continue;
            };
            let mut services = self.services.values();
            let Some(service) = services.find(|it| it.pool == server.pool) else {
                continue;
            };
            if self.table.is_expired(flow, tick) {
                continue;
            }
            if service.counted {
                let (active, inactive) = counts.entry(flow.server).or_default();
                *if is_active(flow.state as u8) {
                    active
                } else {
                    inactive
                } += 1;
            }
            if service.source_flows != 0 && flow.state.is_seen_again() {
                *clients
                    .entry((service.pool, flow.client.address))
                    .or_default() += 1;
            }
        }
        let mut sources: HashMap<u32, u32> = HashMap::new();
        for ((pool, client), flows) in clients {
            for counter in self.counters_of(client, pool) {
                let most = sources.entry(counter).or_default();
                *most = flows.max(*most);
            }
        }
        let services = self.services.values();
        if services.clone().any(|service| service.source_flows != 0) {
            self.sources = sources;
        }
        let members = services
            .filter(|it| it.counted)
            .flat_map(|it| it.members.to_vec());
        for server in members.collect::<Vec<_>>() {
            let (upper, lower) = self.limits(server);
            let load = self.loads.entry(server).or_default();
            (load.active, load.inactive) = counts.get(&server).copied().unwrap_or_default();
            (load.upper, load.lower) = (upper, lower);
            load.full = load.stays_full().into();
        }
    }

    /// The servers of a service as IPVS's schedulers see them.
    pub(super) fn dests(&self, service: &VirtualServer) -> Vec<Dest> {
        let all = service.members.iter();
        let all: Vec<Server> = all.map(|it| self.servers[it].server).collect();
        let dest = |incarnation: &Incarnation| {
            let server = &self.servers[incarnation].server;
            let load = self.loads.get(incarnation).copied().unwrap_or_default();
            Dest {
                endpoint: Endpoint {
                    address: v4(server.address),
                    port: server.port,
                },
                weight: weight(service.scheduler, server, &all).into(),
                last_weight: server.full_weight.into(),
                active: load.active.into(),
                inactive: load.inactive.into(),
                overloaded: load.full != 0 && self.has_census,
            }
        };
        service.members.iter().map(dest).collect()
    }
}
