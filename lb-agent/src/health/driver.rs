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
use tokio::task::{self, JoinError, JoinHandle, JoinSet};
use tokio::time::sleep_until;
use tracing::{debug, error};

use self::turns::Turns;
use super::Event;
use super::probe::{self, NotProbed, ProbeResult};
use super::schedule::{Action, CheckerId, Punctuality, Records, Schedule, Settings};
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
    Bfd(String, bool),
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
    pub async fn punctuality(&self) -> Punctuality {
        let (reply, answer) = oneshot::channel();
        self.ask(Request::Punctuality(reply));
        answer.await.unwrap_or_default()
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

    /// A BFD session is up, or down.
    pub fn set_bfd(&self, instance: String, up: bool) {
        self.ask(Request::Bfd(instance, up));
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
    probes: JoinSet<ProbeResult>,
    /// Which checker each is of; `None`: of one that a reload has removed.
    asked: HashMap<task::Id, Option<CheckerId>>,
    /// What some of them have to wait for.
    turns: Turns,
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
                let probe = self.probes.spawn(async move {
                    let _held = match turn {
                        Some(turn) => Some(turn.lock_owned().await),
                        None => None,
                    };
                    probe::probe(&check.question, url).await
                });
                self.asked.insert(probe.id(), Some(id));
            }
            Action::Log(line) => line.write(),
            // Nobody there any more: `run` sees that itself and returns.
            Action::Changed(event) => {
                self.events.send(event).ok();
            }
        }
    }

    fn handle_end(&mut self, end: Result<(task::Id, ProbeResult), JoinError>) {
        let (task, result) = end.unwrap_or_else(|error| {
            (
                error.id(),
                ProbeResult::NotProbed(NotProbed::Broken(error.to_string())),
            )
        });
        match self.asked.remove(&task) {
            Some(Some(id)) => self.schedule.handle_result(id, result, clock::now()),
            Some(None) => self.schedule.handle_orphan(),
            None => {}
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
                for id in self.asked.values_mut() {
                    *id = id.and_then(|id| moves.of(id));
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
            Request::Bfd(instance, up) => self.schedule.handle_bfd(&instance, up, now),
        }
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
