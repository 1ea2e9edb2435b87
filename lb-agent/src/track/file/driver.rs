//! Watches track files with inotify (inotify(7)) and reads them when they change.
//!
//! It watches folders, not files: a file may be missing, and may be replaced by a rename. A file
//! behind a symbolic link is watched at both ends. A folder that does not exist (yet) is looked for
//! once a second; keepalived forgets such a file.
//!
//! One task on the agent's runtime decides. What may hang, `look()`, is done elsewhere, for each
//! file once at a time ([`blocking`]); a file that has not answered for a second keeps the value that
//! it had, also before a reload, at first 0, and that is said.

mod look;

use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};
use serde::Serialize;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep_until;
use tracing::{info, warn};

use self::look::{Found, Place, look};
use super::{InitFile, Settings, Value};
use crate::runtime::{blocking, clock};
use crate::track::wait_for;

/// How often a missing folder is looked for, and how long a file may take to answer.
const LOOK: Duration = Duration::from_secs(1);

/// A file has another value than before, or its first.
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

/// Makes `files` as `init_file` has it, reads and watches them, on the runtime of the caller. At a
/// reload (`before`: what those that stay had until now, by name) none is written over. What stands
/// in each goes to `changed` within a second, and later every other value; it must not block.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn spawn(
    files: &[Settings],
    before: Option<&[Status]>,
    changed: impl Fn(Event) + Send + 'static,
) -> io::Result<Handle> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
    let inotify = Arc::new(inotify);
    let (board, status) = watch::channel(Vec::new());
    let mut watcher = Watcher {
        files: files.iter().map(|it| File::new(it, before)).collect(),
        events: wait_for(Descriptor(Arc::clone(&inotify)))?,
        inotify,
        looks: JoinSet::new(),
        board,
        changed,
    };
    watcher.show();
    let task = tokio::spawn(async move { watcher.run().await });
    Ok(Handle { status, task })
}

#[derive(Debug)]
struct File {
    settings: Settings,
    /// What `init_file` still has to do, and whether this is a reload.
    init: Option<(InitFile, bool)>,
    /// `None`: nothing has been told.
    value: Option<Value>,
    /// What it counts as until then.
    before: Value,
    /// The last number that was out of range, so that it is said once.
    refused: Option<i64>,
    /// The names it has, link and target.
    places: Vec<Place>,
    /// When to look again for a folder that is missing; `None`: every folder is watched.
    again: Option<Instant>,
    looking: Option<Looking>,
}

/// Somebody looks at a file.
#[derive(Clone, Copy, Debug)]
struct Looking {
    since: Instant,
    /// It may have changed meanwhile: look again.
    again: bool,
    /// That it takes long has been said.
    said: bool,
}

impl File {
    fn new(settings: &Settings, before: Option<&[Status]>) -> Self {
        let mut known = before.into_iter().flatten();
        let known = known.find(|it| it.name == settings.name);
        let reload = before.is_some();
        Self {
            settings: settings.clone(),
            init: settings.init_file.map(|init| (init, reload)),
            value: None,
            before: known.map_or(0, |it| it.value),
            refused: None,
            places: Vec::new(),
            again: None,
            looking: None,
        }
    }

    /// Whether one of these may be of it. While somebody looks at it all may.
    fn concerns(&self, events: &[InotifyEvent]) -> bool {
        let is_of = |event: &InotifyEvent| {
            let mut places = self.places.iter();
            places.any(|place| place.folder == event.wd && event.name.as_ref() == Some(&place.name))
        };
        !events.is_empty() && (self.looking.is_some() || events.iter().any(is_of))
    }

    /// Takes what was found; whether it may have changed since.
    fn take(&mut self, found: Found, now: Instant) -> bool {
        self.places = found.places;
        self.again = (!found.complete).then(|| now + LOOK);
        let looking = self.looking.take();
        if looking.is_some_and(|looking| looking.said) {
            let (name, path) = (&self.settings.name, self.settings.path.display());
            info!("track file {name}: {path} answers again");
        }
        looking.is_some_and(|looking| looking.again)
    }

    /// The value that follows from what was read; `None`: it stays.
    fn judge(&mut self, read: Result<Value, i64>) -> Option<Value> {
        match read {
            Ok(value) => {
                self.refused = None;
                Some(value)
            }
            Err(number) => {
                if self.refused.replace(number) != Some(number) {
                    let path = self.settings.path.display();
                    info!("Invalid number {number} read from {path} - ignoring");
                }
                self.value.is_none().then_some(self.before)
            }
        }
    }

    /// When to look for what is missing, or to say that it does not answer.
    fn poll_timeout(&self) -> Option<Instant> {
        match self.looking {
            Some(looking) => (!looking.said).then(|| looking.since + LOOK),
            None => self.again,
        }
    }

    /// Says that it takes long, if it does; the value that it counts as for now.
    fn is_late(&mut self, now: Instant) -> Option<Value> {
        let looking = self.looking.as_mut()?;
        if looking.said || now < looking.since + LOOK {
            return None;
        }
        looking.said = true;
        let value = self.value.unwrap_or(self.before);
        let (name, path) = (&self.settings.name, self.settings.path.display());
        warn!(
            "track file {name}: {path} has not answered for {LOOK:?}, does its file system hang? \
             Until it answers it counts as {value}"
        );
        Some(value)
    }
}

struct Descriptor(Arc<Inotify>);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

struct Watcher<F> {
    files: Vec<File>,
    events: AsyncFd<Descriptor>,
    inotify: Arc<Inotify>,
    /// What comes of each look, and the place of its file.
    looks: JoinSet<(usize, Option<Found>)>,
    board: watch::Sender<Vec<Status>>,
    changed: F,
}

impl<F: Fn(Event)> Watcher<F> {
    async fn run(&mut self) {
        self.look_at(|_all| true);
        loop {
            let again = self.poll_timeout();
            tokio::select! {
                Some(found) = self.looks.join_next() => {
                    if let Ok((place, found)) = found {
                        self.found(place, found);
                    }
                }
                events = events(&self.events) => {
                    let all = events.is_empty() || events.iter().any(|event| lost(event.mask));
                    self.look_at(|file| all || file.concerns(&events));
                }
                () = wait_until(again) => self.look_around(clock::now()),
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.files.iter().filter_map(File::poll_timeout).min()
    }

    fn look_around(&mut self, now: Instant) {
        for place in 0..self.files.len() {
            let late = self.files.get_mut(place).and_then(|it| it.is_late(now));
            if let Some(value) = late {
                self.becomes(place, value);
            }
        }
        self.look_at(|file| file.looking.is_none() && file.again.is_some_and(|at| at <= now));
    }

    fn look_at(&mut self, wanted: impl Fn(&File) -> bool) {
        for place in 0..self.files.len() {
            if self.files.get(place).is_some_and(&wanted) {
                self.look(place);
            }
        }
    }

    /// Has somebody look at a file, once more if somebody does already.
    fn look(&mut self, place: usize) {
        let Some(file) = self.files.get_mut(place) else {
            return;
        };
        if let Some(looking) = &mut file.looking {
            looking.again = true;
            return;
        }
        file.looking = Some(Looking {
            since: clock::now(),
            again: false,
            said: false,
        });
        let (settings, init) = (file.settings.clone(), file.init.take());
        let inotify = Arc::clone(&self.inotify);
        self.looks.spawn(async move {
            let path: PathBuf = settings.path.clone();
            let found = blocking::call(&path, move || look(&settings, init, &inotify));
            (place, found.await.ok())
        });
    }

    fn found(&mut self, place: usize, found: Option<Found>) {
        let Some((file, found)) = self.files.get_mut(place).zip(found) else {
            return;
        };
        let read = found.value;
        let again = file.take(found, clock::now());
        if let Some(value) = file.judge(read) {
            self.becomes(place, value);
        }
        if again {
            self.look(place);
        }
    }

    fn becomes(&mut self, place: usize, value: Value) {
        let Some(file) = self.files.get_mut(place) else {
            return;
        };
        if file.value.replace(value) != Some(value) {
            self.show();
            (self.changed)(Event { file: place, value });
        }
    }

    fn show(&self) {
        let status = self.files.iter().map(|file| Status {
            name: file.settings.name.clone(),
            value: file.value.unwrap_or(file.before),
        });
        self.board.send_replace(status.collect());
    }
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

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
