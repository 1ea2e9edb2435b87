//! Another configuration for a director that goes on.
//!
//! The data plane and VRRP cannot change in one moment. In between, everything that was served is
//! served as it was, under the gates it had, beside what is new: when VRRP takes an address away,
//! its service is still there, and when it sets one, its service is there already.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::choices::may_be_for_xdp;
use super::{
    Director, addressed, keys, owners, places, pool_spec, servers, suspending, virtual_addresses,
};
use crate::config::model::{Config, Forwarding, VirtualServer, VirtualServerKey};
use crate::dataplane::desired::{Desired, Service};
use crate::dataplane::installed::Key;
use crate::dataplane::successors::successors;
use crate::health::pool::{Pool, PoolChange};
use crate::log_line::LogLine;
use crate::net::address::Address;
use crate::net::link::Link;

impl Director {
    /// Another director, for finding out who would carry what under `config`. It knows of links and
    /// next hops what this one knows, so only the routes of new servers have to be asked for; the
    /// addresses of this host it has to be told ([`Self::handle_surroundings`]).
    #[must_use]
    pub fn rehearse(&self, config: Config) -> Self {
        let (mut next, _) = Self::new(config, &self.gates);
        next.refused = self.refusals_that_last(&next.config);
        next.masters.clone_from(&self.masters);
        next.links.clone_from(&self.links);
        next.hops.clone_from(&self.hops);
        next.watch_anew();
        next
    }

    /// All interfaces and all addresses of this host. Of the routes to servers only those are asked
    /// for that are not known yet, or cannot be as they were.
    pub fn handle_surroundings(&mut self, links: &[Link], addresses: &[Address], now: Instant) {
        let there: BTreeSet<u32> = links.iter().map(|link| link.index).collect();
        let known = self.links.keys().copied();
        let gone: Vec<u32> = known.filter(|index| !there.contains(index)).collect();
        for index in gone {
            self.hops.handle_link_gone(index, now);
            self.handle_link_gone(index);
        }
        for link in links {
            self.hops.handle_link(link.clone(), now);
            self.handle_link(link.clone());
        }
        self.handle_addresses(addresses);
        let own: BTreeSet<IpAddr> = addresses.iter().map(|it| it.address.addr()).collect();
        self.hops.handle_addresses(&own);
    }

    /// What XDP was refused, of the virtual servers that ask for it under `config` as they did.
    fn refusals_that_last(&self, config: &Config) -> BTreeMap<VirtualServerKey, String> {
        let mode = |of: &Config, key: &VirtualServerKey| {
            let mut servers = of.virtual_servers.iter();
            let server = servers.find(|server| server.key == *key)?;
            Some(server.xdp_mode.unwrap_or(of.global_defs.xdp_mode))
        };
        let lasts = |key: &VirtualServerKey| {
            let before = mode(&self.config, key);
            before.is_some() && before == mode(config, key)
        };
        let refused = self.refused.iter().filter(|(key, _)| lasts(key));
        refused
            .map(|(key, why)| (key.clone(), why.clone()))
            .collect()
    }

    /// From now on it is `config`. Pools of virtual servers that stay go on, those that go are
    /// stopped; the lines say what that means.
    ///
    /// [`Self::settle`] ends the time in between. Until then a role is that of an instance of
    /// either configuration.
    #[must_use]
    pub fn reload(&mut self, config: Config) -> Vec<LogLine> {
        let held = self.desired().services;
        let held_by_ipvs = self.desired_of_ipvs().services;
        let names = config.vrrp_instances.iter().map(|it| it.name.as_str());
        self.gates = self.gates.assign(names);
        self.refused = self.refusals_that_last(&config);
        let before = std::mem::replace(&mut self.config, Arc::new(config));
        self.owners = owners(&self.config);
        self.suspending = suspending(&self.config);
        self.keys = keys(&self.config);
        self.virtual_addresses = virtual_addresses(&self.config);
        let lines = self.succeed_pools(&before.virtual_servers);
        self.watch_anew();
        let addresses = self.virtual_addresses.union(&self.suspending);
        let addresses: BTreeSet<IpAddr> = addresses.copied().collect();
        self.addresses.retain(&addresses);
        // Those that have `ha_suspend` only now hear of what is here; whoever reads all addresses
        // again brings the others, and those that have gone.
        let suspending = &self.suspending;
        self.here.retain(|address| suspending.contains(address));
        self.address_news.retain(|(_, here)| !here);
        let here = self.here.iter().map(|address| (*address, true));
        self.address_news.extend(here);
        self.choose_again();
        self.held = Some(held);
        self.held_by_ipvs = held_by_ipvs;
        lines
    }

    /// Whether both configurations are served.
    pub const fn is_between(&self) -> bool {
        self.held.is_some()
    }

    /// VRRP has followed, or nothing has to: what is not configured goes. Whether there was
    /// something to wait for.
    pub fn settle(&mut self) -> bool {
        let configured = |name: &String| {
            let mut instances = self.config.vrrp_instances.iter();
            instances.any(|instance| instance.name == *name)
        };
        self.masters.retain(configured);
        self.held_by_ipvs.clear();
        self.held.take().is_some()
    }

    fn succeed_pools(&mut self, before: &[VirtualServer]) -> Vec<LogLine> {
        let old = before.iter().zip(std::mem::take(&mut self.pools));
        let mut old: HashMap<VirtualServerKey, (&VirtualServer, Pool)> = old
            .map(|(server, pool)| (server.key.clone(), (server, pool)))
            .collect();
        let (mut pools, mut changes) = (Vec::new(), Vec::new());
        for server in &self.config.virtual_servers {
            let spec = || pool_spec(&self.config, server);
            let (pool, change) = match old.remove(&server.key) {
                Some((before, pool)) if before == server => (pool, PoolChange::default()),
                Some((_, pool)) => pool.reload(spec()),
                None => Pool::new(spec()),
            };
            changes.push(change);
            pools.push(pool);
        }
        let mut lines = Vec::new();
        let mut tell = |pool: &Pool, change: PoolChange| {
            lines.extend(change.lines);
            self.notices.extend(addressed(pool, change.notices));
        };
        for server in before {
            if let Some((_, mut pool)) = old.remove(&server.key) {
                let change = pool.remove();
                tell(&pool, change);
            }
        }
        for (pool, change) in pools.iter().zip(changes) {
            tell(pool, change);
        }
        self.places = places(&pools);
        self.pools = pools;
        lines
    }

    /// The next hops of the real servers that there are now, and of no others.
    fn watch_anew(&mut self) {
        let wanted: BTreeSet<IpAddr> = self
            .config
            .virtual_servers
            .iter()
            .filter(|server| may_be_for_xdp(&self.config, server))
            .flat_map(servers)
            .collect();
        let gone: Vec<IpAddr> = self
            .hops
            .watched()
            .filter(|it| !wanted.contains(it))
            .collect();
        for address in gone {
            self.hops.forget(address);
        }
        for address in wanted {
            self.hops.watch(address);
        }
        let mut servers = self.config.virtual_servers.iter();
        if servers.any(|it| it.uses(Forwarding::Nat)) {
            self.hops.keep_gateways();
        }
    }
}

/// What is served between two configurations: `held`, which was, with the servers it has `now` and
/// under the gates it had, and what is new. An address and port of a group that stays is served with
/// the others of it.
pub(super) fn between(held: &[Service], now: Desired) -> Desired {
    let served = held.iter().zip(0_usize..);
    let served = served.flat_map(|(service, place)| {
        service
            .served()
            .map(move |(key, gate)| (key, (place, gate)))
    });
    let mut left: HashMap<Key, (usize, u16)> = served.collect();
    let mut services = now.services;
    let mut shared = Vec::new();
    for (service, at) in services.iter_mut().zip(0..) {
        let mut under_its_gate = |key: Key, gate: &mut u16| {
            if let Some((place, before)) = left.remove(&key) {
                *gate = before;
                shared.push((at, place));
            }
        };
        under_its_gate(service.key, &mut service.gate);
        for (key, gate) in &mut service.others {
            under_its_gate(*key, gate);
        }
    }
    // Where each of those that were goes on, if it does.
    let heirs = successors(shared).into_iter();
    let heirs: HashMap<usize, usize> = heirs.map(|(at, place)| (place, at)).collect();
    for (before, place) in held.iter().zip(0..) {
        let rest = before.served().filter(|(key, _)| left.contains_key(key));
        let mut rest: Vec<(Key, u16)> = rest.collect();
        match heirs.get(&place).and_then(|at| services.get_mut(*at)) {
            Some(heir) => heir.others.append(&mut rest),
            None => services.extend(before.of(rest)),
        }
    }
    Desired { services }
}

#[cfg(test)]
mod tests;
