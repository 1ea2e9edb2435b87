//! What outlives the agent: `/var/lib/lb-agent/<instance>/state.json`, with the results and
//! counters of the checks, what operators have set by hand, and the gates of the instances.
//!
//! Replaced as a whole, so that whoever dies in the middle leaves the last one. A file that cannot
//! be used is said, and everything starts anew.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::dataplane::xdp::gate::Numbers;
use crate::health::snapshot::{Snapshot, VERSION};

/// Where the files of all agents are.
const FOLDER: &str = "/var/lib/lb-agent";

/// Results that are older say nothing about the servers now; what was set by hand counts on.
pub const RESULTS_LAST: Duration = Duration::from_mins(10);

/// Far more than 40 000 servers need; more is not ours.
const MAX_LEN: u64 = 512 * 1024 * 1024;

/// The contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// What health knows.
    #[serde(flatten)]
    pub health: Snapshot,
    /// The gate of each instance.
    #[serde(default)]
    pub gates: Numbers,
}

/// Why there is no state to go on from.
#[derive(Debug, Error)]
pub enum StateError {
    /// It cannot be read.
    #[error("cannot read {}: {source}; checks and weights start anew", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no state.
    #[error("{} is damaged, {source}; checks and weights start anew", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It is too large to be one.
    #[error("{} is too large to be ours; checks and weights start anew", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Another version has written it.
    #[error(
        "{} is of another version of lb-agent ({theirs}, not {VERSION}); checks and weights start \
         anew", .path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// That one.
        theirs: u32,
    },
}

/// The file of one agent.
#[derive(Clone, Debug)]
pub struct StateFile {
    path: PathBuf,
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl StateFile {
    /// The file of the agent called `instance`.
    pub fn new(instance: &str) -> Self {
        Self::in_folder(&Path::new(FOLDER).join(instance))
    }

    /// The file in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            path: folder.join("state.json"),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an earlier agent has left, and how long ago; `None`: nothing.
    pub fn read(&self) -> Result<Option<(State, Duration)>, StateError> {
        let path = || self.path.clone();
        let failed = |source| StateError::Read {
            path: path(),
            source,
        };
        let metadata = match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(failed)?,
        };
        if metadata.len() > MAX_LEN {
            return Err(StateError::TooLarge { path: path() });
        }
        let bytes = std::fs::read(&self.path).map_err(failed)?;
        let damaged = |source| StateError::Damaged {
            path: path(),
            source,
        };
        let Head { version } = serde_json::from_slice(&bytes).map_err(damaged)?;
        if version != VERSION {
            return Err(StateError::Version {
                path: path(),
                theirs: version,
            });
        }
        let state = serde_json::from_slice(&bytes).map_err(damaged)?;
        // A clock that was set back makes the file younger than it is.
        let modified = metadata.modified().map_err(failed)?;
        Ok(Some((state, modified.elapsed().unwrap_or_default())))
    }

    /// Replaces it.
    pub fn write(&self, state: &State) -> io::Result<()> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let new = self.path.with_extension("json.new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(state)?)?;
        // A machine that loses its power has the old file or the new one, not an empty one.
        file.sync_all()?;
        std::fs::rename(new, &self.path)?;
        match self.path.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::health::Hand;
    use crate::health::pool::{PoolRecord, ServerRecord};

    fn state() -> State {
        let server = ServerRecord {
            real_server: "[10.0.0.2]:tcp:80".into(),
            up: false,
            more_weight: -3,
            hand: Some(Hand::Weight(7)),
            told: true,
            slow_start: Some(1500),
        };
        State {
            health: Snapshot {
                version: VERSION,
                checkers: BTreeMap::new(),
                pools: vec![PoolRecord {
                    virtual_server: "[192.168.0.1]:tcp:80".into(),
                    has_quorum: true,
                    servers: vec![server],
                }],
            },
            gates: Numbers::default().assign(["VI_2", "VI_1"]),
        }
    }

    fn file() -> (tempfile::TempDir, StateFile) {
        let folder = tempfile::tempdir().unwrap();
        let file = StateFile::in_folder(&folder.path().join("edge"));
        (folder, file)
    }

    #[test]
    fn what_is_written_is_read_and_replaced_as_a_whole() {
        let (_folder, file) = file();
        assert!(file.read().unwrap().is_none());
        file.write(&state()).unwrap();
        file.write(&state()).unwrap();
        let (read, age) = file.read().unwrap().unwrap();
        assert_eq!(read, state());
        assert!(age < RESULTS_LAST);
        let left = std::fs::read_dir(file.path().parent().unwrap()).unwrap();
        assert_eq!(left.count(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_with_the_reason() {
        let (_folder, file) = file();
        file.write(&state()).unwrap();
        let good = std::fs::read(file.path()).unwrap();
        for (bytes, reason) in [
            (good[..good.len() / 2].to_vec(), "is damaged"),
            (Vec::new(), "is damaged"),
            (b"\xff\xfe".to_vec(), "is damaged"),
            (
                format!("{{\"version\": {VERSION}}}").into_bytes(),
                "is damaged",
            ),
            (br#"{"version": 99}"#.to_vec(), "another version"),
        ] {
            std::fs::write(file.path(), bytes).unwrap();
            let error = file.read().unwrap_err().to_string();
            assert!(
                error.contains(reason) && error.contains("state.json"),
                "{error}"
            );
        }
        std::fs::remove_file(file.path()).unwrap();
        std::fs::create_dir(file.path()).unwrap();
        assert!(file.read().unwrap_err().to_string().contains("cannot read"));
    }

    proptest! {
        #[test]
        fn no_damage_makes_it_panic(place in 0_usize..1000, byte in any::<u8>()) {
            let (_folder, file) = file();
            file.write(&state()).unwrap();
            let mut bytes = std::fs::read(file.path()).unwrap();
            let place = place % bytes.len();
            bytes[place] = byte;
            std::fs::write(file.path(), bytes).unwrap();
            let _any = file.read();
        }
    }
}
