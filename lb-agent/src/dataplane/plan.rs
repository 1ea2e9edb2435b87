//! The plan: which operations lead from what is installed to what is desired.
//!
//! Pure. The order within the plan is what keeps traffic whole at every step:
//!
//! 1. the filter lets through what will be ours, besides what is;
//! 2. a service that goes leaves the lookup first, its servers after it;
//! 3. replies find a server that comes, then it is written, before a schedule names it;
//! 4. all schedules are swapped, side by side, before the services that are new point to them, and
//!    before the servers that they no longer name are retired;
//! 5. replies of servers that have gone are nobody's, and the filter loses their addresses.
//!
//! A server that stays keeps its slot and its flows, whatever changes about it.

mod pool;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use lb_common::backend::{Backend, flags};
use lb_common::limits::{MAX_BACKENDS, MAX_SERVICES};
use lb_common::policy::Policy;
use lb_common::service::{ServiceEntry, ServiceInfo};
use thiserror::Error;

use super::desired::{Desired, Service};
use super::installed::{self, Addresses, Installed, Key, Thresholds};
use super::schedule::{self, Table};
use super::xdp::clock::Ticks;

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
        /// Turns and servers.
        table: Table,
    },
    /// Sets how many connections the server of a slot may have.
    SetThresholds {
        /// The slot.
        slot: u32,
        /// `uthreshold` and `lthreshold`.
        thresholds: Thresholds,
    },
    /// Makes or changes a service.
    SetService {
        /// Its key.
        key: Key,
        /// For the program.
        entry: ServiceEntry,
        /// For people.
        info: ServiceInfo,
        /// For the program, of new flows.
        policy: Policy,
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

impl Operation {
    /// The service and its new schedule, if it is that.
    pub fn table(&self) -> Option<(u16, &Table)> {
        if let Self::SetSchedule { service, table } = self {
            Some((*service, table))
        } else {
            None
        }
    }
}

/// A plan cut into its steps, which come one after another. The operations of one step, all of
/// them schedules if there are several, may be carried out side by side.
pub fn steps(plan: &[Operation]) -> impl Iterator<Item = &[Operation]> {
    plan.chunk_by(|one, next| one.table().is_some() && next.table().is_some())
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
    let filter = service::filter(desired);
    plan.widen_filter(&filter);
    let wanted: BTreeSet<Key> = desired.services.iter().map(|it| it.key).collect();
    plan.retire_leaked();
    for (key, service) in &installed.services {
        if !wanted.contains(key) {
            plan.remove_service(*key, service.entry.id);
        }
    }
    let mut written = Vec::with_capacity(desired.services.len());
    for service in &desired.services {
        written.push((service, plan.servers(service)?));
    }
    for (_, servers) in &mut written {
        plan.operations.append(&mut servers.writes);
    }
    plan.empty_schedules();
    for (_, servers) in &mut written {
        plan.set_schedule(servers.id, std::mem::take(&mut servers.table));
    }
    plan.retire_removed();
    for (service, servers) in written {
        plan.set_service(service, servers, ticks);
    }
    plan.narrow_filter(filter);
    Ok(plan.operations)
}

/// Slots and what they hold.
type Slots = Vec<(u32, Backend)>;

/// The servers of one service, each with a slot.
struct Servers {
    /// Id of the service.
    id: u16,
    /// The slots that change.
    writes: Vec<Operation>,
    /// Who serves when.
    table: Table,
    /// The slots that the service no longer needs.
    gone: Slots,
}

/// A plan in the making.
struct Planner<'a> {
    installed: &'a Installed,
    /// Slots in use, by service, as installed.
    slots: BTreeMap<u16, Slots>,
    free_slots: Box<dyn Iterator<Item = u32> + 'a>,
    free_ids: Box<dyn Iterator<Item = u16> + 'a>,
    /// The slots of services that go, by id.
    removed: BTreeMap<u16, Slots>,
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
            removed: BTreeMap::new(),
            operations: Vec::new(),
        }
    }

    /// Frees the slots of services that are not there: an agent was killed between two operations.
    fn retire_leaked(&mut self) {
        let services = self.installed.services.values();
        let known: BTreeSet<u16> = services.map(|it| it.entry.id).collect();
        let (kept, leaked) = std::mem::take(&mut self.slots)
            .into_iter()
            .partition(|(id, _)| known.contains(id));
        self.slots = kept;
        let leaked: BTreeMap<u16, Slots> = leaked;
        for (slot, backend) in leaked.into_values().flatten() {
            self.operations.push(pool::retire(slot, &backend));
        }
    }

    fn remove_service(&mut self, key: Key, id: u16) {
        self.operations.push(Operation::RemoveService { key, id });
        let slots = self.slots.remove(&id).unwrap_or_default();
        self.removed.insert(id, slots);
    }

    /// The schedules of services that go are of no more use.
    fn empty_schedules(&mut self) {
        let ids: Vec<u16> = self.removed.keys().copied().collect();
        for id in ids {
            self.set_schedule(id, Table::default());
        }
    }

    fn set_schedule(&mut self, service: u16, table: Table) {
        if self.installed.schedules.get(&service) != Some(&table) {
            self.operations
                .push(Operation::SetSchedule { service, table });
        }
    }

    /// Frees the slots of services that go.
    fn retire_removed(&mut self) {
        let slots = std::mem::take(&mut self.removed).into_values().flatten();
        let retire = |(slot, backend): (u32, Backend)| pool::retire(slot, &backend);
        self.operations.extend(slots.map(retire));
    }

    /// Finds an id for a service and slots for its servers: those they have, or free ones.
    fn servers(&mut self, service: &Service) -> Result<Servers, PlanError> {
        let id = match self.installed.services.get(&service.key) {
            Some(old) => old.entry.id,
            None => self.free_ids.next().ok_or(PlanError::TooManyServices)?,
        };
        let mut old = self.slots.remove(&id).unwrap_or_default();
        let mut writes = Vec::new();
        let mut candidates = Vec::with_capacity(service.servers.len());
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
                writes.push(Operation::WriteBackend { slot, backend });
            }
            let thresholds = pool::thresholds(server);
            if self
                .installed
                .thresholds
                .get(&slot)
                .copied()
                .unwrap_or_default()
                != thresholds
            {
                writes.push(Operation::SetThresholds { slot, thresholds });
            }
            candidates.push(pool::candidate(slot, server));
        }
        Ok(Servers {
            id,
            writes,
            table: schedule::table(service.scheduler, &candidates),
            gone: old,
        })
    }

    /// Lets packets find a service, and frees the slots that it no longer needs.
    fn set_service(&mut self, service: &Service, servers: Servers, ticks: Ticks) {
        let Servers { id, gone, .. } = servers;
        let key = service.key;
        let old = self.installed.services.get(&key);
        let entry = service::entry(service, id, ticks);
        let info = service::info(service);
        let policy = service::policy(service, id, ticks);
        let new = installed::Service {
            entry,
            info,
            policy,
        };
        if old != Some(&new) {
            self.operations.push(Operation::SetService {
                key,
                entry,
                info,
                policy,
            });
        }
        self.operations.extend(
            gone.iter()
                .map(|(slot, backend)| pool::retire(*slot, backend)),
        );
    }

    /// Lets the addresses of `filter` through, besides those that are let through already.
    fn widen_filter(&mut self, filter: &Addresses) {
        let both = self.installed.filter.union(filter);
        if self.installed.filter != both {
            self.operations.push(Operation::SetFilter(both));
        }
    }

    /// Lets no other addresses through any more than those of `filter`.
    fn narrow_filter(&mut self, filter: Addresses) {
        if self.installed.filter.union(&filter) != filter {
            self.operations.push(Operation::SetFilter(filter));
        }
    }
}

#[cfg(test)]
mod tests;
