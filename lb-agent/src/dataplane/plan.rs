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
//!
//! All of it is one round, unless there are not slots enough for those that come beside those that go:
//! then the services come in several rounds, each of which ends with slots for the next one.

mod pool;
mod service;
mod slots;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use lb_common::backend::{Backend, flags};
use lb_common::limits::{MAX_BACKENDS, MAX_SERVICES};
use lb_common::policy::Policy;
use lb_common::service::{ServiceEntry, ServiceInfo};
use thiserror::Error;

use super::desired::{Desired, Server, Service};
use super::difference::{Difference, difference};
use super::installed::{self, Addresses, Installed, Key, Thresholds};
use super::schedule::{self, Table};
use super::xdp::clock::Ticks;
use slots::{FreeSlots, Slots};

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
    plan_since(None, desired, installed, ticks)
}

/// The same operations, found sooner: `before` is what was desired last, and what is installed is what
/// its plan has led to, all of it carried out. A service that is desired as before is as it should be.
pub fn plan_since(
    before: Option<&Desired>,
    desired: &Desired,
    installed: &Installed,
    ticks: Ticks,
) -> Result<Vec<Operation>, PlanError> {
    let before = before.iter().flat_map(|it| &it.services);
    let before: HashMap<Key, &Service> = before.map(|it| (it.key, it)).collect();
    let mut plan = Planner::new(installed);
    let filter = service::filter(desired);
    plan.widen_filter(&filter);
    plan.retire_leaked();
    let there = installed.services.iter().map(|(key, it)| (*key, it));
    let Difference { wanted, gone } = difference(&desired.services, there, |it| it.key);
    for (key, service) in gone {
        plan.remove_service(key, service.entry.id);
    }
    let mut round = Vec::with_capacity(wanted.len());
    for (service, _) in wanted {
        if before.get(&service.key) == Some(&service) {
            continue;
        }
        if !plan.has_room(service) {
            plan.carry_out(std::mem::take(&mut round), ticks);
            plan.exchange(service, ticks)?;
        }
        round.push((service, plan.servers(service, &service.servers)?));
    }
    plan.carry_out(round, ticks);
    plan.narrow_filter(filter);
    Ok(plan.operations)
}

/// The servers of one service, each with a slot.
struct Servers {
    /// Id of the service.
    id: u16,
    /// The slots that change.
    writes: Vec<Operation>,
    /// The slots that it has from now on.
    slots: Slots,
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
    free: FreeSlots<'a>,
    /// Ids that services have been given.
    ids: BTreeMap<Key, u16>,
    /// The services whose schedules are not those that are installed any more.
    scheduled: BTreeSet<u16>,
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
        Self {
            installed,
            slots,
            free: FreeSlots::new(installed),
            ids: BTreeMap::new(),
            scheduled: BTreeSet::new(),
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
        self.retire(leaked.into_values().flatten());
    }

    /// Frees slots.
    fn retire(&mut self, slots: impl IntoIterator<Item = (u32, Backend)>) {
        for (slot, backend) in slots {
            let empty = pool::empty(&backend);
            self.free.give_back(slot, empty.generation);
            self.operations.push(Operation::RetireBackend {
                slot,
                backend: empty,
            });
        }
    }

    /// One round: services whose servers have their slots.
    fn carry_out(&mut self, mut round: Vec<(&Service, Servers)>, ticks: Ticks) {
        for (_, servers) in &mut round {
            self.operations.append(&mut servers.writes);
        }
        self.empty_schedules();
        for (_, servers) in &mut round {
            self.set_schedule(servers.id, std::mem::take(&mut servers.table));
        }
        self.retire_removed();
        for (service, servers) in round {
            self.set_service(service, servers, ticks);
        }
    }

    /// Whether there are slots for the servers of a service that come.
    fn has_room(&self, service: &Service) -> bool {
        let count = service.servers.len();
        count <= self.free.left() || self.newcomers(service).count() <= self.free.left()
    }

    /// The servers of a service that have no slot.
    fn newcomers<'b>(&self, service: &'b Service) -> impl Iterator<Item = &'b Server> + use<'b> {
        let key = service.key;
        let known = self.id_of(key).and_then(|id| self.slots.get(&id));
        let known: HashSet<_> = known.into_iter().flatten().map(pool::address).collect();
        let servers = service.servers.iter();
        servers.filter(move |server| !known.contains(&pool::address_of(server)))
    }

    /// Brings servers of a service in and out, round by round, until there are slots for all.
    fn exchange(&mut self, service: &Service, ticks: Ticks) -> Result<(), PlanError> {
        while !self.has_room(service) {
            let left = self.free.left();
            let late: HashSet<_> = self
                .newcomers(service)
                .skip(left)
                .map(pool::address_of)
                .collect();
            let servers: Vec<Server> = service
                .servers
                .iter()
                .filter(|server| !late.contains(&pool::address_of(server)))
                .copied()
                .collect();
            let some = self.servers(service, &servers)?;
            if left == 0 && some.gone.is_empty() {
                return Err(PlanError::TooManyServers);
            }
            let (id, slots) = (some.id, some.slots.clone());
            self.carry_out(vec![(service, some)], ticks);
            self.slots.insert(id, slots);
        }
        Ok(())
    }

    fn id_of(&self, key: Key) -> Option<u16> {
        let installed = self.installed.services.get(&key).map(|it| it.entry.id);
        installed.or_else(|| self.ids.get(&key).copied())
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
        let is_as_installed = self.installed.schedules.get(&service) == Some(&table);
        if !is_as_installed || self.scheduled.contains(&service) {
            self.scheduled.insert(service);
            self.operations
                .push(Operation::SetSchedule { service, table });
        }
    }

    /// Frees the slots of services that go.
    fn retire_removed(&mut self) {
        let slots = std::mem::take(&mut self.removed).into_values().flatten();
        self.retire(slots);
    }

    /// Finds an id for a service and slots for these servers of it: those they have, or free ones.
    fn servers(&mut self, service: &Service, servers: &[Server]) -> Result<Servers, PlanError> {
        let id = self.id(service.key)?;
        let old = self.slots.remove(&id).unwrap_or_default();
        let old = old.into_iter().map(|it| (pool::address(&it), it));
        let Difference { wanted, gone } = difference(servers, old, pool::address_of);
        let mut found = Servers {
            id,
            writes: Vec::new(),
            slots: Vec::with_capacity(servers.len()),
            table: Table::default(),
            gone: Vec::new(),
        };
        for (server, before) in wanted {
            let (slot, generation) = match before {
                Some((slot, backend)) => (slot, backend.generation),
                None => self.free.take().ok_or(PlanError::TooManyServers)?,
            };
            let backend = pool::backend(service, server, id, generation);
            if before != Some((slot, backend)) {
                found.writes.push(Operation::WriteBackend { slot, backend });
            }
            let thresholds = pool::thresholds(server);
            if self.thresholds(slot) != thresholds {
                found
                    .writes
                    .push(Operation::SetThresholds { slot, thresholds });
            }
            found.slots.push((slot, backend));
        }
        let slots = found.slots.iter().map(|(slot, _)| *slot);
        let candidates = pool::candidates(service.scheduler, slots.zip(servers));
        found.table = schedule::table(service.scheduler, &candidates);
        found.gone = gone.into_values().collect();
        found.gone.sort_unstable_by_key(|(slot, _)| *slot);
        Ok(found)
    }

    fn id(&mut self, key: Key) -> Result<u16, PlanError> {
        if let Some(id) = self.id_of(key) {
            return Ok(id);
        }
        let id = self.free_ids.next().ok_or(PlanError::TooManyServices)?;
        self.ids.insert(key, id);
        Ok(id)
    }

    /// The limits of connections of a slot; those of a slot that was freed are gone.
    fn thresholds(&self, slot: u32) -> Thresholds {
        let installed = self.installed.thresholds.get(&slot).copied();
        let is_kept = !self.free.was_given_back(slot);
        installed.filter(|_| is_kept).unwrap_or_default()
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
        self.retire(gone);
    }

    /// Lets the addresses of `filter` through, besides those that are let through already.
    fn widen_filter(&mut self, filter: &Addresses) {
        if self.installed.filter == *filter {
            return;
        }
        let both = self.installed.filter.union(filter);
        if self.installed.filter != both {
            self.operations.push(Operation::SetFilter(both));
        }
    }

    /// Lets no other addresses through any more than those of `filter`.
    fn narrow_filter(&mut self, filter: Addresses) {
        if self.installed.filter != filter && self.installed.filter.union(&filter) != filter {
            self.operations.push(Operation::SetFilter(filter));
        }
    }
}

#[cfg(test)]
mod tests;
