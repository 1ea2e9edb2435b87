//! `MISC_CHECK`.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use serde::Serialize;

use crate::script::Script;

/// `MISC_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MiscCheck {
    /// `misc_path` as written.
    pub misc_path: String,
    /// What that is; `None`: it cannot run, which the log has said.
    #[serde(skip)]
    pub script: Option<Script>,
    /// Who runs it.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// `misc_timeout`.
    #[serde(serialize_with = "super::as_nanoseconds")]
    pub misc_timeout: Duration,
    /// `misc_dynamic`: the exit status is the weight.
    pub misc_dynamic: bool,
}

impl Hash for MiscCheck {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self {
            misc_path,
            script: _,
            uid,
            gid,
            misc_timeout,
            misc_dynamic,
        } = self;
        (misc_path, uid, gid, misc_timeout, misc_dynamic).hash(state);
    }
}
