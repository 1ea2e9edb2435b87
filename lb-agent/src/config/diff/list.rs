//! Lists of blocks: by name, or by what they are.

use std::collections::HashMap;

use serde::Serialize;

use crate::config::model::{
    BfdInstance, TrackFile, TrackGroup, VirtualServerGroup, VrrpInstance, VrrpScript,
    VrrpSyncGroup, VrrpTrackProcess,
};

/// Changes of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListChanges<T> {
    /// What goes, as it was.
    pub removed: Vec<T>,
    /// What stays under its name with other settings, as it is now.
    pub changed: Vec<T>,
    /// What is new.
    pub added: Vec<T>,
}

impl<T> ListChanges<T> {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.changed.is_empty() && self.added.is_empty()
    }
}

impl<T> Default for ListChanges<T> {
    fn default() -> Self {
        Self {
            removed: Vec::new(),
            changed: Vec::new(),
            added: Vec::new(),
        }
    }
}

/// A block with a name.
pub(super) trait HasName {
    /// The name.
    fn name(&self) -> &str;
}

macro_rules! has_name {
    ($($type:ty),*) => {
        $(impl HasName for $type {
            fn name(&self) -> &str {
                &self.name
            }
        })*
    };
}
has_name!(
    VrrpInstance,
    VrrpSyncGroup,
    VrrpScript,
    VrrpTrackProcess,
    TrackFile,
    BfdInstance,
    TrackGroup,
    VirtualServerGroup
);

/// Blocks by their names.
pub(super) fn by_name<T: HasName>(blocks: &[T]) -> HashMap<&str, &T> {
    blocks.iter().map(|block| (block.name(), block)).collect()
}

/// Changes of blocks with names.
pub(super) fn named<T: HasName + Clone + PartialEq>(old: &[T], new: &[T]) -> ListChanges<T> {
    let (old_names, new_names) = (by_name(old), by_name(new));
    let mut changes = ListChanges::default();
    let gone = old
        .iter()
        .filter(|block| !new_names.contains_key(block.name()));
    changes.removed.extend(gone.cloned());
    for block in new {
        match old_names.get(block.name()) {
            None => changes.added.push(block.clone()),
            Some(before) if **before != *block => changes.changed.push(block.clone()),
            Some(_) => {}
        }
    }
    changes
}

/// Changes of lines without a name: each is there or not.
pub(super) fn unnamed<T: Clone + PartialEq>(old: &[T], new: &[T]) -> ListChanges<T> {
    let mut left: Vec<&T> = old.iter().collect();
    let mut changes = ListChanges::default();
    for line in new {
        match left.iter().position(|before| *before == line) {
            Some(index) => {
                left.remove(index);
            }
            None => changes.added.push(line.clone()),
        }
    }
    changes.removed = left.into_iter().cloned().collect();
    changes
}
