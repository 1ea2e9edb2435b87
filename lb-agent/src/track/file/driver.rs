//! Watches track files with inotify (inotify(7)) and reads them when they change.
//!
//! It watches folders, not files: a file may be missing, and may be replaced by a rename. A file
//! behind a symbolic link is watched at both ends. A folder that does not exist (yet) is looked for
//! once a second; keepalived forgets such a file.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use serde::Serialize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;
use tracing::{info, warn};

use super::{Settings, Value};
use crate::runtime::clock;
use crate::track::wait_for;

/// How often a missing folder is looked for.
const LOOK: Duration = Duration::from_secs(1);

/// A file has another value than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The file, by its place in the configuration.
    pub file: usize,
    /// Its value.
    pub value: Value,
}

/// A file now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its name.
    pub name: String,
    /// Its value; 0 if it is missing.
    pub value: Value,
}

/// The watched files. Dropped, they are watched no more.
#[derive(Debug)]
pub struct Handle {
    status: watch::Receiver<Vec<Status>>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Every file now, in the order given. Waits for nobody.
    pub fn status(&self) -> Vec<Status> {
        self.status.borrow().clone()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads `files`, and watches them on the runtime of the caller. When it returns, [`Handle::status`]
/// has what stands in the files; later changes go to `changed`, which must not block.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn spawn(files: &[Settings], changed: impl Fn(Event) + Send + 'static) -> io::Result<Handle> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let (board, status) = watch::channel(Vec::new());
    let mut watcher = Watcher {
        files: files.iter().map(File::new).collect(),
        inotify: wait_for(Descriptor(inotify))?,
        watches: HashMap::new(),
        complete: false,
        board,
    };
    watcher.watch();
    watcher.read_all(|_first| {});
    let task = tokio::spawn(async move { watcher.run(changed).await });
    Ok(Handle { status, task })
}

#[derive(Debug)]
struct File {
    name: String,
    path: PathBuf,
    value: Value,
    /// The last number that was out of range, so that it is said once.
    refused: Option<i64>,
}

impl File {
    fn new(settings: &Settings) -> Self {
        Self {
            name: settings.name.clone(),
            path: settings.path.clone(),
            value: 0,
            refused: None,
        }
    }

    /// Reads the file; whether its value has changed.
    fn read(&mut self) -> bool {
        match super::read(&self.path) {
            Ok(value) => {
                self.refused = None;
                std::mem::replace(&mut self.value, value) != value
            }
            Err(number) => {
                if self.refused.replace(number) != Some(number) {
                    let path = self.path.display();
                    info!("Invalid number {number} read from {path} - ignoring");
                }
                false
            }
        }
    }

    /// The names it has, link and target.
    fn places(&self) -> impl Iterator<Item = PathBuf> {
        let target = fs::canonicalize(&self.path).ok();
        [Some(self.path.clone()), target].into_iter().flatten()
    }
}

struct Descriptor(Inotify);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

struct Watcher {
    files: Vec<File>,
    inotify: AsyncFd<Descriptor>,
    /// The folder behind each descriptor.
    watches: HashMap<WatchDescriptor, PathBuf>,
    /// Every folder is watched.
    complete: bool,
    board: watch::Sender<Vec<Status>>,
}

impl Watcher {
    async fn run(mut self, changed: impl Fn(Event)) {
        loop {
            let again = (!self.complete).then(|| clock::now() + LOOK);
            let events = tokio::select! {
                events = events(&self.inotify) => events,
                () = wait_until(again) => Vec::new(),
            };
            if events.is_empty() || events.iter().any(|event| lost(event.mask)) {
                self.watch();
                self.read_all(&changed);
                continue;
            }
            let concerned: Vec<usize> = (0..self.files.len())
                .filter(|place| self.concerns(*place, &events))
                .collect();
            if !concerned.is_empty() {
                // A link may lead elsewhere now.
                self.watch();
            }
            for place in concerned {
                self.read(place, &changed);
            }
        }
    }

    fn concerns(&self, place: usize, events: &[InotifyEvent]) -> bool {
        let Some(file) = self.files.get(place) else {
            return false;
        };
        file.places().any(|path| {
            events.iter().any(|event| {
                self.watches.get(&event.wd).map(PathBuf::as_path) == folder(&path)
                    && event.name.as_deref() == path.file_name()
            })
        })
    }

    /// Watches every folder that a file's names stand in. What is watched already stays so.
    fn watch(&mut self) {
        let flags = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        self.complete = true;
        for path in self.files.iter().flat_map(File::places) {
            let Some(folder) = folder(&path) else {
                continue;
            };
            match self.inotify.get_ref().0.add_watch(folder, flags) {
                Ok(watch) => drop(self.watches.insert(watch, folder.to_owned())),
                Err(_missing) => self.complete = false,
            }
        }
    }

    fn read_all(&mut self, changed: impl Fn(Event)) {
        for place in 0..self.files.len() {
            self.read(place, &changed);
        }
        self.show();
    }

    fn read(&mut self, place: usize, changed: impl Fn(Event)) {
        let Some(file) = self.files.get_mut(place) else {
            return;
        };
        if file.read() {
            let value = file.value;
            self.show();
            changed(Event { file: place, value });
        }
    }

    fn show(&self) {
        let status = self.files.iter().map(|file| Status {
            name: file.name.clone(),
            value: file.value,
        });
        self.board.send_replace(status.collect());
    }
}

/// The folder that an entry stands in; of a bare name the working directory.
fn folder(path: &Path) -> Option<&Path> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    })
}

/// Events were lost, or a folder is gone: look at everything again.
fn lost(mask: AddWatchFlags) -> bool {
    mask.intersects(
        AddWatchFlags::IN_Q_OVERFLOW
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_IGNORED,
    )
}

/// The next events; none after an error, which is said.
async fn events(inotify: &AsyncFd<Descriptor>) -> Vec<InotifyEvent> {
    let read = |inotify: &Descriptor| inotify.0.read_events().map_err(Into::into);
    match inotify.async_io(Interest::READABLE, read).await {
        Ok(events) => events,
        Err(error) => {
            warn!("inotify read() returned error {error}");
            sleep_until((clock::now() + LOOK).into()).await;
            Vec::new()
        }
    }
}

async fn wait_until(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
