//! What an instance tracks, and what follows from how it is.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::track::file::FileWeight;
use crate::track::weight::{Effect, Weight};

/// What kind of thing is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `track_interface`.
    Interface,
    /// `track_script`.
    Script,
    /// `track_file`.
    File,
    /// `track_process`.
    Process,
    /// `track_bfd`.
    Bfd,
    /// `track_group`: static addresses, routes and rules.
    Static,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interface => "interface",
            Self::Script => "script",
            Self::File => "file",
            Self::Process => "process",
            Self::Bfd => "BFD instance",
            Self::Static => "track_group",
        })
    }
}

/// One line of a `track_*` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// `weight`, −254 to 254; 0: its failure is a fault.
    pub weight: i16,
    /// `reverse`: up and down change places.
    pub reverse: bool,
}

/// How a tracked thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Not looked at yet. With a weight of 0 the instance does not start before it is.
    Unknown,
    /// It is there, it runs, it succeeds.
    Up,
    /// It is not.
    Down,
    /// What a tracked file says.
    Value(i32),
}

impl Tracked {
    /// What it adds to the priority.
    pub fn adjustment(&self, status: Status) -> i32 {
        match self.effect(status) {
            Some(Effect::Priority(change)) => change,
            Some(Effect::Fault) | None => 0,
        }
    }

    /// Whether it keeps the instance from taking part.
    pub fn is_fault(&self, status: Status) -> bool {
        matches!(self.effect(status), Some(Effect::Fault))
    }

    /// `None`: not known yet.
    fn effect(&self, status: Status) -> Option<Effect> {
        let (value, reverse) = (self.weight, self.reverse);
        match status {
            Status::Unknown => None,
            Status::Up => Some(Weight { value, reverse }.effect(true)),
            Status::Down => Some(Weight { value, reverse }.effect(false)),
            Status::Value(number) => {
                let value = value.into();
                Some(FileWeight { value, reverse }.effect(number.into()))
            }
        }
    }
}
