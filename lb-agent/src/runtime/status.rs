//! The status file: what `dump` wants to know and the maps do not hold. Written once a second,
//! whole, to `/run/lb-agent/<instance>/status.json`; it stays when the agent dies, and its age
//! tells since when.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::director::Director;
use super::plane::Plane;
use crate::dataplane::ipvs::view::Record;
use crate::dataplane::xdp::attach::Mode;
use crate::dataplane::xdp::gate::Numbers;
use crate::observe::model::{CarrierView, HandView, InstanceView};

/// Where the files of all agents are.
const RUN: &str = "/run/lb-agent";

/// The contents of the file. Private to one version of the agent: programs read `dump`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Status {
    /// Version of the agent.
    pub version: String,
    /// VRRP instances, in the order of the configuration.
    pub vrrp: Vec<InstanceView>,
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
    /// Who carries each virtual server.
    pub planes: Vec<CarrierView>,
    /// Our services in IPVS.
    pub ipvs: Vec<Record>,
}

/// The file of one agent.
pub struct StatusFile {
    folder: PathBuf,
    failing: bool,
}

impl StatusFile {
    /// The file of the agent called `instance`.
    pub fn new(instance: &str) -> Self {
        Self {
            folder: Path::new(RUN).join(instance),
            failing: false,
        }
    }

    /// Writes the file anew. A failure is said once.
    pub fn write(&mut self, director: &Director, plane: Option<&Plane>, vrrp: Vec<InstanceView>) {
        let status = status(director, plane, vrrp);
        let outcome = self.replace(&status);
        if let Err(error) = &outcome
            && !self.failing
        {
            tracing::warn!(
                "cannot write {}: {error}; `dump vrrp` will be out of date",
                self.path().display()
            );
        }
        self.failing = outcome.is_err();
    }

    /// Where the file is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn replace(&self, status: &Status) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let new = self.folder.join("status.json.new");
        std::fs::write(&new, serde_json::to_vec(status)?)?;
        std::fs::rename(new, self.path())
    }

    fn path(&self) -> PathBuf {
        self.folder.join("status.json")
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

    /// Removes the file, after a clean stop.
    pub fn remove(&self) {
        let _gone = std::fs::remove_file(self.path());
    }
}

fn status(director: &Director, plane: Option<&Plane>, vrrp: Vec<InstanceView>) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        vrrp,
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
        planes: director.carriers(),
        ipvs: director.records_of_ipvs(),
    }
}
