//! Calls that a file system may never answer: reads of files, starts of programs.
//!
//! tokio has 512 threads for what blocks, for everybody. A network file system that hangs keeps one
//! for each call, for as long as it hangs: asked anew each second, it has all of them within
//! minutes, and then no mail is sent and no script starts, wherever it may be. So calls take
//! places, before they take a thread: there is one for each file, `IN_A_FOLDER` for all files of
//! a folder, and `AT_ALL`. A call without a place waits, and costs nothing; how long is for the
//! caller to say. One whose caller has gone keeps its places until it comes back.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, spawn_blocking};

/// Calls of one folder at a time: enough to keep both ends busy while it answers.
const IN_A_FOLDER: usize = 8;

/// Calls at a time: three quarters of tokio's threads. The rest looks up names.
const AT_ALL: usize = 384;

/// Known places, before those that nobody has any more are looked for.
const FIRST_SWEEP: usize = 64;

static PLACES: LazyLock<Places> = LazyLock::new(Places::default);

/// Does `work`, which is about the file at `path`, on a thread for what blocks, as soon as it has its
/// places. Dropped before, it is never done; dropped later, its result is.
///
/// # Errors
///
/// It panicked, or the runtime ends.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub async fn call<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    PLACES.call(path, work).await
}

/// Whose place it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    File(PathBuf),
    Folder(PathBuf),
}

#[derive(Debug)]
struct Places {
    all: Arc<Semaphore>,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// As long as somebody has one, or waits for it.
    places: HashMap<Key, Weak<Semaphore>>,
    next_sweep: usize,
}

impl Default for Places {
    fn default() -> Self {
        let known = Known {
            places: HashMap::new(),
            next_sweep: FIRST_SWEEP,
        };
        Self {
            all: Arc::new(Semaphore::new(AT_ALL)),
            known: Mutex::new(known),
        }
    }
}

impl Places {
    async fn call<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let places = self.enter(path).await;
        spawn_blocking(move || {
            let result = work();
            drop(places);
            result
        })
        .await
    }

    /// Always in this order, so that nobody holds what another one waits for without having the more
    /// particular place already.
    async fn enter(&self, path: &Path) -> [Option<OwnedSemaphorePermit>; 3] {
        let file = self.of(Key::File(path.to_owned()), 1);
        let folder = path.parent().unwrap_or(path).to_owned();
        let folder = self.of(Key::Folder(folder), IN_A_FOLDER);
        // None of them is ever closed.
        [
            file.acquire_owned().await.ok(),
            folder.acquire_owned().await.ok(),
            Arc::clone(&self.all).acquire_owned().await.ok(),
        ]
    }

    fn of(&self, key: Key, places: usize) -> Arc<Semaphore> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = known.places.get(&key).and_then(Weak::upgrade) {
            return semaphore;
        }
        if known.places.len() >= known.next_sweep {
            known.places.retain(|_, it| it.strong_count() > 0);
            known.next_sweep = FIRST_SWEEP.max(2 * known.places.len());
        }
        let semaphore = Arc::new(Semaphore::new(places));
        known.places.insert(key, Arc::downgrade(&semaphore));
        semaphore
    }
}

#[cfg(test)]
mod tests;
