//! The plan: which operations lead from what is installed to what is desired.
//!
//! Pure. The order within the plan is what keeps traffic whole at every step:
//!
//! 1. a service that goes leaves the lookup first, its servers after it;
//! 2. a server that comes is written before a schedule names it;
//! 3. a schedule is swapped before the service that is new points to it, and before the servers
//!    that it no longer names are retired;
//! 4. the filter comes last: it only saves lookups.
//!
//! A server that stays keeps its slot and its flows, whatever changes about it.

mod pool;

use std::collections::{BTreeMap, BTreeSet};

use lb_common::backend::{Backend, flags};
use lb_common::limits::{MAX_BACKENDS, MAX_SERVICES};
use lb_common::service::{ServiceEntry, ServiceInfo, scheduler};
use thiserror::Error;

use super::desired::{Desired, Service};
use super::installed::{Addresses, Installed, Key};
use super::xdp::clock::Ticks;
use crate::config::model::{Forwarding, Scheduler};

/// One step; the executor carries out each, the picture notes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Writes a slot, `READY` last.
    WriteBackend {
        /// The slot.
        slot: u32,
        /// What it holds from now on.
        backend: Backend,
    },
    /// Frees a slot: its flows are scheduled anew, its counters are added to its service's.
    RetireBackend {
        /// The slot.
        slot: u32,
        /// The empty slot with the next generation.
        backend: Backend,
    },
    /// Swaps the schedule of a service.
    SetSchedule {
        /// Id of the service.
        service: u16,
        /// Slots in the order of their turns.
        turns: Vec<u32>,
    },
    /// Makes or changes a service.
    SetService {
        /// Its key.
        key: Key,
        /// For the program.
        entry: ServiceEntry,
        /// For people.
        info: ServiceInfo,
    },
    /// Takes a service out.
    RemoveService {
        /// Its key.
        key: Key,
        /// Its id.
        id: u16,
    },
    /// Replaces the filter.
    SetFilter(Addresses),
}

/// Why there is no plan. Nothing is changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// Service ids are used up.
    #[error("more than {} virtual servers do not fit the XDP data plane", MAX_SERVICES - 1)]
    TooManyServices,
    /// Slots are used up.
    #[error(
        "more than {} real servers (each counted once for every virtual server it is in) do not \
         fit the XDP data plane",
        MAX_BACKENDS - 1
    )]
    TooManyServers,
}

/// The operations from `installed` to `desired`.
pub fn plan(
    desired: &Desired,
    installed: &Installed,
    ticks: Ticks,
) -> Result<Vec<Operation>, PlanError> {
    let mut plan = Planner::new(installed);
    let wanted: BTreeSet<Key> = desired.services.iter().map(|it| it.key.into()).collect();
    for (key, service) in &installed.services {
        if !wanted.contains(key) {
            plan.remove_service(*key, service.entry.id);
        }
    }
    for service in &desired.services {
        plan.set_service(service, ticks)?;
    }
    plan.set_filter(desired);
    Ok(plan.operations)
}

/// Slots and what they hold.
type Slots = Vec<(u32, Backend)>;

/// A plan in the making.
struct Planner<'a> {
    installed: &'a Installed,
    /// Slots in use, by service, as installed.
    slots: BTreeMap<u16, Slots>,
    free_slots: Box<dyn Iterator<Item = u32> + 'a>,
    free_ids: Box<dyn Iterator<Item = u16> + 'a>,
    operations: Vec<Operation>,
}

impl<'a> Planner<'a> {
    fn new(installed: &'a Installed) -> Self {
        let mut slots: BTreeMap<u16, Slots> = BTreeMap::new();
        for (slot, backend) in &installed.backends {
            if backend.has(flags::IN_USE) {
                slots
                    .entry(backend.service)
                    .or_default()
                    .push((*slot, *backend));
            }
        }
        let used: BTreeSet<u16> = installed.services.values().map(|it| it.entry.id).collect();
        let in_use = |slot: &u32| {
            installed
                .backends
                .get(slot)
                .is_some_and(|it| it.has(flags::IN_USE))
        };
        Self {
            installed,
            slots,
            free_slots: Box::new((1..MAX_BACKENDS).filter(move |slot| !in_use(slot))),
            free_ids: Box::new(
                (1..MAX_SERVICES)
                    .filter_map(|id| u16::try_from(id).ok())
                    .filter(move |id| !used.contains(id)),
            ),
            operations: Vec::new(),
        }
    }

    fn remove_service(&mut self, key: Key, id: u16) {
        self.operations.push(Operation::RemoveService { key, id });
        for (slot, backend) in self.slots.remove(&id).unwrap_or_default() {
            self.operations.push(pool::retire(slot, &backend));
        }
    }

    fn set_service(&mut self, service: &Service, ticks: Ticks) -> Result<(), PlanError> {
        let key = Key::from(service.key);
        let old = self.installed.services.get(&key);
        let id = match old {
            Some(old) => old.entry.id,
            None => self.free_ids.next().ok_or(PlanError::TooManyServices)?,
        };
        let (turns, gone) = self.set_servers(service, id)?;
        if self.installed.schedules.get(&id) != Some(&turns) {
            self.operations
                .push(Operation::SetSchedule { service: id, turns });
        }
        let entry = entry(service, id, ticks);
        let info = info(service);
        if old.is_none_or(|old| old.entry != entry || old.info != info) {
            self.operations
                .push(Operation::SetService { key, entry, info });
        }
        self.operations.extend(
            gone.iter()
                .map(|(slot, backend)| pool::retire(*slot, backend)),
        );
        Ok(())
    }

    /// Writes the servers of a service; gives its turns and the slots it no longer needs.
    fn set_servers(&mut self, service: &Service, id: u16) -> Result<(Vec<u32>, Slots), PlanError> {
        let mut old = self.slots.remove(&id).unwrap_or_default();
        let mut weights = Vec::with_capacity(service.servers.len());
        for server in &service.servers {
            let known = old
                .iter()
                .position(|(_, backend)| pool::is_for(backend, server));
            let (slot, before) = match known.map(|at| old.swap_remove(at)) {
                Some((slot, backend)) => (slot, Some(backend)),
                None => (
                    self.free_slots.next().ok_or(PlanError::TooManyServers)?,
                    None,
                ),
            };
            let generation = self
                .installed
                .backends
                .get(&slot)
                .map_or(0, |it| it.generation);
            let backend = pool::backend(service, server, id, generation);
            if before != Some(backend) {
                self.operations
                    .push(Operation::WriteBackend { slot, backend });
            }
            weights.push((slot, server.weight));
        }
        Ok((super::schedule::turns(service.scheduler, &weights), old))
    }

    fn set_filter(&mut self, desired: &Desired) {
        let destinations: BTreeSet<_> = desired
            .services
            .iter()
            .map(|service| service.key.address())
            .collect();
        let servers: BTreeSet<_> = desired
            .services
            .iter()
            .flat_map(|service| service.servers.iter().map(|it| (service.key.proto, it)))
            .filter(|(_, server)| server.method == Forwarding::Nat)
            .map(|(proto, server)| Key {
                address: server.address,
                port: server.port,
                proto,
            })
            .collect();
        let filter = Addresses {
            destinations: destinations.into_iter().collect(),
            servers: servers.into_iter().collect(),
        };
        if self.installed.filter != filter {
            self.operations.push(Operation::SetFilter(filter));
        }
    }
}

fn entry(service: &Service, id: u16, ticks: Ticks) -> ServiceEntry {
    ServiceEntry {
        id,
        gate: service.gate,
        affinity_ticks: service
            .persistence
            .map_or(0, |persistence| ticks.of(persistence.timeout)),
    }
}

fn info(service: &Service) -> ServiceInfo {
    ServiceInfo {
        key: service.key,
        scheduler: match service.scheduler {
            Scheduler::Rr => scheduler::RR,
            Scheduler::Wrr => scheduler::WRR,
        },
        pad: [0; 3],
        persistence_timeout: service.persistence.map_or(0, |persistence| {
            u32::try_from(persistence.timeout.as_secs()).unwrap_or(u32::MAX)
        }),
        persistence_granularity: service.persistence.map_or(u32::MAX, |persistence| {
            u32::from_ne_bytes(persistence.mask.octets())
        }),
        gate: service.gate,
        pad2: 0,
    }
}

#[cfg(test)]
mod tests;
