//! Whether the thread lives: one word that it writes and others read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the thread has something to do next: now, while it works; never, while it waits for something
/// without a time. Later than that it is overdue. Not before its first turn: until then it is nobody's
/// MASTER, and the kernel may be loading a module for it.
#[derive(Debug)]
pub(in crate::vrrp) struct Pulse {
    since: Instant,
    /// Microseconds after `since`.
    due: AtomicU64,
}

const NEVER: u64 = u64::MAX;

impl Pulse {
    pub(in crate::vrrp) const fn new(since: Instant) -> Self {
        Self {
            since,
            due: AtomicU64::new(NEVER),
        }
    }

    /// The thread works.
    pub(in crate::vrrp) fn works(&self, now: Instant) {
        self.set(Some(now));
    }

    /// It still works, if it does: one that has not begun is not watched yet.
    pub(in crate::vrrp) fn goes_on(&self, now: Instant) {
        if self.due.load(Ordering::Relaxed) != NEVER {
            self.works(now);
        }
    }

    /// The thread waits, at most so long.
    pub(in crate::vrrp) fn waits(&self, until: Option<Instant>) {
        self.set(until);
    }

    /// How long the thread has been due.
    pub(in crate::vrrp) fn overdue(&self, now: Instant) -> Duration {
        match self.due.load(Ordering::Relaxed) {
            NEVER => Duration::ZERO,
            due => self.after(now).saturating_sub(Duration::from_micros(due)),
        }
    }

    fn set(&self, due: Option<Instant>) {
        let due = due.map(|due| self.after(due).as_micros());
        let due = due.and_then(|due| u64::try_from(due).ok());
        self.due.store(due.unwrap_or(NEVER), Ordering::Relaxed);
    }

    fn after(&self, time: Instant) -> Duration {
        time.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    #[test]
    fn who_works_or_should_is_overdue_and_who_waits_is_not() {
        let start = clock::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let pulse = Pulse::new(start);
        let overdue = |now| pulse.overdue(after(now)).as_secs();
        pulse.goes_on(after(1));
        assert_eq!(overdue(3), 0, "it has not begun");
        pulse.works(after(4));
        assert_eq!(overdue(9), 5);
        pulse.goes_on(after(8));
        assert_eq!(overdue(9), 1, "a long turn");
        pulse.waits(Some(after(10)));
        assert_eq!((overdue(9), overdue(12)), (0, 2));
        pulse.waits(None);
        assert_eq!(overdue(999), 0);
    }
}
