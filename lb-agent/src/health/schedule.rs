//! All checkers together: which probe is due next, how many may run, and when a server as a
//! whole goes up or down.
//!
//! Pure, and cheap for tens of thousands of checkers: one heap of deadlines, no task and no timer
//! for each. First probes are spread evenly over `warmup`; since the next one comes `delay_loop`
//! after the end of the last, they stay spread.
//!
//! It holds no pools: what becomes of a virtual server is for [`super::pool`].

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use super::Event;
use super::log_line::LogLine;
use super::name::ServiceName;
use super::probe::ProbeResult;
use super::status::CheckerStatus;
use super::verdict::{self, Verdict};
use crate::config::model::{
    Checker, Config, RealServer, RealServerKey, VirtualServer, VirtualServerKey,
};

/// 2³² divided by the golden ratio: steps of this size fill a circle evenly however many there
/// are (the additive recurrence of least discrepancy).
const GOLDEN_STEP: u32 = 0x9E37_79B9;

/// Names one checker of a [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckerId(usize);

/// What the driver has to do.
#[derive(Debug)]
#[must_use]
pub enum Action {
    /// Probe now; the result goes to [`Schedule::handle_result`].
    Probe {
        /// Whose probe it is.
        id: CheckerId,
        /// What to ask.
        checker: Arc<Checker>,
        /// The url to fetch, where there are several.
        url: usize,
    },
    /// Write this line.
    Log(LogLine),
    /// A server as a whole changed.
    Changed(Event),
}

/// Every checker of a configuration.
#[derive(Debug)]
pub struct Schedule {
    entries: Vec<Entry>,
    targets: Vec<Target>,
    /// When each checker that waits is due.
    due: BinaryHeap<Reverse<(Instant, CheckerId)>>,
    in_flight: usize,
    limit: usize,
    /// The limit keeps probes waiting, and that has been said.
    late: bool,
    actions: VecDeque<Action>,
}

#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    /// Index of its server in `targets`.
    target: usize,
}

/// A real server of a virtual server, as all its checkers together see it.
#[derive(Debug)]
struct Target {
    virtual_server: VirtualServerKey,
    real_server: RealServerKey,
    /// Checkers for which it is down; 0: it is up.
    down: usize,
}

impl Schedule {
    /// The checkers of `config`, starting `now`, with at most `limit` probes at a time. `seed` is
    /// any number: it turns the circle over which the first probes are spread, so that two
    /// directors do not probe in step.
    #[must_use]
    pub fn new(config: &Config, limit: usize, seed: u32, now: Instant) -> Self {
        let mut schedule = Self {
            entries: Vec::new(),
            targets: Vec::new(),
            due: BinaryHeap::new(),
            in_flight: 0,
            limit,
            late: false,
            actions: VecDeque::new(),
        };
        let mut share = seed;
        for virtual_server in &config.virtual_servers {
            for real_server in &virtual_server.real_servers {
                schedule.add_server(virtual_server, real_server, &mut share, now);
            }
        }
        schedule
    }

    /// Asks for the probes that are due, as many as the limit allows.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&Reverse((deadline, id))) = self.due.peek() {
            if deadline > now {
                self.late = false;
                return;
            }
            if self.in_flight >= self.limit {
                self.say_late();
                return;
            }
            self.due.pop();
            self.with_verdict(id, |verdict| verdict.handle_timeout(now));
        }
        self.late = false;
    }

    /// The probe of `id` ended `now`.
    pub fn handle_result(&mut self, id: CheckerId, result: ProbeResult, now: Instant) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.with_verdict(id, |verdict| verdict.handle_result(result, now));
        let deadline = self
            .entries
            .get(id.0)
            .and_then(|entry| entry.verdict.poll_timeout());
        self.due
            .extend(deadline.map(|deadline| Reverse((deadline, id))));
    }

    /// When to call [`Self::handle_timeout`]; `None` while there is nothing to start before some
    /// probe ends. Changes with every call of a `handle_` method.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let &Reverse((deadline, _)) = self.due.peek()?;
        (self.in_flight < self.limit).then_some(deadline)
    }

    /// The next thing to do; ask until `None` after every call of a `handle_` method.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Every checker at `now`, in the order of the file.
    #[must_use]
    pub fn status(&self, now: Instant) -> Vec<CheckerStatus> {
        let status = |entry: &Entry| {
            let target = self.targets.get(entry.target)?;
            let (virtual_server, real_server) = target.names();
            Some(CheckerStatus::new(
                virtual_server,
                real_server,
                &entry.verdict,
                now,
            ))
        };
        self.entries.iter().filter_map(status).collect()
    }

    fn add_server(
        &mut self,
        virtual_server: &VirtualServer,
        real_server: &RealServer,
        share: &mut u32,
        now: Instant,
    ) {
        let index = self.targets.len();
        let target = Target {
            virtual_server: virtual_server.key,
            real_server: real_server.key,
            down: if real_server.alpha {
                real_server.checkers.len()
            } else {
                0
            },
        };
        let (vs, service) = target.names();
        self.targets.push(target);
        for checker in &real_server.checkers {
            let checker = Arc::new(checker.clone());
            let verdict = Verdict::new(checker, service, real_server.alpha, *share, now);
            *share = share.wrapping_add(GOLDEN_STEP);
            let id = CheckerId(self.entries.len());
            self.due.extend(
                verdict
                    .poll_timeout()
                    .map(|deadline| Reverse((deadline, id))),
            );
            self.entries.push(Entry {
                verdict,
                target: index,
            });
            let line = format!("Activating healthchecker for service {service} for VS {vs}");
            self.actions.push_back(Action::Log(LogLine::Info(line)));
        }
    }

    /// Lets `handle` put something into a verdict and takes out what comes of it.
    fn with_verdict(&mut self, id: CheckerId, handle: impl FnOnce(&mut Verdict)) {
        let Some(Entry { verdict, target }) = self.entries.get_mut(id.0) else {
            return;
        };
        handle(verdict);
        while let Some(action) = verdict.poll_action() {
            match action {
                verdict::Action::Probe { url } => {
                    self.in_flight = self.in_flight.saturating_add(1);
                    let checker = Arc::clone(verdict.checker());
                    self.actions.push_back(Action::Probe { id, checker, url });
                }
                verdict::Action::Log(line) => self.actions.push_back(Action::Log(line)),
                verdict::Action::Changed { up, reason } => {
                    let event = self
                        .targets
                        .get_mut(*target)
                        .and_then(|target| target.handle(up, reason));
                    self.actions.extend(event.map(Action::Changed));
                }
            }
        }
    }

    fn say_late(&mut self) {
        if std::mem::replace(&mut self.late, true) {
            return;
        }
        let line = format!(
            "{} probes are under way, which is the limit: checks start late. Many servers hang, \
             or the limit of open files is too low",
            self.in_flight
        );
        self.actions.push_back(Action::Log(LogLine::Warn(line)));
    }
}

impl Target {
    /// One of its checkers changed; an event when that changes the server.
    fn handle(&mut self, up: bool, reason: String) -> Option<Event> {
        let before = self.down;
        self.down = if up {
            before.saturating_sub(1)
        } else {
            before.saturating_add(1)
        };
        ((before == 0) != (self.down == 0)).then_some(Event {
            virtual_server: self.virtual_server,
            real_server: self.real_server,
            up,
            reason,
        })
    }

    /// Of the virtual server and of the real server.
    fn names(&self) -> (ServiceName, ServiceName) {
        (
            ServiceName::of_virtual_server(&self.virtual_server),
            ServiceName::of_real_server(&self.virtual_server, &self.real_server),
        )
    }
}

#[cfg(test)]
mod tests;
