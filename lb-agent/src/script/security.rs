//! `enable_script_security`: nobody but root may be able to change what root runs.
//!
//! A script is protected if it runs as root (or with root's group, or is set-uid root). Then every
//! component of its path, and of the path behind symbolic links, must belong to root and not be
//! writable by others; a directory with the sticky bit may be writable.

use std::fmt;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::User;

const SET_UID: u32 = 0o4000;
const SET_GID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const GROUP_WRITE: u32 = 0o020;
const OTHER_WRITE: u32 = 0o002;

/// What is wrong with one component of a script's path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsafe {
    /// The component: a directory on the way, a symbolic link, or the script.
    pub component: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// What is wrong.
    pub reason: Reason,
}

/// Why a component is not safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It belongs to somebody else.
    Owner,
    /// A group that is not root's may write it.
    GroupWrite,
    /// Anybody may write it.
    OtherWrite,
    /// It is no file, directory or link.
    FileType,
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.component.display();
        write!(
            f,
            "{path} has owner {}:{} and mode {:04o}: ",
            self.uid, self.gid, self.mode
        )?;
        match self.reason {
            Reason::Owner => write!(f, "not root's; chown root {path}"),
            Reason::GroupWrite => write!(f, "its group may write it; chmod g-w {path}"),
            Reason::OtherWrite => write!(f, "anybody may write it; chmod o-w {path}"),
            Reason::FileType => write!(f, "neither a file nor a directory"),
        }
    }
}

/// Whether somebody of `user` may execute the file.
pub fn is_executable(file: &Metadata, user: User) -> bool {
    let mode = file.mode();
    if user.uid == 0 {
        return mode & 0o111 != 0;
    }
    if user.uid == file.uid() {
        return mode & 0o100 != 0;
    }
    if user.gid == file.gid() {
        return mode & 0o010 != 0;
    }
    mode & 0o001 != 0
}

/// Whether whoever can change this file gains root's rights when `user` runs it.
pub fn needs_protection(file: &Metadata, user: User) -> bool {
    let mode = file.mode();
    user.uid == 0
        || user.gid == 0
        || (file.uid() == 0 && mode & SET_UID != 0)
        || (file.gid() == 0 && mode & SET_GID != 0)
}

/// The first component of `program`, or of the file it leads to, that somebody other than root can
/// change.
pub fn find_unsafe(program: &Path) -> io::Result<Option<Unsafe>> {
    for path in [program.to_owned(), fs::canonicalize(program)?] {
        let mut ancestors: Vec<&Path> = path.ancestors().collect();
        ancestors.reverse();
        for component in ancestors {
            // What stands before the first component of a relative path.
            if component.as_os_str().is_empty() {
                continue;
            }
            let found = judge(component, &fs::symlink_metadata(component)?);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}

fn judge(component: &Path, metadata: &Metadata) -> Option<Unsafe> {
    let kind = metadata.file_type();
    let mode = metadata.mode() & 0o7777;
    // A link's own mode means nothing; a sticky directory lets nobody replace others' files.
    let sticky = kind.is_dir() && mode & STICKY != 0;
    let writable = !(kind.is_symlink() || sticky);
    let reason =
        if kind.is_char_device() || kind.is_block_device() || kind.is_fifo() || kind.is_socket() {
            Reason::FileType
        } else if metadata.uid() != 0 {
            Reason::Owner
        } else if writable && metadata.gid() != 0 && mode & GROUP_WRITE != 0 {
            Reason::GroupWrite
        } else if writable && mode & OTHER_WRITE != 0 {
            Reason::OtherWrite
        } else {
            return None;
        };
    Some(Unsafe {
        component: component.to_owned(),
        mode,
        uid: metadata.uid(),
        gid: metadata.gid(),
        reason,
    })
}

#[cfg(test)]
mod tests;
