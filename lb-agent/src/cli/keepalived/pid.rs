//! Files with the process id.

use std::path::PathBuf;

use tracing::warn;

use crate::runtime::files;

/// Files with our process id, gone when this is dropped.
#[derive(Debug)]
pub(in crate::cli) struct PidFiles(Vec<PathBuf>);

impl PidFiles {
    /// What cannot be written is said. Nothing is written through a link: in /tmp others may have put
    /// one there.
    pub(in crate::cli) fn write(paths: impl Iterator<Item = PathBuf>) -> Self {
        let line = format!("{}\n", std::process::id());
        let written = paths.filter(|path| match files::write(path, line.as_bytes()) {
            Ok(()) => true,
            Err(error) => {
                warn!("cannot write the process id to {}: {error}", path.display());
                false
            }
        });
        Self(written.collect())
    }
}

impl Drop for PidFiles {
    fn drop(&mut self) {
        for path in &self.0 {
            // Somebody else may have removed it.
            drop(std::fs::remove_file(path));
        }
    }
}
