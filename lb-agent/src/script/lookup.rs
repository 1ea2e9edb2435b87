//! Looks for programs without being held up: what a file system that hangs does not answer within
//! [`PATIENCE`] counts as not there, and nobody asks for its folder again.

use std::cell::RefCell;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use super::User;
use super::resolve::{Resolved, Rules, resolve};
use super::words::Words;
use crate::log_line::LogLine;

/// Longer than any disk takes to spin up.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is done on the thread; [`resolve`].
pub(super) type Work = fn(&Wanted) -> Resolved;

/// What is to be found.
#[derive(Debug)]
pub(super) struct Wanted {
    /// The command line.
    pub(super) command: String,
    /// Who runs it.
    pub(super) user: User,
    /// `enable_script_security`.
    pub(super) security: bool,
    /// `$PATH`.
    pub(super) path: Option<OsString>,
}

impl Wanted {
    pub(super) fn find(&self) -> Resolved {
        let rules = Rules {
            security: self.security,
            path: self.path.as_deref(),
        };
        resolve(&self.command, self.user, rules)
    }

    /// Where the program stands; of a name without a slash nowhere in particular.
    fn folder(&self) -> PathBuf {
        let words = Words::cut(&self.command).ok();
        let program = words.as_ref().and_then(|words| words.iter().next());
        let folder = program.and_then(|program| Path::new(program).parent());
        folder.map_or_else(PathBuf::new, Path::to_owned)
    }
}

/// One thread that looks, and another one when that hangs.
#[derive(Debug)]
pub(super) struct Lookup {
    work: Work,
    patience: Duration,
    thread: RefCell<Option<Thread>>,
    /// Folders that have not answered.
    hung: RefCell<HashSet<PathBuf>>,
}

#[derive(Debug)]
struct Thread {
    wanted: Sender<Wanted>,
    found: Receiver<Resolved>,
}

impl Default for Lookup {
    fn default() -> Self {
        Self::new(Wanted::find, PATIENCE)
    }
}

impl Lookup {
    fn new(work: Work, patience: Duration) -> Self {
        Self {
            work,
            patience,
            thread: RefCell::default(),
            hung: RefCell::default(),
        }
    }

    /// The folders that have not answered; of names without a slash an empty one.
    pub(super) fn hung(&self) -> Vec<PathBuf> {
        let mut hung: Vec<PathBuf> = self.hung.borrow().iter().cloned().collect();
        hung.sort_unstable();
        hung
    }

    /// Looks for a program; one that cannot be looked for is not there, and the lines say why.
    pub(super) fn find(&self, wanted: Wanted) -> Resolved {
        let (folder, command) = (wanted.folder(), wanted.command.clone());
        if self.hung.borrow().contains(&folder) {
            return hangs(&command);
        }
        let mut thread = self.thread.borrow_mut();
        if thread.is_none() {
            *thread = start(self.work);
        }
        let Some(looking) = thread.as_ref() else {
            return (self.work)(&wanted);
        };
        // It never ends by itself; if it has, that is seen below.
        looking.wanted.send(wanted).ok();
        match looking.found.recv_timeout(self.patience) {
            Ok(found) => found,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                *thread = None;
                self.hung.borrow_mut().insert(folder);
                hangs(&command)
            }
        }
    }
}

/// `None`: the system has no thread for us. It ends when nobody wants anything of it any more.
fn start(work: Work) -> Option<Thread> {
    let (wanted, inbox) = channel::<Wanted>();
    let (outbox, found) = channel();
    let look = move || {
        for wanted in inbox {
            if outbox.send(work(&wanted)).is_err() {
                return;
            }
        }
    };
    let builder = thread::Builder::new().name("scripts".into());
    builder.spawn(look).ok()?;
    Some(Thread { wanted, found })
}

fn hangs(command: &str) -> Resolved {
    let line = format!("Script {command} cannot be accessed - its file system does not answer");
    Resolved {
        script: None,
        lines: vec![LogLine::Warn(line)],
        insecure: false,
    }
}

#[cfg(test)]
mod tests;
