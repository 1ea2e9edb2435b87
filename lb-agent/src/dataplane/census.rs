//! The census: what the flow table says of servers and clients. Pure.
//!
//! The program counts connections as they begin and as their states change. That one has timed out
//! shows in the flow table alone, so the agent counts it once a second, and the counters are
//! corrected by the difference.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use lb_common::address6;
use lb_common::backend::Backend;
use lb_common::control::Control;
use lb_common::flow::state::{is_active, is_seen_again};
use lb_common::flow::{FlowEntry, TICK_SHIFT};
use lb_common::policy::{Policy, SOURCE_COUNTERS, flags, source_counters};

use super::installed::Installed;
use super::xdp::maps::read::Flow;

/// What is counted, and by which clock.
pub struct Question<'a> {
    /// Time-outs, and the clock at the last heartbeat.
    pub control: &'a Control,
    /// Servers.
    pub backends: &'a BTreeMap<u32, Backend>,
    /// Pools.
    pub policies: HashMap<u16, Policy>,
    /// Whether one of them is of IPv6.
    counts_v6: bool,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Active and inactive connections, by slot.
    servers: HashMap<u32, (u32, u32)>,
    /// Flows of clients, as in `SOURCES`; empty when no service asks for it.
    sources: Vec<u32>,
}

impl<'a> Question<'a> {
    /// What there is to count; `None`: nothing.
    pub fn new(installed: &'a Installed, control: &'a Control) -> Option<Self> {
        let asks = |policy: &Policy| policy.has(flags::COUNTED) || policy.source_flows != 0;
        let counted = installed.pools.iter().filter(|(_, policy)| asks(policy));
        let policies: HashMap<u16, Policy> =
            counted.map(|(pool, policy)| (*pool, *policy)).collect();
        let mut services = installed.services.iter();
        let counts_v6 = services.any(|(key, service)| {
            key.address.is_ipv6() && policies.contains_key(&service.entry.pool)
        });
        (!policies.is_empty()).then_some(Self {
            control,
            backends: &installed.backends,
            policies,
            counts_v6,
        })
    }

    /// Whether flows of IPv6 are among what is counted.
    pub const fn counts_v6(&self) -> bool {
        self.counts_v6
    }

    /// The slots whose connections are counted.
    pub fn slots(&self) -> impl Iterator<Item = u32> {
        let counted = self.backends.iter().filter(|(_, backend)| {
            let policy = self.policies.get(&backend.pool);
            policy.is_some_and(|policy| policy.has(flags::COUNTED))
        });
        counted.map(|(slot, _)| *slot)
    }

    /// Whether clients' flows are counted.
    pub fn counts_sources(&self) -> bool {
        self.policies
            .values()
            .any(|policy| policy.source_flows != 0)
    }

    /// Counts the flows that have neither timed out nor lost their server.
    pub fn count(&self, flows: impl Iterator<Item = Flow>) -> Census {
        let tick = (self.control.heartbeat >> TICK_SHIFT) & u64::from(u32::MAX);
        let tick = u32::try_from(tick).unwrap_or(0);
        let mut census = Census::default();
        let mut clients = Vec::new();
        for flow in flows {
            let server = self.backends.get(&flow.entry.slot().into());
            if let Some(server) = server
                && let Some(policy) = self.policies.get(&server.pool)
                && self.is_alive(&flow.entry, server, tick)
            {
                census.add(&flow, policy);
                if policy.source_flows != 0 && is_seen_again(flow.entry.state()) {
                    let client = match flow.client {
                        IpAddr::V4(client) => u32::from_ne_bytes(client.octets()),
                        IpAddr::V6(client) => {
                            address6::source(address6::words(client), self.control.secret)
                        }
                    };
                    clients.push((policy.pool, client));
                }
            }
        }
        if self.counts_sources() {
            census.sources = self.sources(clients);
        }
        census
    }

    /// What `SOURCES` is to hold with these flows of clients: in each counter the flows of the client
    /// that has most of those that share it.
    fn sources(&self, mut clients: Vec<(u16, u32)>) -> Vec<u32> {
        let mut sources = vec![0; 2 * SOURCE_COUNTERS as usize];
        clients.sort_unstable();
        for same in clients.chunk_by(|one, other| one == other) {
            let Some((pool, client)) = same.first() else {
                continue;
            };
            let flows = u32::try_from(same.len()).unwrap_or(u32::MAX);
            for counter in source_counters(*client, *pool, self.control.secret) {
                if let Some(most) = sources.get_mut(counter as usize) {
                    *most = flows.max(*most);
                }
            }
        }
        sources
    }

    fn is_alive(&self, flow: &FlowEntry, server: &Backend, tick: u32) -> bool {
        let timeouts = &self.control.timeouts;
        let life = timeouts
            .get(usize::from(flow.state()))
            .copied()
            .unwrap_or(0);
        // A stamp that is far ahead is of a packet after the heartbeat.
        !flow.is_older(tick, life) && server.generation == flow.generation()
    }
}

impl Census {
    fn add(&mut self, flow: &Flow, policy: &Policy) {
        if policy.has(flags::COUNTED) {
            let (active, inactive) = self.servers.entry(flow.entry.slot().into()).or_default();
            *if is_active(flow.entry.state()) {
                active
            } else {
                inactive
            } += 1;
        }
    }

    /// Active and inactive connections of a server.
    pub fn of_server(&self, slot: u32) -> (u32, u32) {
        self.servers.get(&slot).copied().unwrap_or_default()
    }

    /// Flows of clients, as in `SOURCES`.
    pub fn sources(&self) -> &[u32] {
        &self.sources
    }
}

#[cfg(test)]
mod tests;
