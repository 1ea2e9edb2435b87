//! Configuration files of the file system.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::{MATCHING, PatternError, RawFile, ReadError, Source};

/// The file system of this host.
#[derive(Clone, Copy, Debug, Default)]
pub struct FileSystem;

impl Source for FileSystem {
    fn read(&self, path: &Path, limit: usize) -> Result<RawFile, ReadError> {
        // Without O_NONBLOCK the open of a FIFO would wait for a writer.
        let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(ReadError::Directory);
        }
        if !metadata.is_file() {
            return Err(ReadError::NotRegular);
        }
        Ok(RawFile {
            identity: fs::canonicalize(path)?,
            executable: metadata.permissions().mode() & 0o111 != 0,
            bytes: bounded(file, metadata.len(), limit)?,
        })
    }

    fn matches(&self, pattern: &str) -> Result<Vec<PathBuf>, PatternError> {
        // A directory that cannot be listed has no matches, as with glob(3).
        Ok(glob::glob_with(pattern, MATCHING)?.flatten().collect())
    }
}

/// All of `file`, which says that it has `size` bytes, when that is no more than `limit`. The size
/// may change under us, and files of /proc have none: one byte more than `limit` is read at most.
pub(super) fn bounded(file: impl Read, size: u64, limit: usize) -> Result<Vec<u8>, ReadError> {
    let ceiling = u64::try_from(limit).unwrap_or(u64::MAX);
    if size > ceiling {
        return Err(ReadError::TooLarge { limit });
    }
    let size = usize::try_from(size).unwrap_or_default();
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    file.take(ceiling.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        return Err(ReadError::TooLarge { limit });
    }
    Ok(bytes)
}
