//! One checker's verdict on its service: when to probe, and what the results come to.
//!
//! ```text
//!   Unproven ──all urls succeed──▶ Up ◀──success── Failing { failures }
//!      │                           │                  ▲      │
//!      │                           └─────failure──────┘      │ failure beyond `retry`
//!      └───────failure───────────▶ Down ◀────────────────────┘
//!                                   └──all urls succeed──▶ Up
//! ```
//!
//! Pure: no clock, no socket, no randomness. It does not know of other checkers of its server
//! (the [schedule](super::schedule) puts them together) nor of pools.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::log_line::LogLine;
use super::message;
use super::name::ServiceName;
use super::probe::{Failure, NotProbed, ProbeResult};
use crate::config::model::{Checker, CheckerKind, Url};

/// What a checker holds of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
    /// Down. One success (of each url) is enough for up.
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
    /// The service counted as down and counts as up from now on, or the other way round.
    Changed {
        /// Up or down.
        up: bool,
        /// What the last probe met.
        reason: String,
    },
}

/// One checker of one real server of one virtual server.
#[derive(Debug)]
pub struct Verdict {
    checker: Arc<Checker>,
    service: ServiceName,
    alpha: bool,
    state: State,
    /// Index of the url to fetch next.
    url: usize,
    /// Urls that succeeded in a row since the last failure.
    passed: usize,
    /// When to probe; `None` while a probe is under way.
    deadline: Option<Instant>,
    last: Option<Last>,
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
    pub fn new(
        checker: Arc<Checker>,
        service: ServiceName,
        alpha: bool,
        share: u32,
        now: Instant,
    ) -> Self {
        let share = f64::from(share) / (f64::from(u32::MAX) + 1.0);
        let deadline = now.checked_add(checker.warmup.mul_f64(share));
        Self {
            checker,
            service,
            alpha,
            state: State::Unproven,
            url: 0,
            passed: 0,
            deadline,
            last: None,
            actions: VecDeque::new(),
        }
    }

    /// Asks for the probe when its time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            self.actions.push_back(Action::Probe { url: self.url });
        }
    }

    /// The probe that [`Action::Probe`] asked for ended `now`.
    pub fn handle_result(&mut self, result: ProbeResult, now: Instant) {
        let was_up = self.is_up();
        match &result {
            ProbeResult::Success => self.succeeded(),
            ProbeResult::Failed(failure) => self.failed(failure),
            ProbeResult::NotProbed(error) => self.not_probed(error),
        }
        if was_up != self.is_up() {
            let reason = self.reason(&result);
            self.actions.push_back(Action::Changed {
                up: self.is_up(),
                reason,
            });
        }
        let delay = match self.state {
            State::Failing { .. } => self.checker.delay_before_retry,
            State::Unproven | State::Up | State::Down => self.checker.delay_loop,
        };
        // A delay beyond what the clock can count means never again.
        self.deadline = now.checked_add(delay);
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
            State::Unproven => !self.alpha,
            State::Up | State::Failing { .. } => true,
            State::Down => false,
        }
    }

    /// The state.
    #[must_use]
    pub fn state(&self) -> State {
        self.state
    }

    /// The last result, `None` before the first.
    #[must_use]
    pub fn last(&self) -> Option<&Last> {
        self.last.as_ref()
    }

    /// The checker as configured.
    #[must_use]
    pub fn checker(&self) -> &Arc<Checker> {
        &self.checker
    }

    /// A success, of one url where there are several.
    fn succeeded(&mut self) {
        self.passed = self.passed.saturating_add(1);
        let all_passed = self.passed >= self.urls().len();
        match self.state {
            State::Up => {}
            State::Failing { .. } => self.state = State::Up,
            State::Unproven | State::Down => {
                if let Some(url) = self.current_url()
                    && !self.is_up()
                {
                    self.info(message::url_success(self.service, url));
                }
                if all_passed {
                    self.state = State::Up;
                    self.info(message::success(&self.checker.kind, self.service));
                }
            }
        }
        self.url = self.url.saturating_add(1);
        if self.url >= self.urls().len() {
            self.url = 0;
        }
    }

    /// A failure; the url that failed stays the next one.
    fn failed(&mut self, failure: &Failure) {
        self.passed = 0;
        if self.checker.log_all_failures && self.state != State::Down {
            let url = self.current_url();
            self.info(message::failure(
                &self.checker.kind,
                self.service,
                url,
                failure,
            ));
        }
        let failures = match self.state {
            // What was never seen up is not given a retry.
            State::Unproven => return self.take_down(0, failure),
            State::Down => return,
            State::Up => 1,
            State::Failing { failures } => failures.saturating_add(1),
        };
        if failures > self.checker.retry {
            return self.take_down(self.checker.retry, failure);
        }
        self.state = State::Failing { failures };
    }

    fn take_down(&mut self, retries: u32, failure: &Failure) {
        self.state = State::Down;
        let reason = message::reason(self.current_url(), failure);
        let line = message::down(&self.checker.kind, self.service, retries, &reason);
        self.actions.push_back(Action::Log(LogLine::Warn(line)));
    }

    /// Says nothing about the server, so nothing changes. Logged once, not at every try.
    fn not_probed(&mut self, error: &NotProbed) {
        let logged = self.last.as_ref().is_some_and(|last| match &last.result {
            ProbeResult::NotProbed(before) => before == error,
            ProbeResult::Success | ProbeResult::Failed(_) => false,
        });
        if !logged || self.checker.log_all_failures {
            let line = message::not_probed(&self.checker.kind, self.service, error);
            self.actions.push_back(Action::Log(LogLine::Warn(line)));
        }
    }

    fn reason(&self, result: &ProbeResult) -> String {
        match result {
            ProbeResult::Success => message::success(&self.checker.kind, self.service),
            ProbeResult::Failed(failure) => message::reason(self.current_url(), failure),
            ProbeResult::NotProbed(error) => error.to_string(),
        }
    }

    fn info(&mut self, text: String) {
        self.actions.push_back(Action::Log(LogLine::Info(text)));
    }

    fn current_url(&self) -> Option<&Url> {
        self.urls().get(self.url)
    }

    fn urls(&self) -> &[Url] {
        match &self.checker.kind {
            CheckerKind::Tcp => &[],
            CheckerKind::Http(get) => &get.urls,
        }
    }
}

#[cfg(test)]
mod tests;
