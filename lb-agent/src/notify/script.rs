//! Notify scripts: of each instance, group and server one after another.
//!
//! A queue has a task as long as something runs or waits in it. Queues of VRRP run beside each
//! other without a limit; those of servers share [`MOST_AT_ONCE`] places, so that ten thousand
//! servers that go down together do not start ten thousand programs. Who holds a place for longer
//! than [`PATIENCE`] loses it: scripts that hang must not silence all others.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep_until, timeout, timeout_at};
use tracing::{info, warn};

use super::event::{Event, State, Subject, What};
use super::turn::{PATIENCE, Turn};
use crate::runtime::clock;
use crate::script::process::{Abandoned, start};
use crate::script::{Outcome, Script};

/// Scripts of servers that run at one time.
pub const MOST_AT_ONCE: usize = 32;

/// The scripts of an instance or a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scripts {
    /// `notify_master`.
    pub master: Option<Script>,
    /// `notify_backup`.
    pub backup: Option<Script>,
    /// `notify_fault`.
    pub fault: Option<Script>,
    /// `notify_stop`.
    pub stop: Option<Script>,
    /// `notify_master_rx_lower_pri`.
    pub master_rx_lower_pri: Option<Script>,
    /// `notify_split_brain`, ours.
    pub split_brain: Option<Script>,
    /// `notify`.
    pub generic: Option<Script>,
}

impl Scripts {
    /// What is run for an event, in keepalived's order: the one for the state, then the generic one
    /// with its arguments. Priorities are told to FIFOs only.
    pub fn for_event(&self, event: &Event) -> Vec<Script> {
        let (own, generic) = match event.what {
            What::Entered(State::Master) => (self.master.clone(), true),
            What::Entered(State::Backup) => (self.backup.clone(), true),
            What::Entered(State::Fault) => (self.fault.clone(), true),
            What::Entered(State::Stop) => (self.stop.clone(), true),
            What::Entered(State::Deleted) => (None, true),
            What::MasterRxLowerPri => (self.master_rx_lower_pri.clone(), false),
            What::SplitBrain(_) => {
                let script = self.split_brain.as_ref();
                let script = script.map(|script| script.with_arguments(event.arguments()));
                (script, false)
            }
            What::Priority(_) => (None, false),
        };
        let generic = self.generic.as_ref().filter(|_| generic);
        let generic = generic.map(|script| script.with_arguments(event.arguments()));
        own.into_iter().chain(generic).collect()
    }
}

/// Whose scripts wait for each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// An instance's or a group's.
    Vrrp(Subject),
    /// A real server's or a virtual server's, by any name that no other has.
    Server(String),
}

/// Where scripts are handed in. Cheap to clone, from any thread; it never waits.
#[derive(Clone, Debug)]
pub struct Runner(UnboundedSender<(Queue, Vec<Script>)>);

impl Runner {
    /// Runs the scripts of one event when those before it in `queue` have ended.
    pub fn run(&self, queue: Queue, scripts: Vec<Script>) {
        if !scripts.is_empty() {
            // Nobody there any more: the agent ends.
            self.0.send((queue, scripts)).ok();
        }
    }
}

/// The running notifications. Dropped, what runs goes on, and what waits is never run.
#[derive(Debug)]
pub struct Handle {
    runner: Runner,
    task: JoinHandle<()>,
    /// Dropped, the task takes no more.
    stopping: oneshot::Sender<()>,
    /// Nobody waits for the one before any more.
    hurry: watch::Sender<bool>,
}

impl Handle {
    /// Where to hand scripts in.
    pub fn runner(&self) -> Runner {
        self.runner.clone()
    }

    /// Runs what was handed in until now, for at most `limit`; what takes longer goes on by itself.
    /// When half of it is over what still waits is started beside what runs, in its order:
    /// `notify_stop` is not lost behind a script that takes its time.
    pub async fn finish(self, limit: Duration) {
        let (start, mut task) = (clock::now(), self.task);
        drop(self.stopping);
        if timeout_at((start + limit / 2).into(), &mut task)
            .await
            .is_ok()
        {
            return;
        }
        warn!("notify scripts are still running at the end; they are left to themselves");
        self.hurry.send(true).ok();
        if timeout_at((start + limit).into(), &mut task).await.is_err() {
            task.abort();
            warn!("not every notify script could be started");
        }
    }
}

/// Starts to take scripts, on the runtime of the caller.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn() -> Handle {
    spawn_with(PATIENCE)
}

/// `patience`: how long a script may keep a place.
fn spawn_with(patience: Duration) -> Handle {
    let (sender, inbox) = mpsc::unbounded_channel();
    let (stopping, stopped) = oneshot::channel();
    let (hurry, hurried) = watch::channel(false);
    let desk = Desk {
        queues: HashMap::new(),
        tasks: JoinSet::new(),
        places: Arc::new(Semaphore::new(MOST_AT_ONCE)),
        patience,
        hurry: hurried,
    };
    Handle {
        runner: Runner(sender),
        task: tokio::spawn(desk.run(inbox, stopped)),
        stopping,
        hurry,
    }
}

/// Hands scripts to the tasks of their queues.
struct Desk {
    queues: HashMap<Queue, UnboundedSender<Vec<Script>>>,
    tasks: JoinSet<Queue>,
    places: Arc<Semaphore>,
    patience: Duration,
    hurry: watch::Receiver<bool>,
}

impl Desk {
    async fn run(
        mut self,
        mut inbox: UnboundedReceiver<(Queue, Vec<Script>)>,
        mut stop: oneshot::Receiver<()>,
    ) {
        let mut open = true;
        while open || !self.tasks.is_empty() {
            tokio::select! {
                // What was handed in before the end counts.
                biased;
                handed = inbox.recv(), if open => match handed {
                    Some((queue, scripts)) => self.hand(queue, scripts),
                    None => open = false,
                },
                Some(ended) = self.tasks.join_next() => {
                    if let Ok(queue) = ended
                        && self.queues.get(&queue).is_some_and(UnboundedSender::is_closed)
                    {
                        self.queues.remove(&queue);
                    }
                }
                _ = &mut stop, if open => open = false,
            }
        }
    }

    fn hand(&mut self, queue: Queue, scripts: Vec<Script>) {
        let scripts = match self.queues.get(&queue) {
            Some(task) => match task.send(scripts) {
                Ok(()) => return,
                // Its task has just ended.
                Err(refused) => refused.0,
            },
            None => scripts,
        };
        let (sender, inbox) = mpsc::unbounded_channel();
        // The other end stands here.
        sender.send(scripts).ok();
        let places = match &queue {
            Queue::Vrrp(_) => None,
            Queue::Server(_) => Some(Arc::clone(&self.places)),
        };
        let task = Task {
            turn: Turn::default(),
            running: JoinSet::new(),
            started: None,
            places,
            patience: self.patience,
            hurry: self.hurry.clone(),
        };
        self.queues.insert(queue.clone(), sender);
        self.tasks.spawn(async move {
            task.run(&queue, inbox).await;
            queue
        });
    }
}

/// One queue.
struct Task {
    turn: Turn<Script>,
    /// One, and those that are no longer waited for.
    running: JoinSet<()>,
    /// Hears of it when the last one is started.
    started: Option<oneshot::Receiver<()>>,
    places: Option<Arc<Semaphore>>,
    patience: Duration,
    hurry: watch::Receiver<bool>,
}

impl Task {
    async fn run(mut self, queue: &Queue, mut inbox: UnboundedReceiver<Vec<Script>>) {
        while let Ok(scripts) = inbox.try_recv() {
            self.take(queue, scripts);
        }
        loop {
            if self.turn.give_up(clock::now()) {
                warn!(
                    "a notify script has run for {PATIENCE:?}; the next one does not wait for it"
                );
                self.running.detach_all();
            }
            // The desk lives on the same thread: nothing is handed in between this and the end.
            if self.turn.is_idle() && inbox.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                Some(scripts) = inbox.recv() => self.take(queue, scripts),
                () = self.work() => {}
            }
        }
    }

    /// The next thing that happens in the queue. Nothing is lost when it is dropped.
    async fn work(&mut self) {
        tokio::select! {
            place = place(self.places.as_ref(), self.hurry.clone()), if self.turn.is_ready() => {
                if let Some(script) = self.turn.start(clock::now()) {
                    let (starts, started) = oneshot::channel();
                    self.started = Some(started);
                    self.running.spawn(one(script, place, self.patience, starts));
                }
            }
            Some(_ended) = self.running.join_next() => self.turn.ended(),
            () = wait_until(self.turn.poll_timeout()) => {}
            () = left_alone(&mut self.hurry, &mut self.started), if self.turn.is_running() => {
                self.running.detach_all();
                self.turn.ended();
            }
        }
    }

    fn take(&mut self, queue: &Queue, scripts: Vec<Script>) {
        if !self.turn.push(scripts) {
            warn!("too many events of {queue:?} wait for notify scripts; the oldest is skipped");
        }
    }
}

/// A place among those that are limited; `None`: there is no limit, or no time.
async fn place(
    places: Option<&Arc<Semaphore>>,
    mut hurry: watch::Receiver<bool>,
) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        // It is never closed.
        place = Arc::clone(places?).acquire_owned() => place.ok(),
        () = hurried(&mut hurry) => None,
    }
}

/// Until there is no time to wait for others; if there always is, for ever.
async fn hurried(hurry: &mut watch::Receiver<bool>) {
    if hurry.wait_for(|hurry| *hurry).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// What runs is started, and nobody waits for its end.
async fn left_alone(
    hurry: &mut watch::Receiver<bool>,
    started: &mut Option<oneshot::Receiver<()>>,
) {
    hurried(hurry).await;
    if let Some(starts) = started {
        // Dropped: it could not be started.
        starts.await.ok();
        *started = None;
    }
}

async fn one(
    script: Script,
    place: Option<OwnedSemaphorePermit>,
    patience: Duration,
    started: oneshot::Sender<()>,
) {
    let name = script.program.display();
    // The start counts: a file system that hangs must not keep a place either.
    let mut ended = pin!(async {
        match start(&script, Abandoned::GoesOn).await {
            Ok(running) => {
                started.send(()).ok();
                running.wait().await
            }
            Err(reason) => Outcome::NotRun(reason),
        }
    });
    let outcome = match timeout(patience, &mut ended).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => {
            drop(place);
            ended.await
        }
    };
    match outcome {
        // Without a limit it cannot time out.
        Outcome::Exited(0) | Outcome::TimedOut | Outcome::NotStarted => {}
        Outcome::Exited(126) => info!("Couldn't execute command: {}", script.command),
        Outcome::Exited(127) => info!("Couldn't find command: {}", script.command),
        Outcome::Exited(status) => info!("notify script {name} exited with status {status}"),
        Outcome::Signalled(signal) => info!("notify script {name} ended by signal {signal}"),
        Outcome::NotRun(reason) => {
            warn!("Error exec-ing command '{}': {reason}", script.command);
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
