//! One agent for each instance name: two would undo each other's work in the same maps.
//!
//! The lock is the kernel's (`flock(2)`) on the folder of the status file, so it goes with the
//! process however that ends.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

/// The file that names the process, for people.
const PID: &str = "pid";

/// Why the name cannot be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another agent has it.
    #[error(
        "another lb-agent{} runs as instance `{instance}`: stop it first, or give this one a name \
         of its own with --instance", by(.pid.as_deref())
    )]
    Taken {
        /// The name.
        instance: String,
        /// The other process, if it has said so.
        pid: Option<String>,
    },
    /// The folder cannot be made or locked.
    #[error("cannot lock {}: {source}; are we root?", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn by(pid: Option<&str>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// A name, held until this is dropped; then its folder goes, unless something is left in it.
#[derive(Debug)]
pub struct InstanceLock {
    folder: PathBuf,
    locked: Flock<File>,
}

impl InstanceLock {
    /// Takes the name `instance`, whose files are in `folder`.
    pub fn take(instance: &str, folder: &Path) -> Result<Self, LockError> {
        let failed = |source| LockError::Folder {
            folder: folder.to_owned(),
            source,
        };
        let mut tries = 0..100;
        loop {
            // An agent that stops takes its folder along, and the one above if it was the last.
            let opened = match fs::create_dir_all(folder).and_then(|()| File::open(folder)) {
                Ok(opened) => opened,
                Err(error) if error.kind() == io::ErrorKind::NotFound && tries.next().is_some() => {
                    continue;
                }
                Err(error) => return Err(failed(error)),
            };
            match Flock::lock(opened, FlockArg::LockExclusiveNonblock) {
                Ok(locked) if is_still(&locked, folder) => {
                    fs::write(folder.join(PID), std::process::id().to_string()).map_err(failed)?;
                    return Ok(Self {
                        folder: folder.to_owned(),
                        locked,
                    });
                }
                // An agent that stopped in between took the folder along.
                Ok(_gone) => {}
                Err((_, Errno::EWOULDBLOCK)) => {
                    return Err(LockError::Taken {
                        instance: instance.to_owned(),
                        pid: fs::read_to_string(folder.join(PID)).ok(),
                    });
                }
                Err((_, errno)) => return Err(failed(errno.into())),
            }
        }
    }
}

impl Drop for InstanceLock {
    fn drop(&mut self) {
        if is_still(&self.locked, &self.folder) {
            let _gone = fs::remove_file(self.folder.join(PID));
            // What a crashed agent has left for `dump` stays.
            let _in_use = fs::remove_dir(&self.folder);
            // The last agent to go takes the folder of all along.
            let _shared = self.folder.parent().map(fs::remove_dir);
        }
    }
}

/// Whether the open folder is the one that has the name now.
fn is_still(opened: &File, folder: &Path) -> bool {
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (opened.metadata(), fs::metadata(folder)) {
        (Ok(opened), Ok(named)) => id(opened) == id(named),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

#[cfg(test)]
mod tests;
