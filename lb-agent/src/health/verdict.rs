//! One checker's verdict on its service: when to probe, and what the results come to.
//!
//! ```text
//!   Unproven ──all urls succeed──▶ Up ◀──success── Failing { failures }
//!      │                           │                  ▲      │
//!      │                           └─────failure──────┘      │ failure beyond `retry`
//!      └───────failure───────────▶ Down ◀────────────────────┘
//!                                   └──the url that failed, then all urls succeed──▶ Up
//! ```
//!
//! A checker with one question has no urls: one success is enough. A web server that has failed
//! needs two loops at least, as in keepalived (measured on 2.2.7): the url that failed must answer,
//! and then every url once, from the first.
//!
//! Pure: no clock, no socket, no randomness. It does not know of other checkers of its server
//! (the [schedule](super::schedule) puts them together) nor of pools. Several servers may share it:
//! then each line is written for each of their names.

mod record;
mod rhythm;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

pub use self::record::{Counters, Record};
use super::message;
use super::name::{ServiceName, Subject};
use super::probe::{Failure, NotProbed, ProbeResult, Weight};
use super::spec::{Check, Kind, Url};
use crate::config::model::VirtualServerKey;
use crate::log_line::LogLine;

/// What a checker holds of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// No verdict yet: counts as down with `alpha`, else as up. One failure is enough for down.
    Unproven,
    /// Up.
    Up,
    /// Still up, but the last probes failed.
    Failing {
        /// How many in a row, 1 to `retry`.
        failures: u32,
    },
    /// Down. One success is enough for up, without urls.
    Down,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Probe now and bring the result to [`Verdict::handle_result`].
    Probe {
        /// The url to fetch, where the checker has several.
        url: usize,
    },
    /// Write this line.
    Log(LogLine),
    /// The service counted as down and counts as up from now on, or the other way round; or its
    /// first check found it down that counted as down.
    Changed {
        /// Up or down.
        up: bool,
        /// What the last probe met.
        reason: String,
        /// For the mail; `None` when it counted as down already.
        sentence: Option<String>,
    },
    /// The checker wants another weight for its servers; `None`: the configured one.
    Weighs(Option<Weight>),
}

/// One checker.
#[derive(Debug)]
pub struct Verdict {
    check: Arc<Check>,
    /// The names of those whom it is about, each once.
    services: Vec<Subject>,
    state: State,
    /// Index of the url to fetch next.
    url: usize,
    /// Urls that succeeded in a row since the last failure.
    passed: usize,
    /// A url has failed; before it answers, nothing counts.
    failed_url: bool,
    /// When to probe; `None` while a probe is under way, or suspended, or when nobody is asked.
    deadline: Option<Instant>,
    /// When the probe that was brought forward would have been: its loop goes on from there.
    displaced: Option<Instant>,
    /// `ha_suspend`: no probes for now.
    suspended: bool,
    /// When the probe under way began; `None`: none is.
    started: Option<Instant>,
    weight: Option<Weight>,
    counters: Counters,
    last: Option<Last>,
    /// When a result made it up or down.
    since: Option<Instant>,
    actions: VecDeque<Action>,
}

/// The last result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// The result.
    pub result: ProbeResult,
    /// When it came.
    pub at: Instant,
}

impl Verdict {
    /// A checker that starts `now`. `share` says how much of `warmup` goes by before the first
    /// probe, in parts of 2³²: random, or spread evenly over all checkers.
    #[must_use]
    pub fn new(check: Arc<Check>, share: u32, now: Instant) -> Self {
        let mut verdict = Self {
            check,
            services: Vec::new(),
            state: State::Unproven,
            url: 0,
            passed: 0,
            failed_url: false,
            deadline: None,
            displaced: None,
            suspended: false,
            started: None,
            weight: None,
            counters: Counters::default(),
            last: None,
            since: None,
            actions: VecDeque::new(),
        };
        verdict.deadline = verdict.first_probe(share, now);
        verdict
    }

    /// Goes on where `before`, of an equal check, stood, its probe under way included.
    pub fn succeed(&mut self, before: Self) {
        *self = Self {
            check: Arc::clone(&self.check),
            services: std::mem::take(&mut self.services),
            ..before
        };
    }

    /// It is a checker of this server of this virtual server.
    pub fn add_service(&mut self, virtual_server: &VirtualServerKey, real_server: ServiceName) {
        let subject = if self.kind().names_virtual_server() {
            Subject::Pair {
                real_server,
                virtual_server: virtual_server.clone(),
            }
        } else {
            Subject::Server(real_server)
        };
        if !self.services.contains(&subject) {
            self.services.push(subject);
        }
    }

    /// Asks for the probe when its time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.started = Some(now);
            self.actions.push_back(Action::Probe { url: self.url });
        }
    }

    /// Probes as soon as may be; one that is under way will do. Whether it will. The loop keeps its time:
    /// were it to begin now, all that are asked at once would be probed at once from then on.
    pub fn check_now(&mut self, now: Instant) -> bool {
        let Some(deadline) = self.deadline else {
            return false;
        };
        self.displaced = self.displaced.or(Some(deadline));
        self.deadline = Some(now);
        true
    }

    /// No probes from now on; the state stays.
    pub fn suspend(&mut self) {
        self.suspended = true;
        self.deadline = None;
        self.displaced = None;
    }

    /// Probes again, the first one within `share` of `warmup`. A probe that is still under way since
    /// before counts, and is followed as ever.
    pub fn resume(&mut self, share: u32, now: Instant) {
        if std::mem::take(&mut self.suspended) && self.started.is_none() {
            self.deadline = self.first_probe(share, now);
        }
    }

    /// The probe that [`Action::Probe`] asked for ended `now`, or somebody told us.
    pub fn handle_result(&mut self, result: ProbeResult, now: Instant) {
        let (was_up, before) = (self.is_up(), self.state);
        self.counters.count(&result);
        match &result {
            ProbeResult::Success => self.succeeded(None),
            ProbeResult::Weighs(weight) => self.succeeded(Some(*weight)),
            ProbeResult::Failed(failure) => self.failed(failure),
            ProbeResult::NotProbed(error) => self.not_probed(error),
        }
        let first_is_down = before == State::Unproven && self.state == State::Down;
        let first_is_up = before == State::Unproven && self.state == State::Up;
        if was_up != self.is_up() || first_is_down || first_is_up {
            self.since = Some(now);
        }
        if was_up != self.is_up() || first_is_down {
            self.counters.changes = self.counters.changes.saturating_add(1);
            let reason = self.reason(&result);
            let sentence = (was_up != self.is_up()).then(|| self.sentence(&result));
            self.actions.push_back(Action::Changed {
                up: self.is_up(),
                reason,
                sentence,
            });
        }
        let started = self.started.take();
        if self.is_asked() {
            self.deadline = self.next_probe(&result, started, now);
        }
        self.last = Some(Last { result, at: now });
    }

    /// When to call [`Self::handle_timeout`]. Changes with every call of a `handle_` method.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The next thing to do; ask until `None` after every call of a `handle_` method.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether the service counts as up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        match self.state {
            State::Unproven => !self.check.alpha,
            State::Up | State::Failing { .. } => true,
            State::Down => false,
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// What it wants its servers to weigh; `None`: what is configured.
    #[must_use]
    pub fn weight(&self) -> Option<Weight> {
        self.weight
    }

    /// What has been counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The last result, `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<&Last> {
        self.last.as_ref()
    }

    /// Since when it has been up, or down; `None`: no result has said so yet.
    #[must_use]
    pub fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The checker as configured.
    #[must_use]
    pub fn check(&self) -> &Arc<Check> {
        &self.check
    }

    fn is_asked(&self) -> bool {
        !self.suspended && self.kind().told_by().is_none()
    }

    /// A success, of one url where there are several.
    fn succeeded(&mut self, weight: Option<Weight>) {
        if std::mem::take(&mut self.failed_url) {
            self.tell_url();
            self.url = 0;
            return;
        }
        self.passed = self.passed.saturating_add(1);
        let all_passed = self.passed >= self.urls().len();
        match self.state {
            State::Up => {}
            State::Failing { .. } => self.state = State::Up,
            State::Unproven | State::Down => {
                if !self.is_up() {
                    self.tell_url();
                }
                if all_passed {
                    self.state = State::Up;
                    let check = Arc::clone(&self.check);
                    self.info(|service| message::success(&check.question.kind, service));
                }
            }
        }
        self.url = self.url.saturating_add(1);
        if self.url >= self.urls().len() {
            self.url = 0;
        }
        if self.weight != weight {
            self.weight = weight;
            self.actions.push_back(Action::Weighs(weight));
        }
    }

    fn tell_url(&mut self) {
        if let Some(url) = self.current_url().cloned() {
            self.info(|service| message::url_success(service, &url));
        }
    }

    /// A failure; the url that failed stays the next one.
    fn failed(&mut self, failure: &Failure) {
        self.passed = 0;
        if self.check.log_all_failures && self.state != State::Down {
            let (check, url) = (Arc::clone(&self.check), self.current_url().cloned());
            self.info(|service| {
                message::failure(&check.question.kind, service, url.as_ref(), failure)
            });
        }
        let failures = match self.state {
            // What was never seen up is not given a retry.
            State::Unproven => return self.take_down(0, failure),
            State::Down => {
                self.failed_url = self.current_url().is_some();
                return;
            }
            State::Up => 1,
            State::Failing { failures } => failures.saturating_add(1),
        };
        if failures > self.check.retry {
            return self.take_down(self.check.retry, failure);
        }
        self.state = State::Failing { failures };
    }

    fn take_down(&mut self, retries: u32, failure: &Failure) {
        self.state = State::Down;
        self.failed_url = self.current_url().is_some();
        let (check, url) = (Arc::clone(&self.check), self.current_url().cloned());
        self.warn(|service| {
            message::down(
                &check.question.kind,
                service,
                retries,
                url.as_ref(),
                failure,
            )
        });
    }

    /// Says nothing about the server, so nothing changes. Logged once, not at every try.
    fn not_probed(&mut self, error: &NotProbed) {
        let logged = self.last.as_ref().is_some_and(|last| match &last.result {
            ProbeResult::NotProbed(before) => before == error,
            ProbeResult::Success | ProbeResult::Weighs(_) | ProbeResult::Failed(_) => false,
        });
        if !logged || self.check.log_all_failures {
            let check = Arc::clone(&self.check);
            self.warn(|service| message::not_probed(&check.question.kind, service, error));
        }
    }

    fn reason(&self, result: &ProbeResult) -> String {
        match result {
            ProbeResult::Success | ProbeResult::Weighs(_) => self
                .services
                .first()
                .map(|service| message::success(self.kind(), service))
                .unwrap_or_default(),
            ProbeResult::Failed(failure) => message::reason(self.current_url(), failure),
            ProbeResult::NotProbed(error) => error.to_string(),
        }
    }

    fn sentence(&self, result: &ProbeResult) -> String {
        let failure = match result {
            ProbeResult::Failed(failure) => Some(failure),
            ProbeResult::Success | ProbeResult::Weighs(_) | ProbeResult::NotProbed(_) => None,
        };
        message::mail::sentence(self.kind(), failure)
    }

    fn info(&mut self, text: impl Fn(&Subject) -> String) {
        let lines = self.lines(text).into_iter();
        self.actions
            .extend(lines.map(|line| Action::Log(LogLine::Info(line))));
    }

    fn warn(&mut self, text: impl Fn(&Subject) -> String) {
        let lines = self.lines(text).into_iter();
        self.actions
            .extend(lines.map(|line| Action::Log(LogLine::Warn(line))));
    }

    /// Each once: not all lines say all of a name.
    fn lines(&self, text: impl Fn(&Subject) -> String) -> Vec<String> {
        let mut seen = HashSet::new();
        let lines = self.services.iter().map(text);
        lines.filter(|line| seen.insert(line.clone())).collect()
    }

    fn current_url(&self) -> Option<&Url> {
        self.urls().get(self.url)
    }

    fn urls(&self) -> &[Url] {
        self.kind().web().map_or(&[], |get| &get.urls)
    }

    fn kind(&self) -> &Kind {
        &self.check.question.kind
    }
}

#[cfg(test)]
mod tests;
