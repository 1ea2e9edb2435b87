//! What of a verdict outlives a reload and a restart.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Last, State, Verdict};
use crate::health::probe::{ProbeResult, Weight};

/// What a checker has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Results.
    pub probes: u64,
    /// Those that were failures.
    pub failures: u64,
    /// Those that never left this host.
    pub not_probed: u64,
    /// How often it went up or down.
    pub changes: u64,
}

impl Counters {
    pub(super) fn count(&mut self, result: &ProbeResult) {
        self.probes = self.probes.saturating_add(1);
        match result {
            ProbeResult::Success | ProbeResult::Weighs(_) => {}
            ProbeResult::Failed(_) => self.failures = self.failures.saturating_add(1),
            ProbeResult::NotProbed(_) => self.not_probed = self.not_probed.saturating_add(1),
        }
    }
}

/// The memory of one checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    #[serde(flatten)]
    state: State,
    url: usize,
    passed: usize,
    failed_url: bool,
    weight: Option<Weight>,
    counters: Counters,
    /// The last result, and how many milliseconds ago it came.
    last: Option<(ProbeResult, u64)>,
    /// How many milliseconds it had been up, or down.
    #[serde(default)]
    since: Option<u64>,
    /// Not answered since a reload: it stands for one before that was down. What is up needs no such
    /// word: then all its checkers stood for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::health) held_down: bool,
}

impl Record {
    /// Whether it had an answer.
    pub(in crate::health) fn is_proven(&self) -> bool {
        self.state != State::Unproven
    }
}

impl Verdict {
    /// Its memory at `now`.
    #[must_use]
    pub fn record(&self, now: Instant) -> Record {
        let age = |at: Instant| {
            let age = now.saturating_duration_since(at).as_millis();
            u64::try_from(age).unwrap_or(u64::MAX)
        };
        let last = self.last.as_ref();
        Record {
            state: self.state,
            url: self.url,
            passed: self.passed,
            failed_url: self.failed_url,
            weight: self.weight,
            counters: self.counters,
            last: last.map(|last| (last.result.clone(), age(last.at))),
            since: self.since.map(age),
            held_down: false,
        }
    }

    /// Goes on from `record`, of the same question; when the next probe is stays as it is. Fewer
    /// retries than before: one more failure takes the service down, not the next success.
    pub fn restore(&mut self, record: &Record, now: Instant) {
        self.state = match record.state {
            State::Failing { failures } => match failures.min(self.check.retry) {
                0 => State::Up,
                failures => State::Failing { failures },
            },
            State::Unproven => State::Unproven,
            State::Up => State::Up,
            State::Down => State::Down,
        };
        let urls = self.urls().len();
        self.url = if record.url < urls { record.url } else { 0 };
        self.passed = record.passed.min(urls);
        self.failed_url = record.failed_url && urls > 0;
        self.weight = record.weight;
        self.counters = record.counters;
        let at = |age| now.checked_sub(Duration::from_millis(age)).unwrap_or(now);
        self.last = record.last.as_ref().map(|(result, age)| Last {
            result: result.clone(),
            at: at(*age),
        });
        self.since = record.since.map(at);
    }

    /// Goes on counting where `record`, of the same question, ended: what it held is too old.
    pub fn restore_counters(&mut self, record: &Record) {
        self.counters = record.counters;
    }
}
