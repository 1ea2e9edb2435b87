//! Services and their servers.

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;

use super::differing;
use crate::config::model::{RealServer, RealServerKey, VirtualServer};

/// What happens to a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ServiceChange<K> {
    /// It goes, with all its connections.
    Removed(K),
    /// It stays: connections, health and counters of what is not named here go on.
    Changed {
        /// What it serves.
        key: K,
        /// The keywords of the service itself that differ.
        keywords: Vec<&'static str>,
        /// Its servers.
        servers: Vec<ServerChange>,
        /// Whether the servers that stay have another order.
        reordered: bool,
        /// All settings.
        new: Box<VirtualServer<K>>,
    },
    /// It is new.
    Added(Box<VirtualServer<K>>),
}

/// What happens to a real server of a service that stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ServerChange {
    /// It goes, with its connections.
    Removed(RealServerKey),
    /// It stays: only the keywords named differ. Without `checkers` among them its health does.
    Changed {
        /// Address and port.
        key: RealServerKey,
        /// The keywords that differ.
        keywords: Vec<&'static str>,
    },
    /// It is new.
    Added(RealServerKey),
}

/// Changes of services.
pub(super) fn services<K: Clone + Eq + Hash>(
    old: &[VirtualServer<K>],
    new: &[VirtualServer<K>],
) -> Vec<ServiceChange<K>> {
    let before = by_key(old);
    let after = by_key(new);
    let removed = old
        .iter()
        .filter(|service| !after.contains_key(&service.key));
    let removed = removed.map(|service| ServiceChange::Removed(service.key.clone()));
    let changed = new
        .iter()
        .filter_map(|service| changed(before.get(&service.key)?, service));
    let added = new
        .iter()
        .filter(|service| !before.contains_key(&service.key));
    let added = added.map(|service| ServiceChange::Added(Box::new(service.clone())));
    removed.chain(changed).chain(added).collect()
}

fn by_key<K: Eq + Hash>(services: &[VirtualServer<K>]) -> HashMap<&K, &VirtualServer<K>> {
    services
        .iter()
        .map(|service| (&service.key, service))
        .collect()
}

fn changed<K: Clone + Eq>(
    old: &VirtualServer<K>,
    new: &VirtualServer<K>,
) -> Option<ServiceChange<K>> {
    // Most services of a reload are what they were.
    if old == new {
        return None;
    }
    let keywords = differing!(VirtualServer {
        key, real_servers; lb_algo, lb_kind, persistence_timeout, persistence_granularity, alpha,
        sorry_server, tunnel, flags, persistence_granularity6, persistence_engine, ops, ha_suspend,
        omega, quorum, hysteresis, quorum_up, quorum_down, sorry_server_inhibit,
        sorry_server_lvs_method, sorry_server_tunnel, smtp_alert, snmp_name, xdp_slow_start, xdp_new_flow_limit, xdp_source_limit,
        xdp_mode,
    } in old, new);
    let (servers, reordered) = servers(&old.real_servers, &new.real_servers);
    Some(ServiceChange::Changed {
        key: new.key.clone(),
        keywords,
        servers,
        reordered,
        new: Box::new(new.clone()),
    })
}

/// Changes of the servers of one service, and whether those that stay have another order.
fn servers(old: &[RealServer], new: &[RealServer]) -> (Vec<ServerChange>, bool) {
    let index = |servers: &[RealServer]| -> HashMap<RealServerKey, usize> {
        let keys = servers.iter().map(|server| server.key);
        keys.zip(0..).collect()
    };
    let (before, after) = (index(old), index(new));
    let gone = old.iter().filter(|server| !after.contains_key(&server.key));
    let mut changes: Vec<ServerChange> = gone
        .map(|server| ServerChange::Removed(server.key))
        .collect();
    let mut last = None;
    let mut reordered = false;
    for server in new {
        let Some(index) = before.get(&server.key).copied() else {
            changes.push(ServerChange::Added(server.key));
            continue;
        };
        reordered |= last.is_some_and(|last| index < last);
        last = Some(index);
        let keywords = old
            .get(index)
            .map_or_else(Vec::new, |old| keywords(old, server));
        if !keywords.is_empty() {
            let key = server.key;
            changes.push(ServerChange::Changed { key, keywords });
        }
    }
    (changes, reordered)
}

fn keywords(old: &RealServer, new: &RealServer) -> Vec<&'static str> {
    differing!(RealServer {
        key; weight, inhibit_on_failure, alpha, checkers, notify_up, notify_down,
        uthreshold, lthreshold, lvs_method, tunnel, smtp_alert, snmp_name,
    } in old, new)
}
