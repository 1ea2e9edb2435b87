//! What others have done to our services since we last looked. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::installed::{self, Installed, Service};
use super::order;
use crate::net::ipvs::{DestinationKey, Service as Settings, ServiceEntry, ServiceKey};

/// One thing that others have done to a service of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drift {
    /// Removed it, and its servers with it (`ipvsadm -C`, `-D`).
    ServiceGone(ServiceKey),
    /// Changed its settings (`ipvsadm -E`).
    ServiceChanged(ServiceKey),
    /// Removed a server (`ipvsadm -d`).
    ServerGone(ServiceKey, DestinationKey),
    /// Changed a server (`ipvsadm -e`).
    ServerChanged(ServiceKey, DestinationKey),
    /// Added a server (`ipvsadm -a`).
    ServerAdded(ServiceKey, DestinationKey),
    /// Put servers in another order, where that matters (`ipvsadm -d`, then `-a`).
    Reordered(ServiceKey),
}

/// What has become of our services in `before`: `now` is the same picture, read again.
pub fn drift(before: &Installed, now: &Installed) -> Vec<Drift> {
    let mut found = Vec::new();
    for key in &before.ours {
        match (before.services.get(key), now.services.get(key)) {
            (Some(before), Some(now)) => compare(&mut found, before, now),
            (Some(_), None) => found.push(Drift::ServiceGone(*key)),
            // We have not been able to make it.
            (None, _) => {}
        }
    }
    found
}

/// Whether our services are all there with their settings: `now` is what the kernel says of services
/// alone. What has become of their servers, [`drift`] says.
pub fn are_there(before: &Installed, now: &[ServiceEntry]) -> bool {
    let services = now.iter().map(|it| &it.service);
    let now: BTreeMap<ServiceKey, &Settings> = services.map(|it| (it.key, it)).collect();
    let is_there = |key: &ServiceKey| match before.services.get(key) {
        Some(before) => now.get(key) == Some(&&before.settings),
        // We have not been able to make it.
        None => true,
    };
    before.ours.iter().all(is_there)
}

fn compare(found: &mut Vec<Drift>, before: &Service, now: &Service) {
    let key = before.settings.key;
    if before.settings != now.settings {
        found.push(Drift::ServiceChanged(key));
    }
    let servers: BTreeSet<_> = before.servers.keys().chain(now.servers.keys()).collect();
    for server in servers {
        match (before.servers.get(server), now.servers.get(server)) {
            (Some(before), Some(now)) if installed::is(now, before) => {}
            (Some(_), Some(_)) => found.push(Drift::ServerChanged(key, *server)),
            (Some(_), None) => found.push(Drift::ServerGone(key, *server)),
            (None, _) => found.push(Drift::ServerAdded(key, *server)),
        }
    }
    if order::matters(&now.settings.scheduler) && !now.order.keeps(&before.order) {
        found.push(Drift::Reordered(key));
    }
}

/// For the log.
impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceGone(key) => {
                write!(f, "somebody has removed virtual service {key} from IPVS")
            }
            Self::ServiceChanged(key) => {
                write!(f, "somebody has changed virtual service {key} in IPVS")
            }
            Self::ServerGone(key, server) => write!(
                f,
                "somebody has removed server {server} from virtual service {key} in IPVS"
            ),
            Self::ServerChanged(key, server) => write!(
                f,
                "somebody has changed server {server} of virtual service {key} in IPVS"
            ),
            Self::ServerAdded(key, server) => write!(
                f,
                "somebody has added server {server} to virtual service {key} in IPVS"
            ),
            Self::Reordered(key) => write!(
                f,
                "somebody has put the servers of virtual service {key} in another order in IPVS"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
