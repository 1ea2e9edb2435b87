//! Notify scripts of instances and groups: a task a subject runs them one after another.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout_at};
use tracing::{info, warn};

use super::event::{Event, State, Subject, What};
use super::turn::{PATIENCE, Turn};
use crate::runtime::clock;
use crate::script::process::{Abandoned, run};
use crate::script::{Outcome, Script};

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
    /// `notify_deleted`.
    pub deleted: Option<Script>,
    /// `notify_master_rx_lower_pri`.
    pub master_rx_lower_pri: Option<Script>,
    /// `notify`.
    pub generic: Option<Script>,
    /// `notify_priority_changes`: the generic script is told of these, too.
    pub priority_changes: bool,
}

impl Scripts {
    /// What is run for an event, in keepalived's order: the one for the state, then the generic one
    /// with its arguments.
    pub fn for_event(&self, event: &Event) -> Vec<Script> {
        let (own, generic) = match event.what {
            What::Entered(State::Master) => (&self.master, true),
            What::Entered(State::Backup) => (&self.backup, true),
            What::Entered(State::Fault) => (&self.fault, true),
            What::Entered(State::Stop) => (&self.stop, true),
            What::Entered(State::Deleted) => (&self.deleted, true),
            What::MasterRxLowerPri => (&self.master_rx_lower_pri, false),
            What::Priority(_) => (&None, self.priority_changes),
        };
        let generic = self.generic.as_ref().filter(|_| generic);
        let generic = generic.map(|script| script.with_arguments(event.arguments()));
        own.iter().cloned().chain(generic).collect()
    }
}

/// Where events are told. Cheap to clone, from any thread; telling never waits.
#[derive(Clone, Debug)]
pub struct Notifier {
    subjects: Arc<BTreeMap<Subject, UnboundedSender<Event>>>,
}

impl Notifier {
    /// Tells an event. One of a subject without scripts is nobody's.
    pub fn tell(&self, event: Event) {
        if let Some(subject) = self.subjects.get(&event.subject) {
            // Nobody there any more: the agent ends.
            subject.send(event).ok();
        }
    }
}

/// The running notifications. Dropped, what runs goes on, and what waits is never run.
#[derive(Debug)]
pub struct Handle {
    notifier: Notifier,
    tasks: JoinSet<()>,
    /// Dropped, its task takes no more events.
    stopping: Vec<oneshot::Sender<()>>,
}

impl Handle {
    /// Where to tell.
    pub fn notifier(&self) -> Notifier {
        self.notifier.clone()
    }

    /// Runs what was told until now, for at most `limit`; what takes longer goes on by itself.
    pub async fn finish(mut self, limit: Duration) {
        let deadline = clock::now() + limit;
        self.stopping.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout_at(deadline.into(), all).await.is_err() {
            warn!("notify scripts are still running after {limit:?}; they are left to themselves");
        }
    }
}

/// Starts a task for each subject on the runtime of the caller.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn(subjects: impl IntoIterator<Item = (Subject, Scripts)>) -> Handle {
    let mut tasks = JoinSet::new();
    let mut stopping = Vec::new();
    let subjects = subjects.into_iter().map(|(subject, scripts)| {
        let (sender, inbox) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        stopping.push(stop);
        let task = Task {
            scripts,
            turn: Turn::default(),
            running: JoinSet::new(),
        };
        tasks.spawn(task.run(inbox, stopped));
        (subject, sender)
    });
    let notifier = Notifier {
        subjects: Arc::new(subjects.collect()),
    };
    Handle {
        notifier,
        tasks,
        stopping,
    }
}

struct Task {
    scripts: Scripts,
    turn: Turn<Script>,
    /// One, and those that are no longer waited for.
    running: JoinSet<()>,
}

impl Task {
    async fn run(mut self, mut inbox: UnboundedReceiver<Event>, mut stop: oneshot::Receiver<()>) {
        let mut open = true;
        loop {
            let now = clock::now();
            if self.turn.give_up(now) {
                warn!(
                    "a notify script has run for {PATIENCE:?}; the next one does not wait for it"
                );
                self.running.detach_all();
            }
            if let Some(script) = self.turn.start(now) {
                self.running.spawn(one(script));
            }
            if !open && self.turn.is_idle() {
                return;
            }
            tokio::select! {
                // What was told before the end counts.
                biased;
                event = inbox.recv(), if open => match event {
                    Some(event) => self.take(&event),
                    None => open = false,
                },
                Some(_ended) = self.running.join_next() => self.turn.ended(),
                () = wait_until(self.turn.poll_timeout()) => {}
                _ = &mut stop, if open => open = false,
            }
        }
    }

    fn take(&mut self, event: &Event) {
        if !self.turn.push(self.scripts.for_event(event)) {
            let name = event.arguments().join(" ");
            warn!("too many events wait for notify scripts; the oldest is skipped before {name}");
        }
    }
}

async fn one(script: Script) {
    let name = script.program.display();
    match run(&script, None, Abandoned::GoesOn).await {
        // Without a limit it cannot time out.
        Outcome::Exited(0) | Outcome::TimedOut => {}
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
