//! A notify FIFO: one whole line an event, for a reader that may be slow or gone.
//!
//! The FIFO is opened for reading and writing, as keepalived does, so that no reader is needed and
//! none that leaves is noticed. A line is shorter than `PIPE_BUF`, so the kernel takes it whole or
//! not at all (pipe(7)); what does not fit waits. When too much waits the oldest lines go.
//!
//! `notify_fifo_script` is started with the name of the FIFO as its last argument, and ended with
//! the FIFO. keepalived does not start it again when it ends by itself; nor do we: a reload does.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, lchown};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc::O_NONBLOCK;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use thiserror::Error;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout_at;
use tracing::{info, warn};

use crate::runtime::clock;
use crate::script::process::{Abandoned, run};
use crate::script::{Outcome, Script, User};
use crate::track::wait_for;

/// Lines that may wait for a reader, beyond the 64 KiB that the kernel keeps.
pub const MOST_WAITING: usize = 4096;

/// The longest line that the kernel takes whole (`PIPE_BUF`).
const LONGEST: usize = 4096;

/// How long a start or a reload waits for the file systems of its FIFOs.
const PATIENCE: Duration = Duration::from_secs(5);

/// `notify_fifo`, `vrrp_notify_fifo` or `lvs_notify_fifo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `""`, `"vrrp "` or `"lvs "`: for the log.
    pub kind: &'static str,
    /// Where it is; made if it does not exist.
    pub path: PathBuf,
    /// Whom it is given, if not us.
    pub owner: Option<User>,
    /// The mode it is made with; keepalived's umask leaves 0600.
    pub mode: u32,
    /// `notify_fifo_script`, without the name of the FIFO.
    pub script: Option<Script>,
}

/// Why there is no FIFO.
#[derive(Debug, Error)]
pub enum FifoError {
    /// It could not be made.
    #[error("Unable to create {kind}notify fifo {}: {source}", path.display())]
    Create {
        /// As in [`Settings::kind`].
        kind: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be opened.
    #[error("Unable to open {kind}notify fifo {} - {source}", path.display())]
    Open {
        /// As in [`Settings::kind`].
        kind: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Something else stands there.
    #[error("Unable to open {kind}notify fifo {} - it is not a FIFO; remove it", path.display())]
    Other {
        /// As in [`Settings::kind`].
        kind: &'static str,
        /// Where.
        path: PathBuf,
    },
}

/// A FIFO that was opened, and nothing written to yet.
#[derive(Debug)]
pub struct Fifo {
    file: File,
    identity: Identity,
}

/// Which file it is, whatever its name leads to by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

/// An open FIFO. Dropped, its script is told to end (SIGTERM) and what waits is lost.
#[derive(Debug)]
pub struct Handle {
    lines: UnboundedSender<String>,
    task: JoinHandle<()>,
    script: Option<JoinHandle<()>>,
    identity: Identity,
}

/// Where lines are written. Cheap to clone, from any thread; writing never waits.
#[derive(Clone, Debug)]
pub struct Writer(UnboundedSender<String>);

impl Writer {
    /// Writes one line, which has its end.
    pub fn write(&self, line: String) {
        // Nobody there any more: the agent ends.
        self.0.send(line).ok();
    }
}

impl Handle {
    /// Where to write.
    pub fn writer(&self) -> Writer {
        Writer(self.lines.clone())
    }

    /// Whether what is written goes there: it does not when somebody has deleted the FIFO and it was made
    /// anew.
    pub fn writes_to(&self, fifo: &Fifo) -> bool {
        self.identity == fifo.identity
    }

    /// Ends the script, and writes what waits for another reader, for at most `limit`: the FIFO has
    /// other settings from now on.
    pub async fn retire(mut self, limit: Duration) {
        if let Some(script) = self.script.take() {
            script.abort();
        }
        self.finish(limit).await;
    }

    /// Writes what waits, for at most `limit`, and ends the script.
    pub async fn finish(mut self, limit: Duration) {
        // A line without anything asks the task to end when all before it is written.
        self.lines.send(String::new()).ok();
        let deadline = clock::now() + limit;
        // Its reader may be gone: then that is all we can do.
        timeout_at(deadline.into(), &mut self.task).await.ok();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
        if let Some(script) = &self.script {
            script.abort();
        }
    }
}

/// Writes to `fifo`, which [`open_all`] has opened, and starts its script, on the runtime of the caller.
///
/// # Panics
///
/// Outside of a tokio runtime.
pub fn spawn(settings: &Settings, fifo: Fifo) -> Result<Handle, FifoError> {
    let Fifo { file, identity } = fifo;
    let fifo = wait_for(file).map_err(|source| FifoError::Open {
        kind: settings.kind,
        path: settings.path.clone(),
        source,
    })?;
    let (lines, inbox) = mpsc::unbounded_channel();
    let name = format!("{}notify fifo {}", settings.kind, settings.path.display());
    let task = tokio::spawn(Task::new(name, fifo).run(inbox));
    let script = settings.script.as_ref().map(|script| {
        let script = script.with_arguments([settings.path.as_os_str()]);
        let kind = match settings.kind {
            "" => "vrrp ",
            kind => kind,
        };
        tokio::spawn(read_by(script, kind))
    });
    Ok(Handle {
        lines,
        task,
        script,
        identity,
    })
}

/// Opens FIFOs, and makes those that are not there; gives them in their order. Each is opened by a
/// thread of its own, for which nobody waits longer than five seconds: a file system that hangs never
/// answers.
pub fn open_all<'a>(all: impl IntoIterator<Item = &'a Settings>) -> Vec<Result<Fifo, FifoError>> {
    let begin = |settings: &'a Settings| (settings, begin_to_open(settings));
    let begun: Vec<_> = all.into_iter().map(begin).collect();
    let deadline = clock::now() + PATIENCE;
    let end = |(settings, opening): (&Settings, io::Result<Receiver<_>>)| {
        let left = deadline.saturating_duration_since(clock::now());
        let hangs = |_late| io::Error::new(ErrorKind::TimedOut, "its file system does not answer");
        let opened = opening.and_then(|opened| opened.recv_timeout(left).map_err(hangs));
        opened.unwrap_or_else(|source| {
            Err(FifoError::Open {
                kind: settings.kind,
                path: settings.path.clone(),
                source,
            })
        })
    };
    begun.into_iter().map(end).collect()
}

fn begin_to_open(settings: &Settings) -> io::Result<Receiver<Result<Fifo, FifoError>>> {
    let (sender, receiver) = channel();
    let settings = settings.clone();
    // Who has waited too long is gone.
    let work = move || sender.send(open(&settings)).ok();
    thread::Builder::new().name("fifo".into()).spawn(work)?;
    Ok(receiver)
}

fn open(settings: &Settings) -> Result<Fifo, FifoError> {
    let Settings { kind, ref path, .. } = *settings;
    make(settings).map_err(|source| FifoError::Create {
        kind,
        path: path.clone(),
        source,
    })?;
    let other = || FifoError::Other {
        kind,
        path: path.clone(),
    };
    let failed = |source| FifoError::Open {
        kind,
        path: path.clone(),
        source,
    };
    // Opened for writing, some devices act at once.
    if !fs::metadata(path).map_err(failed)?.file_type().is_fifo() {
        return Err(other());
    }
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(O_NONBLOCK)
        .open(path);
    let file = opened.map_err(failed)?;
    // It may be something else since.
    let found = file.metadata().map_err(failed)?;
    if !found.file_type().is_fifo() {
        return Err(other());
    }
    let identity = Identity {
        device: found.dev(),
        inode: found.ino(),
    };
    Ok(Fifo { file, identity })
}

/// Makes it unless something stands there.
fn make(settings: &Settings) -> io::Result<()> {
    match mkfifo(&settings.path, Mode::from_bits_truncate(settings.mode)) {
        Ok(()) => {}
        Err(Errno::EEXIST) => return Ok(()),
        Err(errno) => return Err(errno.into()),
    }
    match settings.owner {
        // Not what somebody has put there since: a link would give away what it leads to.
        Some(User { uid, gid }) => lchown(&settings.path, Some(uid), Some(gid)),
        None => Ok(()),
    }
}

async fn read_by(script: Script, kind: &'static str) {
    match run(&script, None, Abandoned::Terminate).await {
        Outcome::NotRun(reason) => warn!(
            "Error exec-ing command '{}': {reason}; the FIFO has no reader",
            script.command
        ),
        Outcome::Exited(_) | Outcome::Signalled(_) | Outcome::TimedOut | Outcome::NotStarted => {
            info!("{kind}notify fifo script terminated");
        }
    }
}

struct Task {
    name: String,
    fifo: AsyncFd<File>,
    waiting: VecDeque<String>,
    /// Lines were lost, and that was said.
    full: bool,
}

impl Task {
    const fn new(name: String, fifo: AsyncFd<File>) -> Self {
        Self {
            name,
            fifo,
            waiting: VecDeque::new(),
            full: false,
        }
    }

    async fn run(mut self, mut inbox: UnboundedReceiver<String>) {
        let mut open = true;
        while open || !self.waiting.is_empty() {
            tokio::select! {
                line = inbox.recv(), if open => match line {
                    Some(line) if !line.is_empty() => self.push(line),
                    Some(_) | None => open = false,
                },
                result = write(&self.fifo, self.waiting.front()) => match result {
                    Ok(()) => {
                        self.waiting.pop_front();
                        self.full &= !self.waiting.is_empty();
                    }
                    Err(error) => {
                        warn!("cannot write to {}: {error}; no more events go there", self.name);
                        return;
                    }
                },
            }
        }
    }

    fn push(&mut self, line: String) {
        if line.len() > LONGEST {
            return warn!(
                "a line of {} bytes is too long for {}",
                line.len(),
                self.name
            );
        }
        self.waiting.push_back(line);
        if self.waiting.len() <= MOST_WAITING {
            return;
        }
        self.waiting.pop_front();
        if !self.full {
            warn!("nobody reads {}; the oldest events are skipped", self.name);
            self.full = true;
        }
    }
}

/// Writes a line as soon as there is room; never ends without one.
async fn write(fifo: &AsyncFd<File>, line: Option<&String>) -> io::Result<()> {
    let Some(line) = line else {
        return std::future::pending().await;
    };
    let write = |mut fifo: &File| fifo.write_all(line.as_bytes());
    fifo.async_io(Interest::WRITABLE, write).await
}

#[cfg(test)]
mod tests;
