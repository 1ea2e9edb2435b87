//! Runs the trackers' scripts, a task each.
//!
//! Lives on the agent's current-thread runtime, beside the health checks; the VRRP thread only gets
//! the [`Event`]s. It decides nothing itself.

use std::pin::Pin;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::process::{Abandoned, run};
use super::tracker::{Action, Settings, State, Tracker};
use super::{Outcome, Script};
use crate::runtime::clock;

/// A script has its first result, or another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The script, by its place in the configuration.
    pub script: usize,
    /// Up or down.
    pub up: bool,
}

/// A script now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// `None`: no result yet.
    pub up: Option<bool>,
    /// Exit status of the last run that exited; 0 before.
    pub last_status: u8,
}

/// The running scripts. Dropped, they are told to end (SIGTERM).
#[derive(Debug)]
pub struct Handle {
    status: Vec<watch::Receiver<Status>>,
    tasks: JoinSet<()>,
}

impl Handle {
    /// Every script now, in the order given. Waits for nobody.
    pub fn status(&self) -> Vec<Status> {
        let now = self.status.iter().map(|status| status.borrow().clone());
        now.collect()
    }

    /// Tells running scripts to end, and returns when no more events come.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Starts `scripts` on the runtime of the caller, all now. `changed` is called on that runtime and
/// must not block.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn(
    scripts: Vec<(Settings, Script)>,
    changed: impl Fn(Event) + Clone + Send + 'static,
) -> Handle {
    let mut tasks = JoinSet::new();
    let now = clock::now();
    let scripts = scripts.into_iter().enumerate();
    let status = scripts.map(|(place, (settings, script))| {
        let tracker = Tracker::new(settings, now);
        let (board, reader) = watch::channel(status(&tracker));
        let changed = changed.clone();
        let task = Task {
            tracker,
            script,
            board,
            changed: move |up| changed(Event { script: place, up }),
        };
        tasks.spawn(task.run());
        reader
    });
    Handle {
        status: status.collect(),
        tasks,
    }
}

struct Task<F> {
    tracker: Tracker,
    script: Script,
    board: watch::Sender<Status>,
    changed: F,
}

impl<F: Fn(bool)> Task<F> {
    async fn run(mut self) {
        let mut running = None;
        loop {
            self.tracker.handle_timeout(clock::now());
            let mut wanted = false;
            while let Some(action) = self.tracker.poll_action() {
                match action {
                    Action::Run => wanted = true,
                    Action::Log(line) => line.write(),
                    Action::Changed { up } => (self.changed)(up),
                }
            }
            self.board.send_replace(status(&self.tracker));
            if wanted {
                running = Some(Box::pin(one(
                    self.script.clone(),
                    self.tracker.settings().timeout,
                )));
            }
            let due = self.tracker.poll_timeout();
            tokio::select! {
                Some(outcome) = end_of(&mut running) => {
                    running = None;
                    self.tracker.handle_outcome(&outcome);
                }
                () = wait_until(due) => {}
            }
        }
    }
}

/// `None` if nothing runs.
async fn end_of(running: &mut Option<Pin<Box<impl Future<Output = Outcome>>>>) -> Option<Outcome> {
    match running {
        Some(run) => Some(run.await),
        None => None,
    }
}

async fn one(script: Script, timeout: Duration) -> Outcome {
    run(&script, Some(timeout), Abandoned::Terminate).await
}

fn status(tracker: &Tracker) -> Status {
    Status {
        name: tracker.settings().name.clone(),
        up: match tracker.state() {
            State::Init => None,
            State::Up => Some(true),
            State::Down => Some(false),
        },
        last_status: tracker.last_status(),
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
