//! The plan: which operations lead from what is installed to what is desired.
//!
//! Pure. The order within the plan is what keeps traffic whole at every step:
//!
//! 1. the filter lets through what will be ours, besides what is;
//! 2. a service that goes leaves the lookup first, its pool after it, if that goes as well;
//! 3. replies find a server that comes, then it is written, before a schedule names it;
//! 4. all schedules are swapped, side by side, before the services that are new point to them, and
//!    before the servers that they no longer name are retired;
//! 5. replies of servers that have gone are nobody's, and the filter loses their addresses.
//!
//! A server that stays keeps its slot and its flows, whatever changes about it. So does the pool of a virtual
//! server as long as one of its addresses and ports stays, whichever come or go beside that one: `pools`.
//!
//! All of it is one round, unless there are not slots enough for those that come beside those that go:
//! then the services come in several rounds, each of which ends with slots for the next one.

mod pool;
mod pools;
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
use pools::{Numbers, Pools};
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
    /// Swaps the schedule of a pool.
    SetSchedule {
        /// Its number.
        pool: u16,
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
    /// Makes or changes a pool.
    SetPool {
        /// How it treats new flows, and its number.
        policy: Policy,
        /// It comes: what a pool of its number has carried is not its own.
        is_new: bool,
    },
    /// Takes a pool out.
    RemovePool {
        /// Its number.
        pool: u16,
    },
    /// Makes or changes a service.
    SetService {
        /// Its key.
        key: Key,
        /// What is looked up by the key.
        entry: ServiceEntry,
        /// What is looked up by the id.
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

impl Operation {
    /// The pool and its new schedule, if it is that.
    pub fn table(&self) -> Option<(u16, &Table)> {
        if let Self::SetSchedule { pool, table } = self {
            Some((*pool, table))
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
    #[error(
        "more than {} addresses and ports of virtual servers do not fit the XDP data plane",
        MAX_SERVICES - 1
    )]
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
    plan.remove_services(desired);
    let mut round = Vec::with_capacity(desired.services.len());
    for service in &desired.services {
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
    plan.remove_left();
    plan.narrow_filter(filter);
    Ok(plan.operations)
}

/// The servers of one virtual server, each with a slot.
struct Servers {
    /// Number of their pool.
    pool: u16,
    /// The slots that change.
    writes: Vec<Operation>,
    /// The slots that it has from now on.
    slots: Slots,
    /// Who serves when.
    table: Table,
    /// The slots that the pool no longer needs.
    gone: Slots,
}

/// A plan in the making.
struct Planner<'a> {
    installed: &'a Installed,
    /// Slots in use, by pool, as installed.
    slots: BTreeMap<u16, Slots>,
    free: FreeSlots<'a>,
    /// Ids that services have been given.
    ids: BTreeMap<Key, u16>,
    free_ids: Numbers<'a>,
    pools: Pools<'a>,
    /// The pools whose schedules are not those that are installed any more.
    scheduled: BTreeSet<u16>,
    /// The slots of pools that go, and from which nobody has gone over to another one.
    removed: BTreeMap<u16, Slots>,
    /// The same of those from which somebody has: only when packets do not find them any more.
    left: BTreeMap<u16, Slots>,
    operations: Vec<Operation>,
}

impl<'a> Planner<'a> {
    fn new(installed: &'a Installed) -> Self {
        let mut slots: BTreeMap<u16, Slots> = BTreeMap::new();
        for (slot, backend) in &installed.backends {
            if backend.has(flags::IN_USE) {
                slots
                    .entry(backend.pool)
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
            free_ids: pools::all_but(used),
            pools: Pools::new(installed),
            scheduled: BTreeSet::new(),
            removed: BTreeMap::new(),
            left: BTreeMap::new(),
            operations: Vec::new(),
        }
    }

    /// Frees the slots of pools that are not there: an agent was killed between two operations.
    fn retire_leaked(&mut self) {
        let services = self.installed.services.values();
        let known: BTreeSet<u16> = services.map(|it| it.entry.pool).collect();
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

    /// One round: virtual servers whose servers have their slots.
    fn carry_out(&mut self, mut round: Vec<(&Service, Servers)>, ticks: Ticks) {
        for (_, servers) in &mut round {
            self.operations.append(&mut servers.writes);
        }
        self.empty_schedules();
        for (_, servers) in &mut round {
            self.set_schedule(servers.pool, std::mem::take(&mut servers.table));
        }
        let removed = std::mem::take(&mut self.removed);
        self.remove_pools(removed);
        for (service, servers) in round {
            self.set_services(service, servers, ticks);
        }
    }

    /// Whether there are slots for the servers of a virtual server that come.
    fn has_room(&self, service: &Service) -> bool {
        let count = service.servers.len();
        count <= self.free.left() || self.newcomers(service).count() <= self.free.left()
    }

    /// The servers of a virtual server that have no slot.
    fn newcomers<'b>(&self, service: &'b Service) -> impl Iterator<Item = &'b Server> + use<'b> {
        let known = self.pools.of(service);
        let known = known.and_then(|pool| self.slots.get(&pool));
        let known: HashSet<_> = known.into_iter().flatten().map(pool::address).collect();
        let servers = service.servers.iter();
        servers.filter(move |server| !known.contains(&pool::address_of(server)))
    }

    /// Brings servers of a virtual server in and out, round by round, until there are slots for all.
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
            let (pool, slots) = (some.pool, some.slots.clone());
            self.carry_out(vec![(service, some)], ticks);
            self.slots.insert(pool, slots);
        }
        Ok(())
    }

    fn id_of(&self, key: Key) -> Option<u16> {
        let installed = self.installed.services.get(&key).map(|it| it.entry.id);
        installed.or_else(|| self.ids.get(&key).copied())
    }

    /// Takes the services out that nobody desires any more, and notes which pools go.
    fn remove_services(&mut self, desired: &Desired) {
        let keys = desired.services.iter().flat_map(Service::keys);
        let wanted: HashSet<Key> = keys.collect();
        for (key, service) in &self.installed.services {
            if !wanted.contains(key) {
                let id = service.entry.id;
                self.operations
                    .push(Operation::RemoveService { key: *key, id });
            }
        }
        self.pools.claim(desired);
        for (pool, keys) in self.pools.unclaimed() {
            let slots = self.slots.remove(&pool).unwrap_or_default();
            let stays = keys.iter().any(|key| wanted.contains(key));
            if stays {
                self.left.insert(pool, slots);
            } else {
                self.removed.insert(pool, slots);
            }
        }
    }

    /// Takes out the pools that packets found until now.
    fn remove_left(&mut self) {
        let left = std::mem::take(&mut self.left);
        for pool in left.keys() {
            self.set_schedule(*pool, Table::default());
        }
        self.remove_pools(left);
    }

    /// The schedules of pools that go are of no more use.
    fn empty_schedules(&mut self) {
        let pools: Vec<u16> = self.removed.keys().copied().collect();
        for pool in pools {
            self.set_schedule(pool, Table::default());
        }
    }

    fn set_schedule(&mut self, pool: u16, table: Table) {
        let is_as_installed = self.installed.schedules.get(&pool) == Some(&table);
        if !is_as_installed || self.scheduled.contains(&pool) {
            self.scheduled.insert(pool);
            self.operations.push(Operation::SetSchedule { pool, table });
        }
    }

    /// Takes pools out and frees their slots.
    fn remove_pools(&mut self, pools: BTreeMap<u16, Slots>) {
        for (pool, slots) in pools {
            self.retire(slots);
            self.operations.push(Operation::RemovePool { pool });
        }
    }

    /// Finds numbers for a virtual server and slots for these servers of it: those they have, or free ones.
    fn servers(&mut self, service: &Service, servers: &[Server]) -> Result<Servers, PlanError> {
        for key in service.keys() {
            self.give_id(key)?;
        }
        let pool = self.pools.give(service)?;
        let old = self.slots.remove(&pool).unwrap_or_default();
        let old = old.into_iter().map(|it| (pool::address(&it), it));
        let Difference { wanted, gone } = difference(servers, old, pool::address_of);
        let mut found = Servers {
            pool,
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
            let backend = pool::backend(service, server, pool, generation);
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

    fn give_id(&mut self, key: Key) -> Result<(), PlanError> {
        if self.id_of(key).is_none() {
            let id = self.free_ids.next().ok_or(PlanError::TooManyServices)?;
            self.ids.insert(key, id);
        }
        Ok(())
    }

    /// The limits of connections of a slot; those of a slot that was freed are gone.
    fn thresholds(&self, slot: u32) -> Thresholds {
        let installed = self.installed.thresholds.get(&slot).copied();
        let is_kept = !self.free.was_given_back(slot);
        installed.filter(|_| is_kept).unwrap_or_default()
    }

    /// Lets packets find a virtual server, and frees the slots that it no longer needs.
    fn set_services(&mut self, service: &Service, servers: Servers, ticks: Ticks) {
        let Servers { pool, gone, .. } = servers;
        let policy = service::policy(service, pool, ticks);
        let old = self.installed.pools.get(&pool);
        if old != Some(&policy) {
            let is_new = old.is_none();
            self.operations.push(Operation::SetPool { policy, is_new });
        }
        for (key, gate) in service.served() {
            let Some(id) = self.id_of(key) else { continue };
            let new = installed::Service {
                entry: service::entry(service, gate, id, pool),
                info: service::info(key, gate, pool),
            };
            if self.installed.services.get(&key) != Some(&new) {
                let installed::Service { entry, info } = new;
                self.operations
                    .push(Operation::SetService { key, entry, info });
            }
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
