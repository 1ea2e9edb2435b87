//! The plan: which changes lead from what is installed to what is desired. Pure.
//!
//! The order keeps traffic whole at every step:
//!
//! 1. a service that is new is made before its servers, the kernel wants it so;
//! 2. in one that stays, servers come and change before others go;
//! 3. our services that are no longer desired go, with their servers: who takes over from them, a
//!    mark from addresses say, is there before.
//!
//! A server that stays keeps its connections, whatever changes about it.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, Service};
use super::installed::{self, Installed};
use crate::net::ipvs::{Change, DestinationKey, ServiceKey};

/// The changes from `installed` to `desired`.
pub fn plan(desired: &Desired, installed: &Installed) -> Vec<Change> {
    let wanted: BTreeSet<ServiceKey> = desired
        .services
        .iter()
        .map(|service| service.settings.key)
        .collect();
    let mut changes = Vec::new();
    for service in &desired.services {
        match installed.services.get(&service.settings.key) {
            Some(there) => change(&mut changes, service, there),
            None => make(&mut changes, service),
        }
    }
    let gone = leftovers(installed).filter(|key| !wanted.contains(key));
    changes.extend(gone.map(Change::DeleteService));
    changes
}

/// Our services that are there.
pub fn leftovers(installed: &Installed) -> impl Iterator<Item = ServiceKey> {
    let there = |key: &&ServiceKey| installed.services.contains_key(*key);
    installed.ours.iter().filter(there).copied()
}

fn make(changes: &mut Vec<Change>, service: &Service) {
    let key = service.settings.key;
    changes.push(Change::NewService(service.settings.clone()));
    let servers = service.servers.iter();
    changes.extend(servers.map(|server| Change::NewDestination(key, server.destination)));
}

fn change(changes: &mut Vec<Change>, service: &Service, there: &installed::Service) {
    let key = service.settings.key;
    if there.settings != service.settings {
        changes.push(Change::SetService(service.settings.clone()));
    }
    let mut others: BTreeMap<DestinationKey, _> = there.servers.clone();
    for server in &service.servers {
        let wanted = server.destination;
        match others.remove(&wanted.key) {
            None => changes.push(Change::NewDestination(key, wanted)),
            Some(there) if installed::is(&there, &wanted) => {}
            Some(_) => changes.push(Change::SetDestination(key, wanted)),
        }
    }
    let gone = others.into_keys();
    changes.extend(gone.map(|server| Change::DeleteDestination(key, server)));
}

#[cfg(test)]
mod tests;
