//! The hops in use: who goes by each, or that it is kept for the sake of others, and which is asked
//! for next. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Instant;

use super::schedule::{Phase, Schedule};

/// What names a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct HopKey {
    /// The interface.
    pub(super) index: u32,
    /// The router, or the server itself.
    pub(super) address: IpAddr,
}

/// The hops that a watched address goes by, and those that are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Hops {
    pub(super) states: BTreeMap<HopKey, HopState>,
    /// When which hop is due, in that order; the same as `states[..].schedule.due()`.
    pub(super) timers: BTreeSet<(Instant, HopKey)>,
    /// Probes that have not been fetched yet.
    pub(super) probes: BTreeSet<HopKey>,
}

/// One hop.
#[derive(Clone, Debug)]
pub(super) struct HopState {
    /// The watched addresses behind it; never empty unless it is kept.
    pub(super) users: BTreeSet<IpAddr>,
    /// It stays known without users, too.
    kept: bool,
    pub(super) schedule: Schedule,
    /// It has not answered since the kernel gave up on it.
    failed: bool,
}

impl Hops {
    /// From now on `user` goes by `key`, whose entry is in `phase`.
    pub(super) fn join(&mut self, key: HopKey, user: IpAddr, phase: Phase, now: Instant) {
        self.state(key, phase, now).users.insert(user);
    }

    /// From now on `key` is asked for whether anybody goes by it or not.
    pub(super) fn keep(&mut self, key: HopKey, phase: Phase, now: Instant) {
        self.state(key, phase, now).kept = true;
    }

    /// `key` is not kept any more.
    pub(super) fn release(&mut self, key: HopKey) {
        if let Some(hop) = self.states.get_mut(&key) {
            hop.kept = false;
        }
        self.drop_unused(key);
    }

    fn state(&mut self, key: HopKey, phase: Phase, now: Instant) -> &mut HopState {
        self.states.entry(key).or_insert_with(|| {
            let schedule = Schedule::new(key.address, phase, now);
            self.timers.extend(schedule.due().map(|due| (due, key)));
            HopState {
                users: BTreeSet::new(),
                kept: false,
                schedule,
                failed: false,
            }
        })
    }

    /// `user` goes by `key` no more; without users it is not asked for any more, unless it is kept.
    pub(super) fn leave(&mut self, key: HopKey, user: IpAddr) {
        if let Some(hop) = self.states.get_mut(&key) {
            hop.users.remove(&user);
        }
        self.drop_unused(key);
    }

    fn drop_unused(&mut self, key: HopKey) {
        let unused = |hop: &HopState| hop.users.is_empty() && !hop.kept;
        if self.states.get(&key).is_some_and(unused) {
            self.with_schedule(key, Schedule::stop);
            self.states.remove(&key);
            self.probes.remove(&key);
        }
    }

    /// The kernel's entry has changed; `failed`: the kernel has just given up on it.
    pub(super) fn observe(
        &mut self,
        key: HopKey,
        before: Phase,
        after: Phase,
        failed: bool,
        now: Instant,
    ) {
        if let Some(hop) = self.states.get_mut(&key) {
            hop.failed = !after.is_usable() && (hop.failed || failed);
        }
        self.with_schedule(key, |schedule| schedule.observe(before, after, now));
    }

    /// Begins to ask for `key` anew.
    pub(super) fn restart(&mut self, key: HopKey, phase: Phase, now: Instant) {
        self.with_schedule(key, |schedule| schedule.restart(phase, now));
    }

    /// Takes the next hop that is due, and sets when it is due again.
    pub(super) fn pop_due(
        &mut self,
        phase: impl Fn(HopKey) -> Phase,
        now: Instant,
    ) -> Option<HopKey> {
        self.timers.first().filter(|(due, _)| *due <= now)?;
        let (_, key) = self.timers.pop_first()?;
        self.with_schedule(key, |schedule| schedule.fire(phase(key), now));
        Some(key)
    }

    /// When the next hop is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The addresses that go by `key`.
    pub(super) fn users(&self, key: HopKey) -> Vec<IpAddr> {
        let hop = self.states.get(&key);
        hop.map_or_else(Vec::new, |hop| hop.users.iter().copied().collect())
    }

    /// The hops of one interface.
    pub(super) fn of_link(&self, index: u32) -> Vec<HopKey> {
        let of_link = |key: &&HopKey| key.index == index;
        self.states.keys().filter(of_link).copied().collect()
    }

    /// Whether it was asked for in vain.
    pub(super) fn has_failed(&self, key: HopKey) -> bool {
        self.states.get(&key).is_some_and(|hop| hop.failed)
    }

    /// Changes a hop's schedule and keeps `timers` in step.
    fn with_schedule(&mut self, key: HopKey, change: impl FnOnce(&mut Schedule)) {
        let Some(hop) = self.states.get_mut(&key) else {
            return;
        };
        if let Some(due) = hop.schedule.due() {
            self.timers.remove(&(due, key));
        }
        change(&mut hop.schedule);
        if let Some(due) = hop.schedule.due() {
            self.timers.insert((due, key));
        }
    }
}
