//! What the kernel's tables hold, and what of it is ours. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::Desired;
use super::order::Order;
use crate::net::ipvs::{
    Change, Destination, DestinationKey, Entry, Forwarding, Service as Settings, ServiceKey,
};

/// A picture of the tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Every service, also those of others.
    pub services: BTreeMap<ServiceKey, Service>,
    /// Which are ours; some may have gone.
    pub ours: BTreeSet<ServiceKey>,
}

/// One service in the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its settings.
    pub settings: Settings,
    /// Its servers.
    pub servers: BTreeMap<DestinationKey, Destination>,
    /// Which of them was added before which.
    pub order: Order,
}

impl Installed {
    /// Takes over what the kernel has said; what is ours stays ours.
    pub fn read(&mut self, table: &[Entry]) {
        let service = |entry: &Entry| {
            let servers = entry.destinations.iter().map(|it| it.destination);
            let list: Vec<_> = servers.clone().map(|server| server.key).collect();
            let service = Service {
                settings: entry.service.service.clone(),
                servers: servers.map(|server| (server.key, server)).collect(),
                order: Order::of_list(&list),
            };
            (service.settings.key, service)
        };
        self.services = table.iter().map(service).collect();
    }

    /// Declares ours what is desired and there; gives what was there and is ours only now.
    pub fn claim(&mut self, desired: &Desired) -> Vec<ServiceKey> {
        let there = desired
            .services
            .iter()
            .map(|service| service.settings.key)
            .filter(|key| self.services.contains_key(key));
        let new: Vec<_> = there.filter(|key| !self.ours.contains(key)).collect();
        self.ours.extend(&new);
        new
    }

    /// Forgets that services were ours which are neither desired nor there: whoever makes one with
    /// that key has a service of their own.
    pub fn forget_gone(&mut self, desired: &Desired) {
        let services = desired.services.iter();
        let wanted: BTreeSet<_> = services.map(|service| service.settings.key).collect();
        let there = &self.services;
        self.ours
            .retain(|key| there.contains_key(key) || wanted.contains(key));
    }

    /// Notes that `change` has been carried out.
    pub fn record(&mut self, change: &Change) {
        match change {
            Change::NewService(settings) => {
                self.ours.insert(settings.key);
                let service = Service {
                    settings: settings.clone(),
                    servers: BTreeMap::new(),
                    order: Order::default(),
                };
                self.services.insert(settings.key, service);
            }
            Change::SetService(settings) => {
                if let Some(service) = self.services.get_mut(&settings.key) {
                    service.settings = settings.clone();
                }
            }
            Change::DeleteService(key) => {
                self.services.remove(key);
                self.ours.remove(key);
            }
            Change::NewDestination(key, server) | Change::SetDestination(key, server) => {
                if let Some(service) = self.services.get_mut(key) {
                    service.servers.insert(server.key, *server);
                    service.order.add(server.key);
                }
            }
            Change::DeleteDestination(key, server) => {
                if let Some(service) = self.services.get_mut(key) {
                    service.servers.remove(server);
                    service.order.remove(server);
                }
            }
            Change::Flush => self.services.clear(),
            // Not in this picture.
            Change::StartDaemon(_)
            | Change::StopDaemon(_)
            | Change::SetTimeouts(_)
            | Change::Zero(_) => {}
        }
    }
}

/// Whether the kernel's `there` is what it makes of our `wanted`: a server that is this host is
/// `Local` to it, whatever we say.
pub(super) fn is(there: &Destination, wanted: &Destination) -> bool {
    let forwarding = match there.forwarding {
        Forwarding::Local => Forwarding::Local,
        Forwarding::Masquerade | Forwarding::Route | Forwarding::Tunnel(_) | Forwarding::Bypass => {
            wanted.forwarding
        }
    };
    *there
        == Destination {
            forwarding,
            ..*wanted
        }
}

#[cfg(test)]
mod tests;
