//! What can be tracked: `vrrp_script`, `vrrp_track_process`, `track_file`.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::{Command, Weight};

/// `vrrp_script NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VrrpScript {
    /// The name.
    pub name: String,
    /// `script`, with `user USER [GROUP]`.
    pub script: Command,
    /// `interval`.
    pub interval: Duration,
    /// `timeout`; default: `interval`.
    pub timeout: Duration,
    /// `weight`.
    pub weight: Weight,
    /// `rise`: successes before it counts as up.
    pub rise: u32,
    /// `fall`: failures before it counts as down.
    pub fall: u32,
    /// `init_fail`: down until its first success.
    pub init_fail: bool,
}

impl VrrpScript {
    /// A script of which nothing more is known.
    pub fn new(name: impl Into<String>, script: Command) -> Self {
        Self {
            name: name.into(),
            script,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            weight: Weight::default(),
            rise: 1,
            fall: 1,
            init_fail: false,
        }
    }
}

/// `vrrp_track_process NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VrrpTrackProcess {
    /// The name.
    pub name: String,
    /// `process NAME [ARGUMENT …]`: program and arguments.
    pub process: Vec<String>,
    /// `param_match`; `None`: all arguments are equal.
    pub param_match: Option<ParamMatch>,
    /// `weight`.
    pub weight: Weight,
    /// `quorum`: at least so many run.
    pub quorum: u16,
    /// `quorum_max`: at most so many.
    pub quorum_max: Option<u16>,
    /// `delay`, unless the two below say otherwise.
    pub delay: Duration,
    /// `terminate_delay`: from an end to the reaction.
    pub terminate_delay: Duration,
    /// `fork_delay`: from a start to the reaction.
    pub fork_delay: Duration,
    /// `full_command`: the whole command line is compared.
    pub full_command: bool,
}

/// `param_match initial|partial`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ParamMatch {
    /// `initial`: as `partial`, but the last of them may be longer.
    Initial,
    /// `partial`: the process's first arguments are these.
    Partial,
}

impl VrrpTrackProcess {
    /// A process of which nothing more is known.
    pub fn new(name: impl Into<String>, process: Vec<String>) -> Self {
        Self {
            name: name.into(),
            process,
            param_match: None,
            weight: Weight::default(),
            quorum: 1,
            quorum_max: None,
            delay: Duration::ZERO,
            terminate_delay: Duration::ZERO,
            fork_delay: Duration::ZERO,
            full_command: false,
        }
    }
}

/// `track_file NAME` (`vrrp_track_file`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackFile {
    /// The name.
    pub name: String,
    /// `file`: holds a number.
    pub file: PathBuf,
    /// `weight`: what the number is multiplied by; 0: any other number than 0 is FAULT.
    pub weight: Weight,
    /// `init_file [VALUE] [overwrite]`: written at start.
    pub init_file: Option<InitFile>,
}

/// `init_file [VALUE] [overwrite]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct InitFile {
    /// The number.
    pub value: i32,
    /// `overwrite`: also where the file exists.
    pub overwrite: bool,
}
