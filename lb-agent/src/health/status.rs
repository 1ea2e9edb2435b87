//! What a listing shows of each checker. Made on request; it changes nothing.

use std::time::Instant;

use serde::Serialize;

use super::name::ServiceName;
use super::probe::ProbeResult;
use super::verdict::{Counters, State, Verdict};
use crate::config::model::VirtualServerKey;

/// One checker of one real server of one virtual server.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckerStatus {
    /// `[192.168.0.1]:tcp:80`.
    pub virtual_server: String,
    /// `[10.0.0.2]:tcp:80`.
    pub real_server: ServiceName,
    /// The keyword of its block, as `TCP_CHECK`.
    pub checker: &'static str,
    /// Whether the server counts as up for this checker; it is up when it is for all.
    pub up: bool,
    /// The state, with the failures so far while it is failing.
    #[serde(flatten)]
    pub state: State,
    /// Probes so far, by how they ended.
    pub counters: Counters,
    /// How many servers have this checker in common; it is probed once for all of them.
    pub shared_by: usize,
    /// `ha_suspend`: not checked for now.
    pub suspended: bool,
    /// The last result in words; `None` before the first.
    pub last_result: Option<String>,
    /// How long ago that came, in seconds.
    pub last_result_seconds_ago: Option<f64>,
    /// When the next probe is due, in seconds; 0: waits for its turn, `None`: under way.
    pub next_probe_in_seconds: Option<f64>,
}

impl CheckerStatus {
    /// The status at `now`.
    #[must_use]
    pub fn new(
        (virtual_server, real_server): (&VirtualServerKey, ServiceName),
        verdict: &Verdict,
        shared_by: usize,
        suspended: bool,
        now: Instant,
    ) -> Self {
        let last = verdict.last();
        let ago = |at: Instant| now.saturating_duration_since(at).as_secs_f64();
        let until = |at: Instant| at.saturating_duration_since(now).as_secs_f64();
        Self {
            virtual_server: virtual_server.to_string(),
            real_server,
            checker: verdict.check().question.kind.keyword(),
            up: verdict.is_up(),
            state: verdict.state(),
            counters: verdict.counters(),
            shared_by,
            suspended,
            last_result: last.map(|last| in_words(&last.result)),
            last_result_seconds_ago: last.map(|last| ago(last.at)),
            next_probe_in_seconds: verdict.poll_timeout().map(until),
        }
    }
}

fn in_words(result: &ProbeResult) -> String {
    match result {
        ProbeResult::Success | ProbeResult::Weighs(_) => "success".to_owned(),
        ProbeResult::Failed(failure) => failure.to_string(),
        ProbeResult::NotProbed(error) => error.to_string(),
    }
}
