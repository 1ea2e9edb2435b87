//! When a checker probes: first, after a result, and after somebody could not wait.

use std::time::{Duration, Instant};

use super::{State, Verdict};
use crate::health::probe::ProbeResult;

impl Verdict {
    /// The first probe, within `share` of `warmup`.
    pub(super) fn first_probe(&self, share: u32, now: Instant) -> Option<Instant> {
        let share = f64::from(share) / (f64::from(u32::MAX) + 1.0);
        let wait = self.check.warmup.mul_f64(share);
        self.is_asked().then(|| now.checked_add(wait)).flatten()
    }

    /// When the probe after the one that came to `result` is due; `None`: never, its delay is beyond what
    /// the clock can count.
    pub(super) fn next_probe(
        &mut self,
        result: &ProbeResult,
        started: Option<Instant>,
        now: Instant,
    ) -> Option<Instant> {
        let delay = self.delay(result);
        let retries = matches!(self.state, State::Failing { .. });
        if !retries
            && delay == self.check.delay_loop
            && let Some(displaced) = self.displaced.take()
        {
            return next_of_loop(displaced, delay, now);
        }
        let next = self.rhythm(started, now).checked_add(delay)?;
        Some(next.max(now))
    }

    fn delay(&self, result: &ProbeResult) -> Duration {
        let succeeded = matches!(result, ProbeResult::Success | ProbeResult::Weighs(_));
        match self.state {
            State::Failing { .. } => self.check.delay_before_retry,
            // The other urls follow at once.
            State::Unproven | State::Down if succeeded && self.recovers_fast() => Duration::ZERO,
            State::Down if self.failed_url => {
                self.check.delay_loop.max(self.check.delay_before_retry)
            }
            State::Unproven | State::Up | State::Down => self.check.delay_loop,
        }
    }

    /// What the next probe's time counts from: the end of this one, of a script its start.
    fn rhythm(&self, started: Option<Instant>, now: Instant) -> Instant {
        let started = started.filter(|_| self.kind().is_script());
        started.unwrap_or(now)
    }

    fn recovers_fast(&self) -> bool {
        self.kind().web().is_some_and(|get| get.fast_recovery)
    }
}

/// The first of `due`, and every `delay_loop` after it, that is later than `now`.
fn next_of_loop(due: Instant, delay_loop: Duration, now: Instant) -> Option<Instant> {
    if due > now {
        return Some(due);
    }
    let late = now.saturating_duration_since(due).as_nanos();
    let into_loop = late.checked_rem(delay_loop.as_nanos()).unwrap_or_default();
    let into_loop = Duration::from_nanos(u64::try_from(into_loop).unwrap_or_default());
    now.checked_add(delay_loop.saturating_sub(into_loop))
}
