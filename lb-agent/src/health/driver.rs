//! Runs the [`Schedule`](super::schedule): its probes as tasks, its lines into the log, its
//! events to the supervisor.
//!
//! One task owns the schedule. It lives on the supervisor's current-thread runtime and decides
//! nothing itself.

mod turns;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, AbortHandle, JoinError, JoinHandle, JoinSet};
use tokio::time::sleep_until;
use tracing::{debug, error};

use self::turns::Turns;
use super::Event;
use super::probe::{self, NotProbed, ProbeResult};
use super::schedule::{Action, CheckerId, Punctuality, Records, Schedule, Session, Settings, When};
use super::snapshot::Snapshot;
use super::spec::Service;
use super::status::CheckerStatus;
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::runtime::clock;

/// Probes at a time. Each holds a descriptor and some kilobytes. With 20 000 servers of which a
/// tenth hangs for 5 of every 11 seconds about 900 are under way; this is over four times that.
const MAX_IN_FLIGHT: usize = 4096;

/// The running checks. Dropping it stops them, too, but does not wait.
#[derive(Debug)]
pub struct Handle {
    requests: mpsc::UnboundedSender<Request>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
enum Request {
    Status(oneshot::Sender<Vec<CheckerStatus>>),
    Punctuality(oneshot::Sender<Punctuality>),
    Record(oneshot::Sender<Records>),
    Restore(Snapshot),
    RestoreCounters(Snapshot),
    Reload(Vec<Service>, bool),
    CheckNow(
        Option<VirtualServerKey>,
        Option<RealServerKey>,
        oneshot::Sender<usize>,
    ),
    Address(IpAddr, bool),
    Bfd(String, Session),
}

/// Starts the checks of `services` on the runtime of the caller. What changes goes to `events`;
/// they end when nobody receives any more. `share` is `xdp_share_checks`.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn(services: &[Service], share: bool, events: mpsc::UnboundedSender<Event>) -> Handle {
    let schedule = Schedule::new(services, settings(share), clock::now());
    let (requests, inbox) = mpsc::unbounded_channel();
    let task = tokio::spawn(Driver::new(schedule, events).run(inbox));
    Handle { requests, task }
}

fn settings(share: bool) -> Settings {
    Settings {
        limit: in_flight_limit(),
        seed: seed(),
        share,
    }
}

impl Handle {
    /// Checks `services` from now on, going on from what is known of equal questions.
    pub fn reload(&self, services: Vec<Service>, share: bool) {
        self.ask(Request::Reload(services, share));
    }

    /// Every checker now, in the order of the file.
    pub fn status(&self) -> impl Future<Output = Vec<CheckerStatus>> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Status(reply));
        async { answer.await.unwrap_or_default() }
    }

    /// How punctual probes have been so far.
    pub fn punctuality(&self) -> impl Future<Output = Punctuality> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Punctuality(reply));
        async { answer.await.unwrap_or_default() }
    }

    /// What the next run has to know of each question.
    pub fn record(&self) -> impl Future<Output = Records> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Record(reply));
        async { answer.await.unwrap_or_default() }
    }

    /// Goes on from what an earlier run knew.
    pub fn restore(&self, snapshot: Snapshot) {
        self.ask(Request::Restore(snapshot));
    }

    /// Goes on counting where an earlier run ended whose results are too old.
    pub fn restore_counters(&self, snapshot: Snapshot) {
        self.ask(Request::RestoreCounters(snapshot));
    }

    /// Probes all servers, those of a virtual server, or one of these, as soon as may be; how many
    /// checkers that starts.
    pub fn check_now(
        &self,
        virtual_server: Option<VirtualServerKey>,
        real_server: Option<RealServerKey>,
    ) -> impl Future<Output = usize> + Send + use<> {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::CheckNow(virtual_server, real_server, reply));
        async { answer.await.unwrap_or_default() }
    }

    /// An address is on this host, or no longer: for `ha_suspend`.
    pub fn set_address(&self, address: IpAddr, here: bool) {
        self.ask(Request::Address(address, here));
    }

    /// How a BFD session is.
    pub fn set_bfd(&self, instance: String, session: Session) {
        self.ask(Request::Bfd(instance, session));
    }

    /// A task that has ended has said so; it needs no requests.
    fn ask(&self, request: Request) {
        self.requests.send(request).ok();
    }

    /// Ends all probes, sends no more events and returns when that is so.
    pub async fn stop(self) {
        drop(self.requests);
        if let Err(error) = self.task.await {
            error!("the health checks had stopped by themselves: {error}");
        }
    }
}

struct Driver {
    schedule: Schedule,
    events: mpsc::UnboundedSender<Event>,
    /// The probes under way; dropping the set aborts them.
    probes: JoinSet<Ended>,
    asked: HashMap<task::Id, Asked>,
    /// What some of them have to wait for.
    turns: Turns,
}

/// A probe under way.
struct Asked {
    /// `None`: of a checker that a reload has removed.
    by: Option<CheckerId>,
    /// It has its turn, or waits for it: what ends it.
    in_turn: Option<AbortHandle>,
}

impl Driver {
    fn new(schedule: Schedule, events: mpsc::UnboundedSender<Event>) -> Self {
        Self {
            schedule,
            events,
            probes: JoinSet::new(),
            asked: HashMap::new(),
            turns: Turns::default(),
        }
    }

    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Request>) {
        loop {
            self.schedule.handle_timeout(clock::now());
            while let Some(action) = self.schedule.poll_action() {
                self.act(action);
            }
            tokio::select! {
                // Requests first: a reload that the pools have followed already comes before probes that
                // have ended meanwhile, whose weights would count from the configured ones of before.
                biased;
                request = inbox.recv() => match request {
                    Some(request) => self.answer(request),
                    None => return,
                },
                () = self.events.closed() => return,
                Some(end) = self.probes.join_next_with_id() => self.handle_end(end),
                () = wait_until(self.schedule.poll_timeout()) => {}
            }
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Probe { id, check, url } => {
                let turn = self.turns.of(&check.question);
                let takes_turns = turn.is_some();
                let probe = self.probes.spawn(async move {
                    let _held = match turn {
                        Some(turn) => Some(turn.lock_owned().await),
                        None => None,
                    };
                    timed(probe::probe(&check.question, url)).await
                });
                let task = probe.id();
                let asked = Asked {
                    by: Some(id),
                    in_turn: takes_turns.then_some(probe),
                };
                self.asked.insert(task, asked);
            }
            Action::Log(line) => line.write(),
            // Nobody there any more: `run` sees that itself and returns.
            Action::Changed(event) => {
                self.events.send(event).ok();
            }
        }
    }

    fn handle_end(&mut self, end: Result<(task::Id, Ended), JoinError>) {
        let now = clock::now();
        let (task, result, when) = match end {
            Ok((task, Ended { result, when })) => (task, result, Some(when)),
            Err(error) => {
                let broken = NotProbed::Broken(error.to_string());
                (error.id(), ProbeResult::NotProbed(broken), None)
            }
        };
        match (self.asked.remove(&task).map(|asked| asked.by), when) {
            (Some(Some(id)), Some(when)) => self.schedule.handle_end(id, result, when, now),
            (Some(Some(id)), None) => self.schedule.handle_result(id, result, now),
            (Some(None), _) => self.schedule.handle_orphan(),
            (None, _) => {}
        }
    }

    fn answer(&mut self, request: Request) {
        let now = clock::now();
        match request {
            // Who asked may have gone.
            Request::Status(reply) => {
                reply.send(self.schedule.status(now)).ok();
            }
            Request::Punctuality(reply) => {
                reply.send(self.schedule.punctuality()).ok();
            }
            Request::Record(reply) => {
                reply.send(self.schedule.record(now)).ok();
            }
            Request::Restore(snapshot) => self.schedule.restore(&snapshot, now),
            Request::RestoreCounters(snapshot) => self.schedule.restore_counters(&snapshot),
            Request::Reload(services, share) => {
                let moves = self.schedule.reload(&services, settings(share), now);
                for asked in self.asked.values_mut() {
                    asked.by = asked.by.and_then(|id| moves.of(id));
                    // Whoever comes would have to wait for a time-out of somebody who has gone.
                    if let (None, Some(probe)) = (asked.by, &asked.in_turn) {
                        probe.abort();
                    }
                }
                self.turns.forget_idle();
            }
            Request::CheckNow(virtual_server, real_server, reply) => {
                let (of, one) = (virtual_server.as_ref(), real_server.as_ref());
                let count = self.schedule.check_now(of, one, now);
                debug!("{count} checks start now");
                reply.send(count).ok();
            }
            Request::Address(address, here) => self.schedule.handle_address(address, here, now),
            Request::Bfd(instance, session) => self.schedule.handle_bfd(&instance, session, now),
        }
    }
}

/// How a probe ended, and when it was.
#[derive(Debug)]
struct Ended {
    result: ProbeResult,
    when: When,
}

/// Runs `probe` and looks at the clock.
async fn timed(probe: impl Future<Output = ProbeResult>) -> Ended {
    let began = clock::now();
    let result = probe.await;
    let ended = clock::now();
    Ended {
        result,
        when: When { began, ended },
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// [`MAX_IN_FLIGHT`], or an eighth of the descriptors that this process may have: a probe through the
/// data plane holds five, and everything else that the agent does needs some.
fn in_flight_limit() -> usize {
    limit_of(getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _hard)| soft))
}

fn limit_of(files: u64) -> usize {
    usize::try_from(files / 8).map_or(MAX_IN_FLIGHT, |part| part.clamp(1, MAX_IN_FLIGHT))
}

/// Any number: the standard library's hasher starts from the system's randomness.
fn seed() -> u32 {
    let [a, b, c, d, ..] = RandomState::new().build_hasher().finish().to_ne_bytes();
    u32::from_ne_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
