//! The status file: what `dump` wants to know and the maps do not hold. Written once a second,
//! whole, to `/run/lb-agent/<instance>/status.json`; it stays when the agent dies, and its age
//! tells since when.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking};

use super::director::Director;
use super::plane::Plane;
use crate::dataplane::installed::Key;
use crate::dataplane::ipvs::view::Record;
use crate::dataplane::xdp::attach::Mode;
use crate::dataplane::xdp::gate::Numbers;
use crate::observe::model::{CarrierView, HandView, InstanceView};
use crate::vrrp::status::StaticStats;

/// Where the files of all agents are.
const RUN: &str = "/run/lb-agent";

/// The contents of the file. Private to one version of the agent: programs read `dump`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Version of the agent.
    pub version: String,
    /// VRRP instances, in the order of the configuration.
    pub vrrp: Vec<InstanceView>,
    /// What was put back of static addresses, routes and rules.
    #[serde(default)]
    pub statics: StaticStats,
    /// The gates of the instances.
    #[serde(default)]
    pub gates: Numbers,
    /// What is set by hand.
    #[serde(default)]
    pub by_hand: Vec<HandView>,
    /// Names of the interfaces, by index.
    pub interfaces: BTreeMap<u32, String>,
    /// Interfaces that carry the program, and how.
    pub attached: BTreeMap<String, Mode>,
    /// Real servers that XDP does not reach, and why.
    pub unresolved: BTreeMap<IpAddr, String>,
    /// The groups that XDP serves.
    #[serde(default)]
    pub groups: Vec<GroupRecord>,
    /// Who carries each virtual server.
    pub planes: Vec<CarrierView>,
    /// Our services in IPVS.
    pub ipvs: Vec<Record>,
}

/// A group that XDP serves: the maps hold its addresses, and not its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRecord {
    /// Its name.
    pub group: String,
    /// The first of its addresses.
    pub address: IpAddr,
    /// The port beside it.
    pub port: u16,
    /// The protocol of the virtual server, by its number.
    pub proto: u8,
}

impl GroupRecord {
    /// The key of the first of its addresses and ports.
    pub const fn first(&self) -> Key {
        Key {
            address: self.address,
            port: self.port,
            proto: self.proto,
        }
    }
}

/// The file of one agent.
pub struct StatusFile {
    folder: PathBuf,
    shared: Arc<Mutex<Shared>>,
    /// Who writes it.
    writer: Option<JoinHandle<()>>,
}

/// What the agent and the thread that writes have in common.
#[derive(Default)]
struct Shared {
    /// What is to be written, the newest only.
    next: Option<Status>,
    /// Somebody is writing, and will look for the next one.
    is_busy: bool,
    /// It cannot be written, and that was said.
    is_failing: bool,
}

impl StatusFile {
    /// The file of the agent called `instance`.
    pub fn new(instance: &str) -> Self {
        Self {
            folder: Path::new(RUN).join(instance),
            shared: Arc::default(),
            writer: None,
        }
    }

    /// Has the file written anew, by a thread for what blocks: that of thousands of servers takes its
    /// time. A failure is said once.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn write(
        &mut self,
        director: &Director,
        plane: Option<&Plane>,
        vrrp: (Vec<InstanceView>, StaticStats),
    ) {
        let status = status(director, plane, vrrp);
        let mut shared = lock(&self.shared);
        shared.next = Some(status);
        if !std::mem::replace(&mut shared.is_busy, true) {
            let (folder, shared) = (self.folder.clone(), Arc::clone(&self.shared));
            self.writer = Some(spawn_blocking(move || write_all(&folder, &shared)));
        }
    }

    /// Where the file is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self) -> PathBuf {
        path(&self.folder)
    }

    /// What the agent wrote last, and how long ago.
    pub fn read(&self) -> io::Result<(Status, Duration)> {
        let path = self.path();
        let status = serde_json::from_slice(&std::fs::read(&path)?)?;
        // A clock that was set back makes the file younger than it is.
        let age = std::fs::metadata(path)?
            .modified()?
            .elapsed()
            .unwrap_or_default();
        Ok((status, age))
    }

    /// Whether an agent runs or was killed: one that stops removes it.
    pub fn is_there(&self) -> bool {
        self.path().exists()
    }

    /// Removes the file of one that has not started, or has stopped.
    pub fn remove(&self) {
        let _gone = std::fs::remove_file(self.path());
    }

    /// Removes the file after a clean stop; none is written any more.
    pub async fn end(&mut self) {
        if let Some(writer) = self.writer.take() {
            // It was said if it could not be written.
            writer.await.ok();
        }
        self.remove();
    }
}

/// Writes until there is nothing new.
fn write_all(folder: &Path, shared: &Mutex<Shared>) {
    let next = || {
        let mut shared = lock(shared);
        shared.is_busy = shared.next.is_some();
        shared.next.take()
    };
    while let Some(status) = next() {
        let outcome = replace(folder, &status);
        let was_failing = std::mem::replace(&mut lock(shared).is_failing, outcome.is_err());
        if let Err(error) = outcome
            && !was_failing
        {
            let path = path(folder);
            tracing::warn!(
                "cannot write {}: {error}; `dump vrrp` will be out of date",
                path.display()
            );
        }
    }
}

fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn replace(folder: &Path, status: &Status) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let new = folder.join("status.json.new");
    std::fs::write(&new, serde_json::to_vec(status)?)?;
    std::fs::rename(new, path(folder))
}

fn path(folder: &Path) -> PathBuf {
    folder.join("status.json")
}

fn status(
    director: &Director,
    plane: Option<&Plane>,
    (vrrp, statics): (Vec<InstanceView>, StaticStats),
) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        vrrp,
        statics,
        gates: director.gates().clone(),
        by_hand: director.by_hand(),
        interfaces: director
            .links()
            .map(|link| (link.index, link.name.clone()))
            .collect(),
        attached: plane.map_or_else(BTreeMap::new, |plane| {
            plane
                .attachments()
                .map(|(_, name, mode)| (name.to_owned(), mode))
                .collect()
        }),
        unresolved: director.unreached(),
        groups: director.groups_of_xdp(),
        planes: director.carriers(),
        ipvs: director.records_of_ipvs(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_written_last_is_what_stands_there_until_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = StatusFile {
            folder: folder.path().join("new"),
            ..StatusFile::new("unused")
        };
        let (director, _) =
            Director::new(crate::config::model::Config::default(), &Numbers::default());
        for _ in 0..1000 {
            file.write(&director, None, (Vec::new(), StaticStats::default()));
        }
        // It stays, with what was to be written last, when nobody writes any more.
        file.writer.take().unwrap().await.unwrap();
        {
            let shared = lock(&file.shared);
            assert!(shared.next.is_none() && !shared.is_busy && !shared.is_failing);
        }
        assert!(file.is_there());
        file.write(&director, None, (Vec::new(), StaticStats::default()));
        file.end().await;
        assert!(!file.is_there());
    }
}
