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
//!
//! Where the order of the servers decides who gets whom ([`order::matters`]) it is that of the file:
//! from the first one on that is new, or not in its place, all are added, one after the other. Who was
//! there is removed right before, with the same system call: the kernel finds it where it keeps removed servers
//! as long as somebody may need them (`ip_vs_trash_get_dest`), and with it its connections and
//! counters. A packet that comes between the two is dropped; TCP sends it again. Until the
//! last one is in its place, who connects may be dealt to others than before and after. With
//! `net.ipv4.vs.expire_nodest_conn=1` the kernel may look for connections without a server just then, and
//! ends those of who is out.

use super::desired::{Desired, Service};
use super::installed::{self, Installed};
use super::order;
use crate::dataplane::difference::{Difference, difference};
use crate::net::ipvs::{Change, DestinationKey, ServiceKey};

/// The changes from `installed` to `desired`.
pub fn plan(desired: &Desired, installed: &Installed) -> Vec<Change> {
    let there = installed.services.iter().map(|(key, it)| (*key, it));
    let Difference { wanted, gone } = difference(&desired.services, there, |it| it.settings.key);
    let mut changes = Vec::new();
    for (service, there) in wanted {
        match there {
            Some(there) => change(&mut changes, service, there),
            None => make(&mut changes, service),
        }
    }
    let ours = gone.into_keys().filter(|key| installed.ours.contains(key));
    changes.extend(ours.map(Change::DeleteService));
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
    let Difference { wanted, gone } =
        difference(&service.servers, there.servers.clone(), |server| {
            server.destination.key
        });
    let mut in_place = InPlace::of(service, there);
    for (server, there) in wanted {
        let wanted = server.destination;
        let stays = in_place.next(&wanted.key);
        match there {
            None => changes.push(Change::NewDestination(key, wanted)),
            Some(_) if !stays => {
                changes.push(Change::DeleteDestination(key, wanted.key));
                changes.push(Change::NewDestination(key, wanted));
            }
            Some(there) if installed::is(&there, &wanted) => {}
            Some(_) => changes.push(Change::SetDestination(key, wanted)),
        }
    }
    changes.extend(
        gone.into_keys()
            .map(|server| Change::DeleteDestination(key, server)),
    );
}

/// Which servers may stay where they are.
struct InPlace<'a> {
    /// `None`: no order matters.
    order: Option<&'a order::Order>,
    /// When the last one that stays was added.
    last: Option<u64>,
    /// All from here on are added anew.
    broken: bool,
}

impl<'a> InPlace<'a> {
    fn of(wanted: &Service, there: &'a installed::Service) -> Self {
        Self {
            order: order::matters(&wanted.settings.scheduler).then_some(&there.order),
            last: None,
            broken: false,
        }
    }

    /// Whether the next one of the file may.
    fn next(&mut self, server: &DestinationKey) -> bool {
        let Some(order) = self.order else {
            return true;
        };
        let place = order.place(server);
        self.broken |= place.is_none() || place < self.last;
        self.last = place;
        !self.broken
    }
}

#[cfg(test)]
mod tests;
