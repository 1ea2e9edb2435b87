//! When the state file is written, and by whom: records are copied here, a thread of its own makes
//! them text and writes it.

use std::future::pending;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::warn;

use super::Supervisor;
use crate::health::schedule::Records;
use crate::health::snapshot::{Checkers, Snapshot, VERSION};
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::priority::run_as_at_start;
use crate::runtime::state::{RESULTS_LAST, State, StateFile};

/// From one change of a server that is written to the next; the first one is at once.
const BETWEEN_CHANGES: Duration = Duration::from_secs(5);

/// For the counters.
const AT_LEAST: Duration = Duration::from_secs(30);

/// Whether the file has what was set by hand; else why not.
pub(super) type Kept = Result<(), String>;

/// The state file of one agent.
#[derive(Debug)]
pub(super) struct Memory {
    file: StateFile,
    pace: Pace,
    /// One that is being written.
    writing: Option<JoinHandle<()>>,
    /// Who waits for the one after it.
    waiting: Vec<oneshot::Sender<Kept>>,
}

/// When it is time to write. Pure.
#[derive(Debug)]
struct Pace {
    last: Instant,
    /// When a change was last written; `None`: never.
    last_change: Option<Instant>,
    changed: bool,
    /// Somebody has set something by hand.
    urgent: bool,
}

impl Pace {
    const fn new(now: Instant) -> Self {
        Self {
            last: now,
            last_change: None,
            changed: false,
            urgent: false,
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let since = |at: Instant| now.saturating_duration_since(at);
        let change_is_due = || {
            let last = self.last_change;
            last.is_none_or(|at| since(at) >= BETWEEN_CHANGES)
        };
        self.urgent || (self.changed && change_is_due()) || since(self.last) >= AT_LEAST
    }

    const fn written(&mut self, now: Instant) {
        if self.changed {
            self.last_change = Some(now);
        }
        self.last = now;
        self.changed = false;
        self.urgent = false;
    }
}

impl Memory {
    pub(super) fn new(file: StateFile) -> Self {
        Self {
            file,
            pace: Pace::new(clock::now()),
            writing: None,
            waiting: Vec::new(),
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

    /// Something was set by hand; whether the file has it is told when that is known.
    pub(super) fn note_hand(&mut self) -> oneshot::Receiver<Kept> {
        self.pace.urgent = true;
        let (sender, kept) = oneshot::channel();
        self.waiting.push(sender);
        kept
    }

    /// When the file that is being written is there.
    pub(super) async fn written(&mut self) {
        if let Some(writing) = &mut self.writing {
            writing.await.ok();
        } else {
            pending::<()>().await;
        }
        self.writing = None;
    }

    fn is_due(&self) -> bool {
        self.writing.is_none() && self.pace.is_due(clock::now())
    }
}

/// Everything but the checkers.
fn state(director: &Director, checkers: Checkers) -> State {
    let (pools, now) = (director.pools().iter(), clock::now());
    State {
        health: Snapshot {
            version: VERSION,
            checkers,
            pools: pools.map(|pool| pool.record(now)).collect(),
        },
        gates: director.gates().clone(),
    }
}

impl Supervisor {
    /// Writes the state file when it is time. Without virtual servers there is nothing to remember.
    pub(super) fn remember(&mut self) {
        if self.director.pools().is_empty() {
            return tell(std::mem::take(&mut self.memory.waiting), &Ok(()));
        }
        if !self.memory.is_due() {
            return;
        }
        self.memory.pace.written(clock::now());
        let (file, records) = (self.memory.file.clone(), self.health.record());
        let state = state(&self.director, Checkers::new());
        let waiting = std::mem::take(&mut self.memory.waiting);
        let task = async move {
            let records = records.await;
            let write = move || write(&file, state, records);
            // Not on this thread; and the end of the process waits for nobody's disk.
            let thread = std::thread::Builder::new().name("state".into());
            let (done, wait) = oneshot::channel();
            let spawned = thread.spawn(move || {
                run_as_at_start();
                done.send(write()).ok();
            });
            let kept = match spawned {
                Ok(_thread) => {
                    let panicked = |_| Err("the thread that writes the state has ended".to_owned());
                    wait.await.unwrap_or_else(panicked)
                }
                Err(error) => {
                    let why = format!("cannot start the thread that writes the state: {error}");
                    warn!("{why}");
                    Err(why)
                }
            };
            tell(waiting, &kept);
        };
        self.memory.writing = Some(tokio::spawn(task));
    }

    /// The last time, before the checks end.
    pub(super) async fn remember_at_end(&mut self) {
        if let Some(writing) = self.memory.writing.take() {
            writing.await.ok();
        }
        let waiting = std::mem::take(&mut self.memory.waiting);
        if self.director.pools().is_empty() {
            return tell(waiting, &Ok(()));
        }
        let records = self.health.record().await;
        let state = state(&self.director, Checkers::new());
        tell(waiting, &write(&self.memory.file, state, records));
    }
}

/// Who has asked may have gone.
fn tell(waiting: Vec<oneshot::Sender<Kept>>, kept: &Kept) {
    for sender in waiting {
        sender.send(kept.clone()).ok();
    }
}

fn write(file: &StateFile, mut state: State, records: Records) -> Kept {
    state.health.checkers = records.named();
    file.write(&state).map_err(|error| {
        let path = file.path().display();
        warn!("cannot write {path}: {error}; a restart will know nothing of the servers");
        format!("cannot write {path}: {error}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hands_are_written_at_once_so_is_a_first_change_and_counters_now_and_then() {
        let start = clock::now();
        let mut pace = Pace::new(start);
        assert!(!pace.is_due(start + BETWEEN_CHANGES));
        assert!(pace.is_due(start + AT_LEAST));
        // Whatever was written a moment ago, nothing was of a change.
        pace.changed = true;
        assert!(pace.is_due(start));
        pace.written(start);
        assert!(!pace.is_due(start + BETWEEN_CHANGES));
        // The next ones go together.
        pace.changed = true;
        assert!(!pace.is_due(start + BETWEEN_CHANGES / 2));
        assert!(pace.is_due(start + BETWEEN_CHANGES));
        pace.urgent = true;
        assert!(pace.is_due(start));
        pace.written(start);
        assert!(!pace.is_due(start + BETWEEN_CHANGES));
        // Counters that were written meanwhile do not hold up a change.
        let later = start + AT_LEAST;
        pace.written(later);
        pace.changed = true;
        assert!(pace.is_due(later));
    }

    fn memory() -> Memory {
        Memory::new(StateFile::in_folder(std::path::Path::new("/nowhere")))
    }

    #[test]
    fn while_one_is_written_the_next_one_waits_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            let mut memory = memory();
            assert!(!memory.is_due());
            let mut kept = memory.note_hand();
            assert!(memory.is_due());
            let (end, ended) = oneshot::channel::<()>();
            memory.writing = Some(tokio::spawn(async move {
                ended.await.ok();
            }));
            assert!(!memory.is_due(), "one at a time");
            end.send(()).unwrap();
            memory.written().await;
            assert!(
                memory.is_due(),
                "what was set meanwhile is not in the first one"
            );
            assert!(kept.try_recv().is_err(), "nobody is told before it is kept");
            tell(std::mem::take(&mut memory.waiting), &Err("full".to_owned()));
            assert_eq!(kept.await.unwrap(), Err("full".to_owned()));
        });
    }
}
