//! How long what health finds takes to reach the data plane. Pure.

use std::time::{Duration, Instant};

/// Changes of health that the data plane has not heard of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Applied {
    count: usize,
    /// When the first of them was found.
    since: Option<Instant>,
}

impl Applied {
    /// A change was found at `at`.
    pub(super) fn changed(&mut self, at: Instant) {
        self.count = self.count.saturating_add(1);
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
    }

    /// The data plane has heard of all `now`: how many they were, and how long the first one took;
    /// `None`: there were none.
    pub(super) fn applied(&mut self, now: Instant) -> Option<(usize, Duration)> {
        let Self { count, since } = std::mem::take(self);
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
        assert_eq!(applied.applied(at(0)), None);
        applied.changed(at(20));
        applied.changed(at(10));
        applied.changed(at(30));
        let took = Duration::from_millis(90);
        assert_eq!(applied.applied(at(100)), Some((3, took)));
        assert_eq!(applied.applied(at(200)), None);
    }
}
