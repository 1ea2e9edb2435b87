//! How punctual probes are: from the end of one to the start of the next, as both really were.
//!
//! Neither is the moment that the schedule thinks of. It learns of an end when the driver gets round to
//! it, and counts the next probe's time from there; a task that it starts begins when a thread is free.
//! A stall that delays either shows here.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{CheckerId, Schedule};
use crate::health::probe::ProbeResult;

/// How punctual probes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Punctuality {
    /// Probes that have ended.
    pub probes: u64,
    /// Those that began later than they should by more than a twentieth of `delay_loop`.
    pub late: u64,
    /// The greatest delay so far.
    pub worst: Duration,
}

/// When a probe really was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct When {
    /// It began.
    pub began: Instant,
    /// It ended.
    pub ended: Instant,
}

/// What one checker's punctuality is measured by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// When the probe under way should have begun.
    wanted: Option<Instant>,
    /// How much later than it was the end of the last one was learnt of.
    behind: Duration,
}

impl Pace {
    /// A probe was due then.
    pub(super) fn start(&mut self, due: Instant) {
        self.wanted = due.checked_sub(self.behind);
    }

    /// The next one's time no longer counts from the end of the last.
    pub(super) fn set_by_hand(&mut self) {
        self.behind = Duration::ZERO;
    }

    /// One has ended, of which we learn `now`; how late it began. `None`: it was never due, as one that
    /// was under way over a reload.
    fn end(&mut self, when: When, now: Instant) -> Option<Duration> {
        self.behind = now.saturating_duration_since(when.ended);
        let wanted = self.wanted.take()?;
        Some(when.began.saturating_duration_since(wanted))
    }
}

impl Schedule {
    /// As [`Self::handle_result`], of a probe that was `when` is said.
    pub fn handle_end(&mut self, id: CheckerId, result: ProbeResult, when: When, now: Instant) {
        if let Some(entry) = self.entries.get_mut(id.0)
            && let Some(delay) = entry.pace.end(when, now)
        {
            let bound = entry.verdict.check().delay_loop / 20;
            let seen = &mut self.punctuality;
            seen.probes = seen.probes.saturating_add(1);
            seen.late = seen.late.saturating_add(u64::from(delay > bound));
            seen.worst = seen.worst.max(delay);
        }
        self.handle_result(id, result, now);
    }

    /// How punctual probes have been so far.
    #[must_use]
    pub fn punctuality(&self) -> Punctuality {
        self.punctuality
    }
}

#[cfg(test)]
mod tests;
