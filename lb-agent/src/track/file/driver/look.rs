//! One look at a track file: everything that may hang. It knows no other file and keeps nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, Inotify, WatchDescriptor};

use crate::track::file::{InitFile, Settings, Value, read};

/// A name of a file, in a folder that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) folder: WatchDescriptor,
    pub(super) name: OsString,
}

/// What a look finds.
#[derive(Debug)]
pub(super) struct Found {
    /// As [`read`] has it.
    pub(super) value: Result<Value, i64>,
    /// The names that it has, link and target, as far as their folders can be watched.
    pub(super) places: Vec<Place>,
    /// Every folder is watched.
    pub(super) complete: bool,
}

/// Makes the file if that is asked for, watches the folders of its names, and reads it: in this
/// order, so that no change is missed. What is watched already stays so.
pub(super) fn look(
    settings: &Settings,
    init: Option<(InitFile, bool)>,
    inotify: &Inotify,
) -> Found {
    let line = init.and_then(|(init, reload)| init.apply(settings, reload));
    if let Some(line) = line {
        line.write();
    }
    let mut places = Vec::new();
    let mut complete = true;
    let target = fs::canonicalize(&settings.path).ok();
    for path in [Some(settings.path.clone()), target].into_iter().flatten() {
        match watch(&path, inotify) {
            Some(place) if places.contains(&place) => {}
            Some(place) => places.push(place),
            None => complete = false,
        }
    }
    Found {
        value: read(&settings.path),
        places,
        complete,
    }
}

/// `None`: there is no such folder.
fn watch(path: &Path, inotify: &Inotify) -> Option<Place> {
    let flags = AddWatchFlags::IN_CLOSE_WRITE
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_DELETE_SELF
        | AddWatchFlags::IN_MOVE_SELF
        | AddWatchFlags::IN_ONLYDIR;
    let name = path.file_name()?.to_owned();
    let folder = inotify.add_watch(&folder(path)?, flags).ok()?;
    Some(Place { folder, name })
}

/// The folder that an entry stands in; of a bare name the working directory.
fn folder(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_owned()
    })
}
