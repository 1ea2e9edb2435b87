//! The place in the BPF file system where everything of one agent is pinned.

use std::io;
use std::path::{Path, PathBuf};

use lb_common::ABI_VERSION;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};
use thiserror::Error;

/// Where the BPF file system is mounted.
pub const BPF_FS: &str = "/sys/fs/bpf";

/// The folder of the attachments, within that of a version.
const LINKS: &str = "links";

/// Why the place for pins cannot be used.
#[derive(Debug, Error)]
pub enum PinsError {
    /// Nothing is mounted there, and we cannot do it.
    #[error("no BPF file system at {BPF_FS}; `mount -t bpf bpf {BPF_FS}` as root mounts it")]
    NotMounted(#[source] nix::Error),
    /// The kernel does not know that file system.
    #[error("this kernel has no BPF: it was built without CONFIG_BPF_SYSCALL")]
    NoBpf,
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

    /// Takes the pin of map `name` away, if there is one.
    pub fn remove_map(&self, name: &str) -> Result<(), PinsError> {
        let path = self.map(name);
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(PinsError::Folder {
                what: "remove",
                path,
                source,
            }),
            _ => Ok(()),
        }
    }

    /// The folder of the attachments.
    pub fn links(&self) -> PathBuf {
        self.version.join(LINKS)
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
            .map_err(not_mounted)?;
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
        linked_in(&self.links())
    }

    /// Removes what agents of other versions have left: their maps are of no use to us, and their
    /// program would keep ours off the interfaces. Gives the interfaces it was attached to.
    pub fn remove_other_versions(&self) -> Result<Vec<u32>, PinsError> {
        let mut released = Vec::new();
        let entries = std::fs::read_dir(&self.instance).into_iter().flatten();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path == self.version {
                continue;
            }
            released.extend(linked_in(&path.join(LINKS)));
            tracing::info!(
                "removing what an agent of another version has left: {}",
                path.display()
            );
            std::fs::remove_dir_all(&path).map_err(|source| PinsError::Folder {
                what: "remove",
                path,
                source,
            })?;
        }
        Ok(released)
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

/// The interfaces whose attachments are pinned in `folder`.
fn linked_in(folder: &Path) -> Vec<u32> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect()
}

/// Without BPF the kernel knows neither the file system nor, in sysfs, the place for it.
const fn not_mounted(error: Errno) -> PinsError {
    match error {
        Errno::ENODEV | Errno::ENOENT => PinsError::NoBpf,
        _ => PinsError::NotMounted(error),
    }
}

#[cfg(test)]
mod tests;
