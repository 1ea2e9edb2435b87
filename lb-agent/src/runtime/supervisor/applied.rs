//! When the data plane hears of what health has found, and how long that took. Pure.
//!
//! An update costs the more the larger the configuration is, and the checks are on the same thread.
//! While thousands of servers go down one after the other, updates take a part of the thread's time,
//! not all of it: what is found meanwhile goes together. What operators, VRRP or the network change
//! does not wait.

use std::time::{Duration, Instant};

/// How many times as long as an update took nobody begins the next one for the sake of health alone.
const RESTS: u32 = 4;

/// At most so long: nobody waits for a verdict to count for longer.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Changes of health that the data plane has not heard of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Applied {
    count: usize,
    /// When the first of them was found.
    since: Option<Instant>,
    /// When the next update may begin for their sake.
    rests_until: Option<Instant>,
}

impl Applied {
    /// A change was found at `at`.
    pub(super) fn changed(&mut self, at: Instant) {
        self.count = self.count.saturating_add(1);
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
    }

    /// Whether it is time for an update.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.count > 0 && self.rests_until.is_none_or(|until| until <= now)
    }

    /// When it will be; `None`: nothing waits for one.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.rests_until.filter(|_| self.count > 0)
    }

    /// The data plane has heard of all `now`, in an update that began at `began`: how many changes they
    /// were, and how long the first one took; `None`: there were none.
    pub(super) fn applied(&mut self, began: Instant, now: Instant) -> Option<(usize, Duration)> {
        let took = now.saturating_duration_since(began);
        let rest = took.saturating_mul(RESTS).min(LONGEST_REST);
        let Self { count, since, .. } = std::mem::take(self);
        self.rests_until = now.checked_add(rest);
        Some((count, now.saturating_duration_since(since?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    #[test]
    fn the_first_of_several_changes_counts() {
        let start = clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut applied = Applied::default();
        assert_eq!(applied.applied(at(0), at(0)), None);
        applied.changed(at(20));
        applied.changed(at(10));
        applied.changed(at(30));
        let took = Duration::from_millis(90);
        assert_eq!(applied.applied(at(95), at(100)), Some((3, took)));
        assert_eq!(applied.applied(at(200), at(200)), None);
    }

    #[test]
    fn a_change_after_a_calm_is_applied_at_once_and_many_take_a_fifth_of_the_time() {
        let start = clock::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut applied = Applied::default();
        assert!(!applied.is_due(at(0)) && applied.poll_timeout().is_none());
        applied.changed(at(0));
        assert!(applied.is_due(at(0)));
        applied.applied(at(0), at(40));
        assert!(applied.poll_timeout().is_none(), "nothing waits");
        applied.changed(at(50));
        assert!(!applied.is_due(at(199)));
        assert_eq!(applied.poll_timeout(), Some(at(200)));
        assert!(applied.is_due(at(200)));
        // However long one took, nobody waits for longer.
        applied.applied(at(200), at(2000));
        applied.changed(at(2000));
        assert!(applied.is_due(at(2000) + LONGEST_REST));
    }
}
