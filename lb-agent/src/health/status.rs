//! What a listing shows of each checker. Made on request; it changes nothing.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::name::ServiceName;
use super::probe::ProbeResult;
use super::spec::{Kind, Question};
use super::verdict::{Counters, State, Verdict};
use crate::config::model::VirtualServerKey;

/// One checker of one real server of one virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckerStatus {
    /// The virtual server.
    pub virtual_server: VirtualServerKey,
    /// Its real server.
    pub real_server: ServiceName,
    /// The keyword of its block, as `TCP_CHECK`.
    pub checker: &'static str,
    /// Whom or what it asks: an address and port, a script, a file, a BFD instance.
    pub asks: String,
    /// Number of its probe: those with the same number are probed once, with one result.
    pub probe: usize,
    /// How many checkers of servers have this probe.
    pub shared_by: usize,
    /// Whether the server counts as up for this checker; it is up when it is for all.
    pub up: bool,
    /// The state, with the failures so far while it is failing.
    pub state: State,
    /// `retry`: failures beyond the first before the server is down.
    pub retry: u32,
    /// How long it has counted as it does; `None`: since the start, before any result.
    pub since: Option<Duration>,
    /// Probes so far, by how they ended.
    pub counters: Counters,
    /// `ha_suspend`: not checked for now.
    pub suspended: bool,
    /// The last result; `None` before the first.
    pub last: Option<LastResult>,
    /// When the next probe is due; zero: it waits for its turn. `None`: one is under way, or none will
    /// be.
    pub next_probe: Option<Duration>,
}

/// How the last probe ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastResult {
    /// `Some`: whether it succeeded; `None`: it could not be asked.
    pub success: Option<bool>,
    /// In words; of a success there are none.
    pub reason: Option<String>,
    /// How long ago.
    pub age: Duration,
}

impl CheckerStatus {
    /// The status at `now` of `verdict`, which is the `probe`th.
    #[must_use]
    pub fn new(
        (virtual_server, real_server): (&VirtualServerKey, ServiceName),
        (probe, verdict): (usize, &Verdict),
        shared_by: usize,
        suspended: bool,
        now: Instant,
    ) -> Self {
        let check = verdict.check();
        let age = |at: Instant| now.saturating_duration_since(at);
        let until = |at: Instant| at.saturating_duration_since(now);
        Self {
            virtual_server: virtual_server.clone(),
            real_server,
            checker: check.question.kind.keyword(),
            asks: asks(&check.question),
            probe,
            shared_by,
            up: verdict.is_up(),
            state: verdict.state(),
            retry: check.retry,
            since: verdict.since().map(age),
            counters: verdict.counters(),
            suspended,
            last: verdict.last().map(|last| {
                let (success, reason) = in_words(&last.result);
                let age = age(last.at);
                LastResult {
                    success,
                    reason,
                    age,
                }
            }),
            next_probe: verdict.poll_timeout().map(until),
        }
    }
}

fn asks(question: &Question) -> String {
    let target = &question.target;
    let address = SocketAddr::new(target.connect_ip, target.connect_port);
    match &question.kind {
        Kind::Tcp | Kind::Http(_) | Kind::Ssl(_) | Kind::Smtp(_) | Kind::Dns(_) | Kind::Udp(_) => {
            address.to_string()
        }
        Kind::ViaTunnel(via) => format!("{} on {}", via.virtual_address, target.connect_ip),
        Kind::Ping => target.connect_ip.to_string(),
        Kind::Misc(check) => check.misc_path.clone(),
        Kind::File(check) => check.file.display().to_string(),
        Kind::Bfd(check) => check.name.clone(),
    }
}

fn in_words(result: &ProbeResult) -> (Option<bool>, Option<String>) {
    match result {
        ProbeResult::Success | ProbeResult::Weighs(_) => (Some(true), None),
        ProbeResult::Failed(failure) => (Some(false), Some(failure.to_string())),
        ProbeResult::NotProbed(error) => (None, Some(error.to_string())),
    }
}
