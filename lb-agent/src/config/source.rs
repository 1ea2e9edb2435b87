//! Where configuration files come from: the file system, or memory.
//!
//! A [`Source`] hands out bytes and expands glob patterns. What an `include` means, which limits
//! hold and what is said about a file that cannot be used is the business of [`super::include`].

mod filesystem;
mod memory;

use std::io;
use std::path::{Path, PathBuf};

pub use filesystem::FileSystem;
pub use memory::Memory;

/// A place that configuration files are read from.
pub trait Source {
    /// Reads one regular file, at most `limit` bytes of it.
    fn read(&self, path: &Path, limit: usize) -> Result<RawFile, ReadError>;

    /// The paths that match a glob pattern, sorted; a pattern without wildcards matches the path
    /// itself if it exists.
    fn matches(&self, pattern: &str) -> Result<Vec<PathBuf>, PatternError>;
}

/// A file as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawFile {
    /// The path without links and dots: equal for equal files.
    pub identity: PathBuf,
    /// Whether an execute bit is set.
    pub executable: bool,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing has this name.
    #[error("there is no such file")]
    Missing,
    /// It is a directory.
    #[error("it is a directory")]
    Directory,
    /// It is a pipe, a socket, a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// The permissions do not allow it.
    #[error("permission denied")]
    Denied,
    /// It has more bytes than the limit given.
    #[error("it is too large: more than {limit} bytes are left of what a configuration may have")]
    TooLarge {
        /// The limit, bytes.
        limit: usize,
    },
    /// Anything else that the system reports.
    #[error("{0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::Denied,
            io::ErrorKind::IsADirectory => Self::Directory,
            _ => Self::Io(error),
        }
    }
}

/// A pattern that is no glob pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong with it.
    pub message: String,
}

impl From<glob::PatternError> for PatternError {
    fn from(error: glob::PatternError) -> Self {
        Self {
            message: error.msg.to_owned(),
        }
    }
}

/// As glob(3) matches: `*` does not cross `/` and does not match a leading dot.
const MATCHING: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

#[cfg(test)]
mod tests;
