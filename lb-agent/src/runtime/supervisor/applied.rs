//! When the data plane hears of what health has found, and how long that took. Pure.
//!
//! An update costs the more the larger the configuration is, and the checks are on the same thread.
//! What is found is applied at once; but while thousands of servers go down one after the other, updates
//! take a part of the thread's time, not all of it: what is found meanwhile goes together. What
//! operators, VRRP or the network change does not wait.

use std::time::{Duration, Instant};

/// So much of the thread's time updates may take at once …
const AT_ONCE: Duration = Duration::from_millis(500);

/// … and so many times as long as one took beyond that nobody begins the next one for the sake of health
/// alone.
const RESTS: u32 = 4;

/// At most so long: nobody waits for a verdict to count for longer.
const LONGEST_REST: Duration = Duration::from_millis(250);

/// Changes of health that the data plane has not heard of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Applied {
    count: usize,
    /// When the first of them was found.
    since: Option<Instant>,
    /// Time that updates have taken when the last one ended, less what was rested.
    taken: Duration,
    /// When that was.
    at: Option<Instant>,
}

impl Applied {
    /// A change was found at `at`.
    pub(super) fn changed(&mut self, at: Instant) {
        self.count = self.count.saturating_add(1);
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
    }

    /// Whether the data plane has not heard of everything.
    pub(super) const fn is_waiting(&self) -> bool {
        self.count > 0
    }

    /// Whether it is time for an update.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.count > 0 && self.rests_until().is_none_or(|until| until <= now)
    }

    /// When it will be; `None`: nothing waits for one.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.rests_until().filter(|_| self.count > 0)
    }

    /// When the next update may begin for the sake of health; `None`: at once.
    fn rests_until(&self) -> Option<Instant> {
        let beyond = self.taken.saturating_sub(AT_ONCE);
        if beyond.is_zero() {
            return None;
        }
        let rest = beyond.saturating_mul(RESTS).min(LONGEST_REST);
        self.at?.checked_add(rest)
    }

    /// The data plane has heard of all `now`, in an update that began at `began`: how many changes they
    /// were, and how long the first one took; `None`: there were none.
    pub(super) fn applied(&mut self, began: Instant, now: Instant) -> Option<(usize, Duration)> {
        let took = now.saturating_duration_since(began);
        let rested = self
            .at
            .map_or(Duration::ZERO, |at| began.saturating_duration_since(at));
        self.taken = self
            .taken
            .saturating_sub(rested / RESTS)
            .saturating_add(took);
        self.at = Some(now);
        let (count, since) = (std::mem::take(&mut self.count), self.since.take());
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
    fn changes_are_applied_at_once_and_thousands_in_a_fifth_of_the_time() {
        let start = clock::now();
        let step = Duration::from_millis(1);
        let mut applied = Applied::default();
        assert!(!applied.is_due(start) && applied.poll_timeout().is_none());
        // Ten seconds with a change in each millisecond, and updates of 40 ms.
        let (mut now, mut updates) = (start, 0_u32);
        let mut longest = Duration::ZERO;
        while now < start + Duration::from_secs(10) {
            applied.changed(now);
            if applied.is_due(now) {
                let began = now;
                now += Duration::from_millis(40);
                updates += 1;
                let (_, took) = applied.applied(began, now).unwrap();
                longest = longest.max(took);
                assert!(updates > 12 || took <= Duration::from_millis(41), "at once");
            } else {
                assert!(applied.poll_timeout().is_some_and(|at| at > now));
                now += step;
            }
        }
        // 500 ms and a fifth of the rest.
        assert!((50..=65).contains(&updates), "{updates}");
        assert!(
            longest <= Duration::from_millis(40) + LONGEST_REST,
            "{longest:?}"
        );
        // After a calm they are applied at once again.
        now += Duration::from_secs(3);
        applied.changed(now);
        applied.applied(now, now);
        applied.changed(now);
        assert!(applied.is_due(now));
    }

    #[test]
    fn however_long_an_update_took_nobody_waits_for_longer() {
        let start = clock::now();
        let mut applied = Applied::default();
        let end = start + Duration::from_mins(1);
        applied.applied(start, end);
        assert!(!applied.is_waiting());
        applied.changed(end);
        assert!(!applied.is_due(end) && applied.is_waiting());
        assert_eq!(applied.poll_timeout(), Some(end + LONGEST_REST));
    }
}
