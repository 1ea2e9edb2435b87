//! What an instance or a sync group watches.

use serde::Serialize;

/// `weight N [reverse]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Weight {
    /// Added to the priority while the thing tracked is up (positive) or down (negative); 0: the
    /// instance is in FAULT while it is down. -253 to 253.
    pub weight: i16,
    /// `reverse`: up and down change places.
    pub reverse: bool,
}

/// One line of a `track_*` block: what is tracked, by name, and its weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tracked {
    /// An interface, or the name of a `vrrp_script`, `track_file`, `vrrp_track_process` or
    /// `bfd_instance` of this configuration.
    pub name: String,
    /// `weight`, else that of what is tracked.
    pub weight: Weight,
}

/// The `track_*` blocks; every name in them but those of interfaces is defined.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tracking {
    /// `track_interface`.
    pub track_interface: Vec<Tracked>,
    /// `track_script`: names of [`super::Config::vrrp_scripts`].
    pub track_script: Vec<Tracked>,
    /// `track_file`: names of [`super::Config::track_files`].
    pub track_file: Vec<Tracked>,
    /// `track_process`: names of [`super::Config::vrrp_track_processes`].
    pub track_process: Vec<Tracked>,
    /// `track_bfd`: names of [`super::Config::bfd_instances`].
    pub track_bfd: Vec<Tracked>,
}
