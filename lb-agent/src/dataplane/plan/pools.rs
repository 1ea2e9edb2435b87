//! Which pool a virtual server goes on with.
//!
//! A pool is all that the addresses and ports of one virtual server share: its servers with their slots, whose
//! turn it is, whom it remembers, how many flows there are. It goes on as long as one of those addresses and
//! ports is served by that virtual server; which one does not matter.

use std::collections::{BTreeMap, BTreeSet};

use lb_common::limits::MAX_SERVICES;

use super::PlanError;
use crate::dataplane::desired::{Desired, Service};
use crate::dataplane::installed::{Installed, Key};
use crate::dataplane::successors::successors;

/// Numbers that nobody has yet.
pub(super) type Numbers<'a> = Box<dyn Iterator<Item = u16> + 'a>;

/// The pools of a plan.
pub(super) struct Pools<'a> {
    installed: &'a Installed,
    /// The pool of each virtual server, by its first key.
    given: BTreeMap<Key, u16>,
    free: Numbers<'a>,
}

impl<'a> Pools<'a> {
    pub(super) fn new(installed: &'a Installed) -> Self {
        let services = installed.services.values();
        let mut used: BTreeSet<u16> = services.map(|it| it.entry.pool).collect();
        used.extend(installed.pools.keys());
        Self {
            installed,
            given: BTreeMap::new(),
            free: all_but(used),
        }
    }

    /// Gives each virtual server the pool of most of its addresses and ports, as far as no other one has more
    /// of that pool.
    pub(super) fn claim(&mut self, desired: &Desired) {
        let pool_of = |key: Key| Some(self.installed.services.get(&key)?.entry.pool);
        let shared = desired.services.iter().enumerate();
        let shared = shared.flat_map(|(at, service)| {
            service
                .keys()
                .filter_map(move |key| Some((at, pool_of(key)?)))
        });
        for (at, pool) in successors(shared) {
            if let Some(service) = desired.services.get(at) {
                self.given.insert(service.key, pool);
            }
        }
    }

    /// The installed pools that nobody has claimed, each with the services that it has had.
    pub(super) fn unclaimed(&self) -> BTreeMap<u16, Vec<Key>> {
        let claimed: BTreeSet<u16> = self.given.values().copied().collect();
        let known = self.installed.pools.keys().map(|pool| (*pool, Vec::new()));
        let mut pools: BTreeMap<u16, Vec<Key>> = known.collect();
        for (key, service) in &self.installed.services {
            pools.entry(service.entry.pool).or_default().push(*key);
        }
        pools.retain(|pool, _| !claimed.contains(pool));
        pools
    }

    /// The pool of a virtual server, if it has one.
    pub(super) fn of(&self, service: &Service) -> Option<u16> {
        self.given.get(&service.key).copied()
    }

    /// The pool of a virtual server: its own, or a new one.
    pub(super) fn give(&mut self, service: &Service) -> Result<u16, PlanError> {
        if let Some(pool) = self.of(service) {
            return Ok(pool);
        }
        let pool = self.free.next().ok_or(PlanError::TooManyServices)?;
        self.given.insert(service.key, pool);
        Ok(pool)
    }
}

/// The numbers that ids and pools may have, without those in use.
pub(super) fn all_but<'a>(used: BTreeSet<u16>) -> Numbers<'a> {
    let all = (1..MAX_SERVICES).filter_map(|number| u16::try_from(number).ok());
    Box::new(all.filter(move |number| !used.contains(number)))
}
