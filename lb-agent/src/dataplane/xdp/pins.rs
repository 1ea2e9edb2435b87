//! The place in the BPF file system where everything of one agent is pinned.

use std::io;
use std::path::{Path, PathBuf};

use lb_common::ABI_VERSION;
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
use thiserror::Error;

/// Where the BPF file system is mounted.
pub const BPF_FS: &str = "/sys/fs/bpf";

/// Why the place for pins cannot be used.
#[derive(Debug, Error)]
pub enum PinsError {
    /// Nothing is mounted there, and we cannot do it.
    #[error("no BPF file system at {BPF_FS}; `mount -t bpf bpf {BPF_FS}` as root mounts it")]
    NotMounted(#[source] nix::Error),
    /// A folder could not be made or removed.
    #[error("cannot {what} {}; lb-agent needs root or CAP_BPF and CAP_NET_ADMIN", path.display())]
    Folder {
        /// "create" or "remove".
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The pins of one instance of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    instance: PathBuf,
    version: PathBuf,
}

impl Pins {
    /// The pins of `instance`, whether they exist or not.
    pub fn of(instance: &str) -> Self {
        let instance = Path::new(BPF_FS).join("lb-agent").join(instance);
        let version = instance.join(format!("v{ABI_VERSION}"));
        Self { instance, version }
    }

    /// Where map `name` is pinned.
    pub fn map(&self, name: &str) -> PathBuf {
        self.version.join("maps").join(name)
    }

    /// The folder of the attachments.
    pub fn links(&self) -> PathBuf {
        self.version.join("links")
    }

    /// Where the attachment to an interface is pinned.
    pub fn link(&self, ifindex: u32) -> PathBuf {
        self.links().join(ifindex.to_string())
    }

    /// The folder of this instance.
    pub fn instance(&self) -> &Path {
        &self.instance
    }

    /// Whether maps of this version are pinned, or may be, if we are not allowed to look.
    pub fn may_exist(&self) -> bool {
        let found = std::fs::metadata(self.version.join("maps"));
        !found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Makes the folders, in a file system that is mounted if nobody has done so.
    pub fn create(&self) -> Result<(), PinsError> {
        if !statfs(BPF_FS).is_ok_and(|found| found.filesystem_type() == BPF_FS_MAGIC) {
            mount(
                Some("bpf"),
                BPF_FS,
                Some("bpf"),
                MsFlags::empty(),
                None::<&str>,
            )
            .map_err(PinsError::NotMounted)?;
        }
        for path in [self.version.join("maps"), self.links()] {
            let mut made = std::fs::create_dir_all(&path);
            if made
                .as_ref()
                .is_err_and(|it| it.kind() == io::ErrorKind::NotFound)
            {
                // Another instance has gone just now and taken the folder of all along.
                made = std::fs::create_dir_all(&path);
            }
            made.map_err(|source| PinsError::Folder {
                what: "create",
                path,
                source,
            })?;
        }
        Ok(())
    }

    /// The interfaces that an attachment is pinned for.
    pub fn linked(&self) -> Vec<u32> {
        let Ok(entries) = std::fs::read_dir(self.links()) else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// Removes everything of this instance, of every version.
    pub fn remove(&self) -> Result<(), PinsError> {
        match std::fs::remove_dir_all(&self.instance) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PinsError::Folder {
                what: "remove",
                path: self.instance.clone(),
                source,
            }),
            _ => {
                // The parent is shared by all instances; the last one to go takes it along.
                let _shared = std::fs::remove_dir(Path::new(BPF_FS).join("lb-agent"));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
