//! When the state file is written, and by whom: records are copied here, a thread of its own makes
//! them text and writes it.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tracing::warn;

use super::Supervisor;
use crate::health::pool::Pool;
use crate::health::schedule::Records;
use crate::health::snapshot::{Checkers, Snapshot, VERSION};
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::priority::run_as_at_start;
use crate::runtime::state::{RESULTS_LAST, State, StateFile};

/// After a server went up or down, and else for the counters.
const AFTER_CHANGE: Duration = Duration::from_secs(5);
const AT_LEAST: Duration = Duration::from_secs(30);

/// The state file of one agent.
#[derive(Debug)]
pub(super) struct Memory {
    file: StateFile,
    pace: Pace,
    /// One that is being written.
    writing: Option<JoinHandle<()>>,
}

/// When it is time to write. Pure.
#[derive(Debug)]
struct Pace {
    last: Instant,
    changed: bool,
    /// Somebody has set something by hand.
    urgent: bool,
}

impl Pace {
    fn is_due(&self, now: Instant) -> bool {
        let wait = match (self.urgent, self.changed) {
            (true, _) => Duration::ZERO,
            (false, true) => AFTER_CHANGE,
            (false, false) => AT_LEAST,
        };
        now.saturating_duration_since(self.last) >= wait
    }

    const fn written(&mut self, now: Instant) {
        *self = Self {
            last: now,
            changed: false,
            urgent: false,
        };
    }
}

impl Memory {
    pub(super) fn new(file: StateFile) -> Self {
        Self {
            file,
            pace: Pace {
                last: clock::now(),
                changed: false,
                urgent: false,
            },
            writing: None,
        }
    }

    /// What an earlier agent has left, and whether its results still count; what cannot be used is
    /// said.
    pub(super) fn read(&self) -> Option<(State, bool)> {
        match self.file.read() {
            Ok(Some((state, age))) => Some((state, age <= RESULTS_LAST)),
            Ok(None) => None,
            Err(error) => {
                warn!("{error}");
                None
            }
        }
    }

    /// A server went up or down.
    pub(super) const fn note_change(&mut self) {
        self.pace.changed = true;
    }

    /// Something was set by hand.
    pub(super) const fn note_hand(&mut self) {
        self.pace.urgent = true;
    }

    fn is_due(&self) -> bool {
        let busy = self
            .writing
            .as_ref()
            .is_some_and(|task| !task.is_finished());
        !busy && self.pace.is_due(clock::now())
    }
}

/// Everything but the checkers.
fn state(director: &Director, checkers: Checkers) -> State {
    State {
        health: Snapshot {
            version: VERSION,
            checkers,
            pools: director.pools().iter().map(Pool::record).collect(),
        },
        gates: director.gates().clone(),
    }
}

impl Supervisor {
    /// Writes the state file when it is time. Without virtual servers there is nothing to remember.
    pub(super) fn remember(&mut self) {
        if self.director.pools().is_empty() || !self.memory.is_due() {
            return;
        }
        self.memory.pace.written(clock::now());
        let (file, records) = (self.memory.file.clone(), self.health.record());
        let state = state(&self.director, Checkers::new());
        let task = async move {
            let records = records.await;
            let write = move || write(&file, state, records);
            // Not on this thread; and the end of the process waits for nobody's disk.
            let thread = std::thread::Builder::new().name("state".into());
            let (done, wait) = tokio::sync::oneshot::channel();
            let spawned = thread.spawn(move || {
                run_as_at_start();
                write();
                done.send(()).ok();
            });
            match spawned {
                Ok(_thread) => {
                    wait.await.ok();
                }
                Err(error) => warn!("cannot start the thread that writes the state: {error}"),
            }
        };
        self.memory.writing = Some(tokio::spawn(task));
    }

    /// The last time, before the checks end.
    pub(super) async fn remember_at_end(&mut self) {
        if let Some(writing) = self.memory.writing.take() {
            writing.await.ok();
        }
        if self.director.pools().is_empty() {
            return;
        }
        let records = self.health.record().await;
        let state = state(&self.director, Checkers::new());
        write(&self.memory.file, state, records);
    }
}

fn write(file: &StateFile, mut state: State, records: Records) {
    state.health.checkers = records.named();
    if let Err(error) = file.write(&state) {
        let path = file.path().display();
        warn!("cannot write {path}: {error}; a restart will know nothing of the servers");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_are_written_at_once_changes_soon_and_counters_now_and_then() {
        let start = clock::now();
        let mut pace = Pace {
            last: start,
            changed: false,
            urgent: false,
        };
        assert!(!pace.is_due(start + AFTER_CHANGE));
        assert!(pace.is_due(start + AT_LEAST));
        pace.changed = true;
        assert!(!pace.is_due(start));
        assert!(pace.is_due(start + AFTER_CHANGE));
        pace.urgent = true;
        assert!(pace.is_due(start));
        pace.written(start);
        assert!(!pace.is_due(start + AFTER_CHANGE));
    }
}
