//! `track_process`: whether as many processes of a kind run as should.
//!
//! ```text
//!   kernel ──connector──▶ fork, exec, comm, exit ─┐
//!                                                 ├─▶ Tracker (pure, one a track_process) ──▶ up?
//!   /proc ──identity──▶ names, arguments ─────────┘
//! ```
//!
//! * here: who counts, how many there are, and when their number makes a difference.
//! * [`identity`]: what /proc says about a process; [`connector`]: the kernel's messages.
//! * [`driver`]: the task that reads both.
//!
//! Pure here: no clock, no socket, no file.

pub mod connector;
pub mod driver;
pub mod identity;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use identity::Identity;

use crate::log_line::LogLine;

/// The kernel's name of a process has at most so many bytes (`TASK_COMM_LEN` − 1).
pub const COMM_LEN: usize = 15;

/// A `track_process`, but for its weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// First word of `process`: the kernel's name of the process, or with [`Self::full_command`]
    /// the first word of its command line.
    pub process: String,
    /// Further words of `process`.
    pub parameters: Vec<String>,
    /// `param_match`; `None` with parameters: exactly these.
    pub param_match: Option<ParamMatch>,
    /// `full_command`.
    pub full_command: bool,
    /// Fewer processes are too few; at least 1.
    pub quorum: usize,
    /// More processes are too many; `None`: never.
    pub quorum_max: Option<usize>,
    /// `fork_delay` (or `delay`): so long a change of the state that a fork caused must last.
    pub fork_delay: Duration,
    /// `terminate_delay` (or `delay`): so long one that the end of a process caused must last.
    pub terminate_delay: Duration,
}

/// `param_match`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamMatch {
    /// The same parameters and no more; also that there are none.
    Exact,
    /// The first parameters are these.
    Partial,
    /// The first parameters are these, and the last of them may go on.
    Initial,
}

impl Settings {
    /// Whether a process counts.
    pub fn matches(&self, identity: &Identity) -> bool {
        let named = if self.full_command {
            identity.arguments.first().map(Vec::as_slice) == Some(self.process.as_bytes())
        } else {
            identity.is_called(self.process.as_bytes())
        };
        named && self.parameters_match(identity.arguments.get(1..).unwrap_or_default())
    }

    fn parameters_match(&self, arguments: &[Vec<u8>]) -> bool {
        let wanted = || self.parameters.iter().map(String::as_bytes);
        let found = || arguments.iter().map(Vec::as_slice);
        let first_are_these = |count: usize| found().take(count).eq(wanted().take(count));
        let count = self.parameters.len();
        match self.param_match {
            None if count == 0 => true,
            None | Some(ParamMatch::Exact) => found().eq(wanted()),
            Some(ParamMatch::Partial) => first_are_these(count),
            Some(ParamMatch::Initial) => match wanted().next_back() {
                None => true,
                Some(last) => {
                    let before = count.saturating_sub(1);
                    let goes_on = arguments.get(before).is_some_and(|it| it.starts_with(last));
                    goes_on && first_are_these(before)
                }
            },
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A process has made another, which is the same program until it says otherwise.
    Fork {
        /// The parent.
        parent: u32,
        /// The child.
        child: u32,
    },
    /// A process runs another program, or has changed its name; `None`: it has gone already.
    Changed {
        /// The process.
        pid: u32,
        /// What it is now.
        identity: Option<&'a Identity>,
    },
    /// A process has ended.
    Exit {
        /// The process.
        pid: u32,
    },
}

/// Why the number of processes is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Fork,
    Change,
    Exit,
    Scan,
}

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Write this line.
    Log(LogLine),
    /// The object counts as up or down from now on.
    Changed {
        /// Up or down.
        up: bool,
    },
}

/// One `track_process`. Down until [`Self::handle_scan`] was called.
#[derive(Debug)]
pub struct Tracker {
    settings: Settings,
    pids: BTreeSet<u32>,
    up: bool,
    scanned: bool,
    /// When the state changes, unless the number changes back before.
    change_at: Option<Instant>,
    actions: VecDeque<Action>,
}

impl Tracker {
    /// Knows of no process yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            pids: BTreeSet::new(),
            up: false,
            scanned: false,
            change_at: None,
            actions: VecDeque::new(),
        }
    }

    /// All processes that run; replaces what was known. The first time the state holds at once.
    pub fn handle_scan(
        &mut self,
        processes: impl Iterator<Item = (u32, impl AsRef<Identity>)>,
        now: Instant,
    ) {
        let before = self.pids.len();
        let ours = processes.filter(|(_, identity)| self.settings.matches(identity.as_ref()));
        self.pids = ours.map(|(pid, _)| pid).collect();
        let after = self.pids.len();
        if !self.scanned {
            self.scanned = true;
            self.up = self.has_quorum();
            let up = self.up;
            return self.actions.push_back(Action::Changed { up });
        }
        if before != after {
            let quorum = match (self.up, self.has_quorum()) {
                (false, true) => ", quorum up",
                (true, false) => ", quorum down",
                (true, true) | (false, false) => "",
            };
            let name = &self.settings.name;
            self.actions.push_back(Action::Log(LogLine::Info(format!(
                "Process {name}, number of current processes changed from {before} to \
                 {after}{quorum}"
            ))));
        }
        self.weigh(Cause::Scan, now);
    }

    /// Takes one event.
    pub fn handle(&mut self, input: &Input<'_>, now: Instant) {
        match *input {
            Input::Fork { parent, child } => {
                if self.pids.contains(&parent) {
                    self.pids.insert(child);
                    self.weigh(Cause::Fork, now);
                }
            }
            Input::Changed { pid, identity } => {
                let known = if identity.is_some_and(|identity| self.settings.matches(identity)) {
                    !self.pids.insert(pid)
                } else {
                    !self.pids.remove(&pid)
                };
                if !known {
                    self.weigh(Cause::Change, now);
                }
            }
            Input::Exit { pid } => {
                if self.pids.remove(&pid) {
                    self.weigh(Cause::Exit, now);
                }
            }
        }
    }

    /// Changes the state if that is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.change_at.is_some_and(|at| at <= now) {
            self.settle();
        }
    }

    /// When to call [`Self::handle_timeout`].
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.change_at
    }

    /// The next thing to do; ask until `None` after every call of a `handle` method.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Whether there are as many processes as there should be.
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// How many processes there are.
    pub fn count(&self) -> usize {
        self.pids.len()
    }

    /// As configured.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    fn has_quorum(&self) -> bool {
        let count = self.pids.len();
        let most = self.settings.quorum_max.unwrap_or(usize::MAX);
        (self.settings.quorum..=most).contains(&count)
    }

    fn weigh(&mut self, cause: Cause, now: Instant) {
        if !self.scanned {
            return;
        }
        if self.has_quorum() == self.up {
            self.change_at = None;
            return;
        }
        let delay = match cause {
            Cause::Fork => self.settings.fork_delay,
            Cause::Exit => self.settings.terminate_delay,
            Cause::Scan if self.up => self.settings.terminate_delay,
            Cause::Change | Cause::Scan => Duration::ZERO,
        };
        if delay.is_zero() {
            return self.settle();
        }
        // The first event counts, not the last: a process that keeps forking must not hold it off.
        self.change_at = self.change_at.or_else(|| now.checked_add(delay));
    }

    fn settle(&mut self) {
        self.change_at = None;
        let up = self.has_quorum();
        if up == self.up {
            return;
        }
        self.up = up;
        let (name, word) = (&self.settings.name, if up { "gained" } else { "lost" });
        self.actions.push_back(Action::Log(LogLine::Info(format!(
            "Quorum {word} for tracked process {name}"
        ))));
        self.actions.push_back(Action::Changed { up });
    }
}

#[cfg(test)]
mod tests;
