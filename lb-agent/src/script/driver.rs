//! Runs the trackers' scripts, a task each.
//!
//! Lives on the agent's current-thread runtime, beside the health checks; the VRRP thread only gets
//! results. It decides nothing itself.

use std::pin::Pin;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::process::{Abandoned, run};
use super::tracker::{Action, Settings, State, Tracker};
use super::{Outcome, Script};
use crate::runtime::clock;

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
#[derive(Debug, Default)]
pub struct Handle {
    scripts: Vec<Watched>,
}

/// A script with its task.
#[derive(Debug)]
struct Watched {
    settings: Settings,
    script: Script,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Handle {
    /// Every script now, in the order given. Waits for nobody.
    pub fn status(&self) -> Vec<Status> {
        let scripts = self.scripts.iter();
        scripts.map(|it| it.status.borrow().clone()).collect()
    }

    /// Tells running scripts to end, and returns when no more events come.
    pub async fn stop(mut self) {
        for script in &mut self.scripts {
            script.task.abort();
            // Cancelled, which is what was wanted.
            (&mut script.task).await.ok();
        }
    }

    /// Other scripts from now on, after a reload. Those that stay as they are go on, with their
    /// results; of those that are new, one that was up under its name does not begin with
    /// `init_fail`. The others are told to end.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn go_on(
        mut self,
        scripts: Vec<(Settings, Script)>,
        changed: impl Fn(&str, bool) + Clone + Send + 'static,
    ) -> Self {
        let now = clock::now();
        let next = scripts.into_iter().map(|(settings, script)| {
            let same = |it: &Watched| it.settings == settings && it.script == script;
            if let Some(place) = self.scripts.iter().position(same) {
                return self.scripts.swap_remove(place);
            }
            let mut before = self.scripts.iter().map(|it| it.status.borrow());
            let was_up = before.any(|it| it.name == settings.name && it.up == Some(true));
            watch(settings, script, was_up, changed.clone(), now)
        });
        let scripts = next.collect();
        Self { scripts }
    }
}

/// Starts `scripts` on the runtime of the caller, all now. A script's first result, and every other
/// one than before, goes to `changed`, with its name; it is called on that runtime and must not
/// block.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn(
    scripts: Vec<(Settings, Script)>,
    changed: impl Fn(&str, bool) + Clone + Send + 'static,
) -> Handle {
    Handle::default().go_on(scripts, changed)
}

fn watch(
    settings: Settings,
    script: Script,
    was_up: bool,
    changed: impl Fn(&str, bool) + Send + 'static,
    now: Instant,
) -> Watched {
    let begins = Settings {
        init_fail: settings.init_fail && !was_up,
        ..settings.clone()
    };
    let tracker = Tracker::new(begins, now);
    let (board, reader) = watch::channel(status(&tracker));
    let name = settings.name.clone();
    let task = Task {
        tracker,
        script: script.clone(),
        board,
        changed: move |up| changed(&name, up),
    };
    Watched {
        settings,
        script,
        status: reader,
        task: tokio::spawn(task.run()),
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
