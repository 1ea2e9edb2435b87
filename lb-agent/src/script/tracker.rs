//! `vrrp_script`: when to run a script, and what its results come to.
//!
//! ```text
//!   Init ──first success──▶ Up (rise+fall−1) ──failures, `fall` of them──▶ Down (0)
//!     └────first failure──▶ Down (0) ──successes, `rise` of them──▶ Up (rise+fall−1)
//! ```
//!
//! The counter is keepalived's: below `rise` the object is down. A success below `rise`−1 counts
//! one up, the next jumps to the top; a failure above `rise` counts one down, the next drops to 0.
//!
//! Pure: no clock, no process. A run that is not over when the next is due is not doubled.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Outcome;
use crate::config::model::VrrpScript;
use crate::log_line::LogLine;

/// A `vrrp_script`, but for its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// From the start of one run to the start of the next; more than 0.
    pub interval: Duration,
    /// A run that takes longer is ended and has failed; more than 0. keepalived's default is the
    /// interval.
    pub timeout: Duration,
    /// Successes in a row for up, at least 1.
    pub rise: u32,
    /// Failures in a row for down, at least 1.
    pub fall: u32,
    /// Begins as down, and the first result counts like any other.
    pub init_fail: bool,
}

impl From<&VrrpScript> for Settings {
    fn from(config: &VrrpScript) -> Self {
        Self {
            name: config.name.clone(),
            interval: config.interval,
            timeout: config.timeout,
            rise: config.rise.max(1),
            fall: config.fall.max(1),
            init_fail: config.init_fail,
        }
    }
}

/// What a script says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing yet: an instance that tracks it without a weight does not leave Init.
    Init,
    /// It succeeds.
    Up,
    /// It fails.
    Down,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Run the script and bring the result to [`Tracker::handle_outcome`].
    Run,
    /// Write this line.
    Log(LogLine),
    /// The script counts as up or down from now on.
    Changed {
        /// Up or down.
        up: bool,
    },
}

/// What the script is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Run {
    Idle,
    /// Since then; `said` that it is late.
    Since {
        start: Instant,
        said: bool,
    },
}

/// One `vrrp_script`.
#[derive(Debug)]
pub struct Tracker {
    settings: Settings,
    state: State,
    /// 0 to `rise + fall − 1`.
    counter: u32,
    last_status: u8,
    run: Run,
    due: Option<Instant>,
    actions: VecDeque<Action>,
}

impl Tracker {
    /// A script whose first run is due `now`.
    pub fn new(settings: Settings, now: Instant) -> Self {
        let state = if settings.init_fail {
            State::Down
        } else {
            State::Init
        };
        Self {
            settings,
            state,
            counter: 0,
            last_status: 0,
            run: Run::Idle,
            due: Some(now),
            actions: VecDeque::new(),
        }
    }

    /// Asks for a run when its time has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(due) = self.due.filter(|due| *due <= now) else {
            return;
        };
        // The grid stays where it is, unless whole intervals were slept through.
        self.due = due
            .checked_add(self.settings.interval)
            .filter(|next| *next > now)
            .or_else(|| now.checked_add(self.settings.interval));
        match self.run {
            Run::Idle => {
                self.run = Run::Since {
                    start: now,
                    said: false,
                };
                self.actions.push_back(Action::Run);
            }
            Run::Since { said: true, .. } => {}
            Run::Since { start, said: false } => {
                self.run = Run::Since { start, said: true };
                let name = &self.settings.name;
                let doing = if now.saturating_duration_since(start) >= self.settings.timeout {
                    "being timed out"
                } else {
                    "already running"
                };
                self.log(LogLine::Info(format!(
                    "Track script {name} is {doing}, expect idle - skipping run"
                )));
            }
        }
    }

    /// The run that [`Action::Run`] asked for has ended.
    pub fn handle_outcome(&mut self, outcome: &Outcome) {
        self.run = Run::Idle;
        let name = &self.settings.name;
        let (success, ending) = match outcome {
            Outcome::Exited(0) => (true, "succeeded".to_owned()),
            Outcome::Exited(status) => (false, format!("failed (exited with status {status})")),
            Outcome::Signalled(signal) => (false, format!("failed (due to signal {signal})")),
            Outcome::TimedOut => (false, "timed_out".to_owned()),
            Outcome::NotStarted => {
                let text = "timed_out before it started: does its file system hang?";
                (false, text.to_owned())
            }
            Outcome::NotRun(reason) => (false, format!("failed ({reason})")),
        };
        let line = LogLine::Info(format!("VRRP_Script({name}) {ending}"));
        if let Outcome::Exited(status) = outcome
            && *status != self.last_status
        {
            let text = format!("Script `{name}` now returning {status}");
            self.last_status = *status;
            self.log(LogLine::Info(text));
        }
        let before = self.state;
        if success {
            self.succeeded();
        } else {
            self.failed();
        }
        if before != self.state {
            self.log(line);
            let up = self.state == State::Up;
            self.actions.push_back(Action::Changed { up });
        }
    }

    /// When to call [`Self::handle_timeout`].
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// The next thing to do; ask until `None` after every call of a `handle_` method.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// What the script says.
    pub const fn state(&self) -> State {
        self.state
    }

    /// As configured.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The exit status of the last run that exited; 0 before.
    pub const fn last_status(&self) -> u8 {
        self.last_status
    }

    fn top(&self) -> u32 {
        let Settings { rise, fall, .. } = self.settings;
        rise.saturating_add(fall).saturating_sub(1)
    }

    fn succeeded(&mut self) {
        let enough = self.counter.saturating_add(1) >= self.settings.rise;
        if self.state == State::Init || enough {
            self.counter = self.top();
            self.state = State::Up;
        } else {
            self.counter = self.counter.saturating_add(1);
        }
    }

    fn failed(&mut self) {
        if self.state == State::Up && self.counter > self.settings.rise {
            self.counter = self.counter.saturating_sub(1);
        } else {
            self.counter = 0;
            self.state = State::Down;
        }
    }

    fn log(&mut self, line: LogLine) {
        self.actions.push_back(Action::Log(line));
    }
}

#[cfg(test)]
mod tests;
