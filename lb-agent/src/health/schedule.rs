//! All checkers together: which probe is due next, how many may run, and when a server as a
//! whole goes up or down.
//!
//! Pure, and cheap for tens of thousands of checkers: one heap of deadlines, no task and no timer
//! for each. First probes are spread evenly over `warmup`; since the next one comes `delay_loop`
//! after the end of the last, they stay spread; one that an operator brings forward leaves its loop as it
//! was. However many are due at once, they start
//! [`BURST`] at a time, [`PACE`] apart.
//!
//! Checkers that are equal, of whatever servers, are one: probed once, with one verdict
//! (`xdp_share_checks off`: each for itself, as in keepalived).
//!
//! It holds no pools: what becomes of a virtual server is for [`super::pool`].

mod memory;
mod punctuality;
mod queue;
mod reload;
mod session;
mod target;
mod tell;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::memory::Records;
use self::punctuality::Pace;
pub use self::punctuality::{Punctuality, When};
use self::queue::Queue;
pub use self::reload::Moves;
pub use self::session::Session;
use self::target::Target;
use super::Event;
use super::name::ServiceName;
use super::probe::ProbeResult;
use super::spec::{Check, Server, Service};
use super::status::CheckerStatus;
use super::verdict::Verdict;
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::log_line::LogLine;

/// 2³² divided by the golden ratio: steps of this size fill a circle evenly however many there
/// are (the additive recurrence of least discrepancy).
const GOLDEN_STEP: u32 = 0x9E37_79B9;

/// Probes that may start at once.
pub const BURST: usize = 64;

/// Time between two bursts: 64 000 probes a second at most.
pub const PACE: Duration = Duration::from_millis(1);

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
        /// What to ask; the question stands in it.
        check: Arc<Check>,
        /// The url to fetch, where there are several.
        url: usize,
    },
    /// Write this line.
    Log(LogLine),
    /// A server as a whole changed.
    Changed(Event),
}

/// How a schedule goes about it.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Probes at a time.
    pub limit: usize,
    /// Any number: it turns the circle over which the first probes are spread, so that two
    /// directors do not probe in step.
    pub seed: u32,
    /// `xdp_share_checks`: equal checkers are one.
    pub share: bool,
}

/// Every checker of a configuration.
#[derive(Debug)]
pub struct Schedule {
    entries: Vec<Entry>,
    targets: Vec<Target>,
    queue: Queue,
    /// The part of `warmup` that the next checker waits for.
    share: u32,
    punctuality: Punctuality,
    actions: VecDeque<Action>,
}

#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    /// Indices of the servers that it is a checker of.
    targets: Vec<usize>,
    pace: Pace,
}

impl Schedule {
    /// The checkers of `services`, starting `now`. What has `ha_suspend` waits for its address.
    #[must_use]
    #[expect(
        clippy::mutable_key_type,
        reason = "what mutates, caches of a regex and of TLS, is not hashed"
    )]
    pub fn new(services: &[Service], settings: Settings, now: Instant) -> Self {
        let mut schedule = Self {
            entries: Vec::new(),
            targets: Vec::new(),
            queue: Queue::new(settings.limit),
            share: settings.seed,
            punctuality: Punctuality::default(),
            actions: VecDeque::new(),
        };
        let mut known = HashMap::new();
        for service in services {
            for server in &service.servers {
                schedule.add_server(service, server, settings.share, &mut known, now);
            }
        }
        for id in 0..schedule.entries.len() {
            schedule.suspend_or_resume(id, now);
        }
        schedule
    }

    /// Asks for the probes that are due, as many as the limits allow.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((id, due)) = self.queue.next(now, |id| self.entries.deadline(id)) {
            if let Some(entry) = self.entries.get_mut(id.0) {
                entry.pace.start(due);
            }
            self.with_verdict(id, now, |verdict| verdict.handle_timeout(now));
        }
        self.actions.extend(self.queue.say_late().map(Action::Log));
    }

    /// The probe of `id` ended `now`.
    pub fn handle_result(&mut self, id: CheckerId, result: ProbeResult, now: Instant) {
        self.queue.ended();
        self.with_verdict(id, now, |verdict| verdict.handle_result(result, now));
    }

    /// A probe of a checker that is no more has ended.
    pub fn handle_orphan(&mut self) {
        self.queue.ended();
    }

    /// `address` is on this host from now on, or no longer: for `ha_suspend`.
    pub fn handle_address(&mut self, address: IpAddr, here: bool, now: Instant) {
        let (mut concerned, mut changed) = (Vec::new(), Vec::new());
        for (index, target) in self.targets.iter_mut().enumerate() {
            if target.set_here(address, here) {
                changed.push(index);
                concerned.extend_from_slice(&target.entries);
                let line = target.activity_line();
                self.actions.push_back(Action::Log(line));
            }
        }
        concerned.sort_unstable();
        concerned.dedup();
        for id in concerned {
            self.suspend_or_resume(id, now);
        }
        for index in changed {
            self.tell(index, "the address is here", now);
        }
    }

    /// Probes all servers, those of `virtual_server`, or one of these, as soon as may be; how many
    /// checkers that starts: none that is suspended, under way, or told by somebody.
    pub fn check_now(
        &mut self,
        virtual_server: Option<&VirtualServerKey>,
        real_server: Option<&RealServerKey>,
        now: Instant,
    ) -> usize {
        let meant = |target: &Target| {
            virtual_server.is_none_or(|key| target.virtual_server == *key)
                && real_server.is_none_or(|key| target.real_server == *key)
        };
        let targets = self.targets.iter().filter(|target| meant(target));
        let mut ids: Vec<usize> = targets.flat_map(|it| it.entries.iter().copied()).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut started = 0;
        for id in ids {
            let mut starts = false;
            self.with_verdict(CheckerId(id), now, |verdict| {
                starts = verdict.check_now(now);
            });
            if starts && let Some(entry) = self.entries.get_mut(id) {
                entry.pace.set_by_hand();
            }
            started += usize::from(starts);
        }
        started
    }

    /// When to call [`Self::handle_timeout`]; `None` while there is nothing to start before some
    /// probe ends. Changes with every call of a `handle_` method.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.queue.poll_timeout()
    }

    /// The next thing to do; ask until `None` after every call of a `handle_` method.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Every checker at `now`, in the order of the file.
    #[must_use]
    pub fn status(&self, now: Instant) -> Vec<CheckerStatus> {
        let of_target = |target: &Target| -> Vec<CheckerStatus> {
            let entries = target.entries.iter();
            let status = |&id: &usize| {
                let entry = self.entries.get(id)?;
                let shared_by = entry.targets.len();
                let (names, suspended) = (target.names(), target.is_suspended());
                let verdict = (id, &entry.verdict);
                Some(CheckerStatus::new(
                    names, verdict, shared_by, suspended, now,
                ))
            };
            entries.filter_map(status).collect()
        };
        self.targets.iter().flat_map(of_target).collect()
    }

    #[expect(
        clippy::mutable_key_type,
        reason = "what mutates, caches of a regex and of TLS, is not hashed"
    )]
    fn add_server(
        &mut self,
        service: &Service,
        server: &Server,
        share: bool,
        known: &mut HashMap<Check, usize>,
        now: Instant,
    ) {
        let index = self.targets.len();
        let mut target = Target::new(service, server);
        let name = ServiceName::of_real_server(&service.key, &server.key);
        for check in &server.checks {
            let id = match known.get(check) {
                Some(&id) if share => id,
                Some(_) | None => {
                    let id = self.entries.len();
                    let verdict = Verdict::new(Arc::new(check.clone()), self.next_share(), now);
                    self.queue.push(verdict.poll_timeout(), CheckerId(id));
                    self.entries.push(Entry {
                        verdict,
                        targets: Vec::new(),
                        pace: Pace::default(),
                    });
                    known.insert(check.clone(), id);
                    id
                }
            };
            if let Some(entry) = self.entries.get_mut(id) {
                entry.verdict.add_service(&service.key, name);
                entry.targets.push(index);
            }
            target.entries.push(id);
            if !target.is_suspended() {
                self.actions.push_back(Action::Log(target.activity_line()));
            }
        }
        self.targets.push(target);
    }

    fn next_share(&mut self) -> u32 {
        let share = self.share;
        self.share = share.wrapping_add(GOLDEN_STEP);
        share
    }

    /// A checker rests while all its servers do.
    fn suspend_or_resume(&mut self, id: usize, now: Instant) {
        let share = self.next_share();
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        let mut targets = entry.targets.iter().filter_map(|&it| self.targets.get(it));
        if targets.all(Target::is_suspended) {
            entry.verdict.suspend();
        } else {
            let before = entry.verdict.poll_timeout();
            entry.verdict.resume(share, now);
            if entry.verdict.poll_timeout() != before {
                entry.pace.set_by_hand();
            }
            self.queue.push(entry.verdict.poll_timeout(), CheckerId(id));
        }
    }
}

/// When the checker `id` wants to probe.
trait Deadlines {
    fn deadline(&self, id: CheckerId) -> Option<Instant>;
}

impl Deadlines for Vec<Entry> {
    fn deadline(&self, id: CheckerId) -> Option<Instant> {
        self.get(id.0)?.verdict.poll_timeout()
    }
}

#[cfg(test)]
mod tests;
