//! What is ours in the kernel's IPVS: `/run/lb-agent/<instance>/ipvs.json`.
//!
//! The tables are everybody's, and an agent that is killed, or stopped with `-I`, leaves its
//! services there. The next one has to know which they are. The file is written before the kernel
//! is told, so nobody can die in between; a key that is not in the tables does no harm. It lies
//! where the tables do, in memory: after a boot nothing of it is true.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::status::StatusFile;
use crate::net::ipvs::{ServiceKey, Timeouts};

/// What one agent has put into the kernel beside its XDP program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Services.
    pub services: Vec<ServiceKey>,
    /// The nftables table that marks what groups serve.
    pub table: Option<String>,
    /// Sync daemons.
    pub daemons: bool,
    /// IPVS's time-outs as they were before `lvs_timeouts`.
    pub timeouts: Option<Timeouts>,
}

/// The file of one agent.
#[derive(Debug)]
pub struct ClaimsFile {
    path: PathBuf,
    written: Claims,
    failing: bool,
}

impl ClaimsFile {
    /// The file of the agent called `instance`, with what an earlier one has left there. One that
    /// cannot be read is said, and counts for nothing; one that makes no sense is removed.
    pub fn open(instance: &str) -> Self {
        Self::at(StatusFile::new(instance).folder().join("ipvs.json"))
    }

    fn at(path: PathBuf) -> Self {
        let read = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                // Nobody will ever make more of it.
                fs::remove_file(&path).ok();
                io::Error::from(error)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Claims::default()),
            Err(error) => Err(error),
        };
        let written = read.unwrap_or_else(|error| {
            let path = path.display();
            tracing::warn!(
                "cannot read {path}: {error}; services that an earlier agent has left in IPVS are \
                 taken for somebody else's"
            );
            Claims::default()
        });
        Self {
            path,
            written,
            failing: false,
        }
    }

    /// What was written last.
    pub const fn claims(&self) -> &Claims {
        &self.written
    }

    /// Writes what is ours now, unless the file says so already. Nothing of ours: no file. A failure
    /// is said once.
    pub fn write(&mut self, claims: Claims) {
        if claims == self.written {
            return;
        }
        let outcome = self.replace(&claims);
        if let Err(error) = &outcome
            && !self.failing
        {
            tracing::warn!(
                "cannot write {}: {error}; if the agent is killed, the next one takes its services \
                 in IPVS for somebody else's",
                self.path.display()
            );
        }
        self.failing = outcome.is_err();
        if !self.failing {
            self.written = claims;
        }
    }

    fn replace(&self, claims: &Claims) -> io::Result<()> {
        if *claims == Claims::default() {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                outcome => outcome,
            };
        }
        let new = self.path.with_extension("json.new");
        fs::write(&new, serde_json::to_vec(claims)?)?;
        fs::rename(new, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &tempfile::TempDir) -> ClaimsFile {
        ClaimsFile::at(folder.path().join("ipvs.json"))
    }

    #[test]
    fn what_is_ours_is_written_once_and_without_anything_there_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = file(&folder);
        let ours = Claims {
            services: vec![ServiceKey::Mark {
                mark: 7,
                family: crate::net::ipvs::Family::V4,
            }],
            daemons: true,
            ..Claims::default()
        };
        file.write(ours.clone());
        let read: Claims = serde_json::from_slice(&fs::read(&file.path).unwrap()).unwrap();
        assert_eq!(read, ours);
        fs::remove_file(&file.path).unwrap();
        file.write(ours.clone());
        assert!(!file.path.exists(), "nothing has changed");
        file.write(Claims::default());
        assert!(!file.failing, "it is gone already");
        file.write(ours.clone());
        assert_eq!(self::file(&folder).claims(), &ours);
        file.write(Claims::default());
        assert!(!file.path.exists() && !file.failing);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_said_once_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ipvs.json"), "{\"services\":").unwrap();
        let file = file(&folder);
        assert_eq!(file.claims(), &Claims::default());
        assert!(!file.path.exists());
    }
}
