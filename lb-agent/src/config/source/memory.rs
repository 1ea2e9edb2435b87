//! Configuration files in memory: for tests, and for text that never was a file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::{MATCHING, PatternError, RawFile, ReadError, Source};

/// A small file system of text. Directories exist as far as files stand in them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    bytes: Vec<u8>,
    executable: bool,
    readable: bool,
}

impl Memory {
    /// Adds a file.
    #[must_use]
    pub fn with(self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> Self {
        let entry = Entry {
            bytes: bytes.into(),
            executable: false,
            readable: true,
        };
        self.insert(path.as_ref(), entry)
    }

    /// Adds a file with an execute bit.
    #[must_use]
    pub fn with_executable(self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) -> Self {
        let entry = Entry {
            bytes: bytes.into(),
            executable: true,
            readable: true,
        };
        self.insert(path.as_ref(), entry)
    }

    /// Adds a file that nobody may read.
    #[must_use]
    pub fn with_unreadable(self, path: impl AsRef<Path>) -> Self {
        let entry = Entry {
            bytes: Vec::new(),
            executable: false,
            readable: false,
        };
        self.insert(path.as_ref(), entry)
    }

    fn insert(mut self, path: &Path, entry: Entry) -> Self {
        self.files.insert(without_dots(path), entry);
        self
    }
}

impl Source for Memory {
    fn read(&self, path: &Path, limit: usize) -> Result<RawFile, ReadError> {
        let identity = without_dots(path);
        let Some(entry) = self.files.get(&identity) else {
            let directory = self.files.keys().any(|file| file.starts_with(&identity));
            return Err(if directory {
                ReadError::Directory
            } else {
                ReadError::Missing
            });
        };
        if !entry.readable {
            return Err(ReadError::Denied);
        }
        if entry.bytes.len() > limit {
            return Err(ReadError::TooLarge { limit });
        }
        Ok(RawFile {
            identity,
            executable: entry.executable,
            bytes: entry.bytes.clone(),
        })
    }

    fn matches(&self, pattern: &str) -> Result<Vec<PathBuf>, PatternError> {
        let pattern = without_dots(Path::new(pattern));
        let pattern = glob::Pattern::new(&pattern.to_string_lossy())?;
        let files = self.files.keys();
        // Folders match as well.
        let names: BTreeSet<&Path> = files.flat_map(|file| file.ancestors()).collect();
        let found = names.into_iter();
        let found = found.filter(|path| pattern.matches_path_with(path, MATCHING));
        Ok(found.map(Path::to_path_buf).collect())
    }
}

/// The path with `.` and `..` taken out by name alone: memory has no links.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => clean.push(part),
        }
    }
    clean
}
