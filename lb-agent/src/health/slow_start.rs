//! `xdp_slow_start`: a server that has recovered gets its share of new connections step by step.
//!
//! Pure. The share grows in [`STEPS`] steps from a tenth to all of it. Where weights are too small
//! for that (1 is usual), all weights of the virtual server are multiplied while one is ramping: the
//! proportions are what counts. `rr`, `lc` and `dh` know no weights, so they know no slow start either.

use std::time::{Duration, Instant};

/// Steps from nothing to the full weight.
pub(super) const STEPS: u32 = 10;

/// One server on its way up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ramp {
    since: Instant,
    /// `xdp_slow_start`.
    length: Duration,
    step: u32,
}

impl Ramp {
    /// Starts `now`; `None` when there is nothing to wait for.
    pub(super) fn start(length: Duration, now: Instant) -> Option<Self> {
        (!length.is_zero()).then_some(Self {
            since: now,
            length,
            step: 1,
        })
    }

    /// Goes on `now` with one of which `elapsed` is over; `None`: all of it is.
    pub(super) fn resume(length: Duration, elapsed: Duration, now: Instant) -> Option<Self> {
        let since = now.checked_sub(elapsed).unwrap_or(now);
        Self::start(length, since)?.advance(now)
    }

    /// How much of it is over.
    pub(super) fn elapsed(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    /// The time of the next step; `None` beyond what the clock can count.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let wait = self
            .length
            .saturating_mul(self.step)
            .div_f64(f64::from(STEPS));
        self.since.checked_add(wait)
    }

    /// The ramp `now`; `None`: it is over.
    pub(super) fn advance(mut self, now: Instant) -> Option<Self> {
        while self.deadline().is_some_and(|deadline| deadline <= now) {
            self.step = self.step.saturating_add(1);
        }
        (self.step <= STEPS).then_some(self)
    }

    /// `weight`'s share now, at least 1 of what is more than 0.
    pub(super) fn share_of(&self, weight: u32) -> u32 {
        let share = u64::from(weight).saturating_mul(u64::from(self.step));
        let share = share.div_ceil(u64::from(STEPS));
        u32::try_from(share).unwrap_or(weight)
    }

    /// In hundredths.
    pub(super) const fn percent(&self) -> u32 {
        self.step.saturating_mul(100 / STEPS)
    }
}

/// What to multiply all weights with, so that a tenth of the smallest is a whole number.
pub(super) fn scale(weights: impl Iterator<Item = u32>) -> u32 {
    let smallest = weights.filter(|&weight| weight > 0).min();
    if smallest.is_some_and(|weight| weight < STEPS) {
        STEPS
    } else {
        1
    }
}
