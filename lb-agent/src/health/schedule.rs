//! All checkers together: which probe is due next, how many may run, and when a server as a
//! whole goes up or down.
//!
//! Pure, and cheap for tens of thousands of checkers: one heap of deadlines, no task and no timer
//! for each. First probes are spread evenly over `warmup`; since the next one comes `delay_loop`
//! after the end of the last, they stay spread. However many are due at once, they start
//! [`BURST`] at a time, [`PACE`] apart.
//!
//! Checkers that are equal, of whatever servers, are one: probed once, with one verdict
//! (`xdp_share_checks off`: each for itself, as in keepalived).
//!
//! It holds no pools: what becomes of a virtual server is for [`super::pool`].

mod queue;
mod reload;
mod target;

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::queue::Queue;
pub use self::reload::Moves;
use self::target::{Key, Target};
use super::name::ServiceName;
use super::pool::ServerRecord;
use super::probe::{Failure, ProbeResult};
use super::snapshot::{Checkers, Snapshot, fingerprint};
use super::spec::{Check, Server, Service};
use super::status::CheckerStatus;
use super::verdict::{self, Record, State, Verdict};
use super::{Change, Event};
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

/// The memory of every checker. Copied quickly; their names take longer ([`Self::named`]).
#[derive(Debug, Default)]
pub struct Records(Vec<Known>);

#[derive(Debug)]
struct Known {
    check: Arc<Check>,
    /// The first server that it is a checker of.
    of: Option<Key>,
    record: Record,
}

impl Records {
    /// Each under the name of its question. Of several with the same (another rhythm,
    /// `xdp_share_checks off`) all but the first are under the name of their server as well.
    #[must_use]
    pub fn named(self) -> Checkers {
        let mut checkers = Checkers::new();
        for Known { check, of, record } in self.0 {
            let name = fingerprint(&check.question);
            let name = match of {
                Some(of) if checkers.contains_key(&name) => own_name(&name, &of),
                Some(_) | None => name,
            };
            checkers.insert(name, record);
        }
        checkers
    }
}

/// The name of a question, asked for one server.
fn own_name(question: &str, (service, server): &Key) -> String {
    let server = ServiceName::of_real_server(service, server);
    format!("{question} {server} {service}")
}

/// How punctual probes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Punctuality {
    /// Probes begun.
    pub begun: u64,
    /// Those that began later than they were due by more than a twentieth of `delay_loop`.
    pub late: u64,
    /// The greatest delay so far.
    pub worst: Duration,
}

#[derive(Debug)]
struct Entry {
    verdict: Verdict,
    /// Indices of the servers that it is a checker of.
    targets: Vec<usize>,
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
            self.count(id, now.saturating_duration_since(due));
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

    /// The BFD instance `name` says whether its session is up. One that has never been up says nothing of
    /// its servers, as with keepalived: they count as up, with `alpha` as down, whatever another session
    /// made of them before a reload.
    pub fn handle_bfd(&mut self, name: &str, up: bool, now: Instant) {
        let result = if up {
            ProbeResult::Success
        } else {
            ProbeResult::Failed(Failure::BfdDown)
        };
        for id in self.told_by(name) {
            let entry = self.entries.get(id.0);
            let unproven = entry.is_some_and(|it| it.verdict.state() == State::Unproven);
            if unproven && !up {
                self.let_go(id, now);
                continue;
            }
            let result = result.clone();
            self.with_verdict(id, now, |verdict| verdict.handle_result(result, now));
        }
    }

    /// The checker `id` has no answer, and waits for none: it stands for nothing any more that was there
    /// before.
    fn let_go(&mut self, id: CheckerId, now: Instant) {
        let entry = self.entries.get(id.0);
        let targets = entry.map(|entry| entry.targets.clone());
        for index in targets.unwrap_or_default() {
            let target = self.targets.get_mut(index);
            if target.is_some_and(|target| target.let_go(id.0)) {
                self.tell(index, "its BFD session has never been up", now);
            }
        }
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
            self.with_verdict(CheckerId(id), now, |verdict| {
                started += usize::from(verdict.check_now(now));
            });
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

    /// How punctual probes have been so far.
    #[must_use]
    pub fn punctuality(&self) -> Punctuality {
        self.punctuality
    }

    /// What the next run has to know of each question.
    #[must_use]
    pub fn record(&self, now: Instant) -> Records {
        let held_down: HashSet<usize> = self.targets.iter().flat_map(Target::held_down).collect();
        let record = |(id, entry): (usize, &Entry)| {
            let mut record = entry.verdict.record(now);
            record.held_down = !record.is_proven() && held_down.contains(&id);
            Known {
                check: Arc::clone(entry.verdict.check()),
                of: self.first_target(entry).map(Target::key),
                record,
            }
        };
        Records(self.entries.iter().enumerate().map(record).collect())
    }

    /// Goes on from what was known of equal questions, whoever asked them, and of the servers. What
    /// the pools do not know from the same snapshot is told.
    pub fn restore(&mut self, snapshot: &Snapshot, now: Instant) {
        let mut unanswered = Vec::new();
        for id in 0..self.entries.len() {
            let record = self.entries.get(id).and_then(|entry| {
                let name = fingerprint(&entry.verdict.check().question);
                let own = self
                    .first_target(entry)
                    .map(|it| own_name(&name, &it.key()));
                let own = own.and_then(|own| snapshot.checkers.get(&own));
                own.or_else(|| snapshot.checkers.get(&name))
            });
            match self.entries.get_mut(id).zip(record) {
                Some((entry, record)) => {
                    entry.verdict.restore(record, now);
                    if !record.is_proven() {
                        unanswered.push((id, record.held_down));
                    }
                }
                None => unanswered.push((id, true)),
            }
        }
        let pools = snapshot.pools.iter();
        let pools: HashMap<&str, HashMap<&str, &ServerRecord>> = pools
            .map(|it| (it.virtual_server.as_str(), it.by_name()))
            .collect();
        for index in 0..self.targets.len() {
            if let Some(target) = self.targets.get_mut(index) {
                let (service, name) = target.names();
                let pool = pools.get(service.to_string().as_str());
                let known = pool.and_then(|pool| pool.get(name.to_string().as_str()));
                if let Some(known) = known {
                    target.recall(known, &unanswered);
                }
            }
            self.tell(index, "known from before", now);
        }
    }

    fn first_target(&self, entry: &Entry) -> Option<&Target> {
        let first = entry.targets.first()?;
        self.targets.get(*first)
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

    fn count(&mut self, id: CheckerId, delay: Duration) {
        let Some(entry) = self.entries.get(id.0) else {
            return;
        };
        let seen = &mut self.punctuality;
        seen.begun = seen.begun.saturating_add(1);
        if delay > entry.verdict.check().delay_loop / 20 {
            seen.late = seen.late.saturating_add(1);
        }
        seen.worst = seen.worst.max(delay);
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
            entry.verdict.resume(share, now);
            self.queue.push(entry.verdict.poll_timeout(), CheckerId(id));
        }
    }

    /// The checkers that the BFD instance `name` tells.
    fn told_by(&self, name: &str) -> Vec<CheckerId> {
        let is_told = |entry: &Entry| {
            let bfd = entry.verdict.check().question.kind.told_by();
            bfd.is_some_and(|bfd| bfd.name == name)
        };
        let entries = (0..).zip(&self.entries);
        let told = entries.filter(|(_, entry)| is_told(entry));
        told.map(|(id, _)| CheckerId(id)).collect()
    }

    /// Lets `handle` put something into a verdict and takes out what comes of it.
    fn with_verdict(&mut self, id: CheckerId, now: Instant, handle: impl FnOnce(&mut Verdict)) {
        let Some(Entry { verdict, .. }) = self.entries.get_mut(id.0) else {
            return;
        };
        let before = verdict.state();
        handle(verdict);
        // The first answer ends what a server was before a reload, whose question was another.
        let first = before == State::Unproven && verdict.state() == State::Up;
        let mut changed = first.then(|| "checked for the first time".to_owned());
        let mut found = None;
        while let Some(action) = verdict.poll_action() {
            match action {
                verdict::Action::Probe { url } => {
                    self.queue.started();
                    let check = Arc::clone(verdict.check());
                    self.actions.push_back(Action::Probe { id, check, url });
                }
                verdict::Action::Log(line) => self.actions.push_back(Action::Log(line)),
                verdict::Action::Changed {
                    up,
                    reason,
                    sentence,
                } => {
                    found = sentence.map(|sentence| (up, sentence));
                    changed = Some(reason);
                }
                verdict::Action::Weighs(_) => changed = changed.or_else(|| Some(String::new())),
            }
        }
        self.queue.push(verdict.poll_timeout(), id);
        if let Some(reason) = changed {
            self.tell_all(id, &reason, found.as_ref(), now);
        }
    }

    /// Tells of every server that has the checker, and what the checker itself `found`, if that is
    /// news.
    fn tell_all(
        &mut self,
        id: CheckerId,
        reason: &str,
        found: Option<&(bool, String)>,
        now: Instant,
    ) {
        let entry = self.entries.get(id.0);
        let targets = entry.map(|entry| entry.targets.clone());
        for index in targets.unwrap_or_default() {
            let server_too = self.tell(index, reason, now);
            let target = self.targets.get(index).filter(|it| !it.is_suspended());
            let Some((target, (up, sentence))) = target.zip(found) else {
                continue;
            };
            let change = Change::Checker {
                up: *up,
                sentence: sentence.clone(),
                server_too,
            };
            let event = target.event(change, reason, now);
            self.actions.push_back(Action::Changed(event));
        }
    }

    /// Tells of a server what has not been told; whether it went up or down.
    fn tell(&mut self, index: usize, reason: &str, now: Instant) -> bool {
        let Some(target) = self.targets.get_mut(index) else {
            return false;
        };
        let entries = target.entries.iter().filter_map(|&id| self.entries.get(id));
        let verdicts: Vec<&Verdict> = entries.map(|entry| &entry.verdict).collect();
        let events = target.look_at(&verdicts, reason, now);
        let changed = events.iter().any(|event| match event.change {
            Change::Up | Change::Down => true,
            Change::Weight(_) | Change::Checker { .. } => false,
        });
        self.actions.extend(events.into_iter().map(Action::Changed));
        changed
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
