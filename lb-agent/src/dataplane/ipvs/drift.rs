//! What others have done to our services since we last looked. Pure.

use std::collections::BTreeSet;
use std::fmt;

use super::installed::{self, Installed, Service};
use crate::net::ipvs::{DestinationKey, ServiceKey};

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
        }
    }
}

#[cfg(test)]
mod tests;
