//! `config_save_dir`: what was read, and how VRRP stood before and after, for each reload, to look
//! into afterwards. The names are keepalived's; passwords are in there, so nobody else may read it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use tracing::warn;

use crate::config::Sources;
use crate::runtime::replace::replace;

/// Before or after a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before.
    Pre,
    /// After.
    Post,
}

/// Keeps the texts that were read for the `number`th time, 0 being the start:
/// `keepalived.conf.PID.NUMBER`. What cannot be written is said and changes nothing.
pub fn configuration(folder: &Path, number: u64, sources: &Sources) {
    let texts = sources.files().map(|(_, file)| {
        let end = if file.text().ends_with('\n') {
            ""
        } else {
            "\n"
        };
        format!("# {}\n{}{end}", file.path().display(), file.text())
    });
    let text: String = texts.collect();
    let name = format!("keepalived.conf.{}.{number}", std::process::id());
    keep(folder, &name, &text);
}

/// Keeps a dump, as SIGUSR1 would write it: `keepalived_vrrp.PID.NUMBER.pre` or `.post`.
pub fn state(folder: &Path, number: u64, moment: Moment, text: &str) {
    let moment = match moment {
        Moment::Pre => "pre",
        Moment::Post => "post",
    };
    let name = format!("keepalived_vrrp.{}.{number}.{moment}", std::process::id());
    keep(folder, &name, text);
}

fn keep(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    if let Err(error) = write(folder, &path, text) {
        warn!("config_save_dir: cannot write {}: {error}", path.display());
    }
}

fn write(folder: &Path, path: &Path, text: &str) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    replace(path, text, 0o600)
}

#[cfg(test)]
mod tests;
