//! What health knows, to go on from after a reload or a restart: results, counters, weights set
//! by hand, quorums. Pure: a value that can be written and read back.
//!
//! Whatever the new configuration no longer has is dropped, whatever it has new starts as at a
//! start. A checker is known again by its question (target and parameters), for whichever server
//! it is asked; a server by its address, port, and virtual server.

use std::collections::BTreeMap;

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::pool::PoolRecord;
use super::probe::http::response::hex;
use super::spec::Question;
use super::verdict::Record;

/// The memory of each question, by its [`fingerprint`].
pub type Checkers = BTreeMap<String, Record>;

/// The layout that this program writes. Another one is not read: everything starts anew.
pub const VERSION: u32 = 2;

/// Everything that outlives the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// [`VERSION`].
    pub version: u32,
    /// The checkers.
    pub checkers: Checkers,
    /// The pools.
    pub pools: Vec<PoolRecord>,
}

/// Names a question, the same in every run: the MD5 of everything that it says.
#[must_use]
pub fn fingerprint(question: &Question) -> String {
    // Only a path that is no text cannot be written; it has a debugging form.
    let text = serde_json::to_string(question).unwrap_or_else(|_| format!("{question:?}"));
    hex(Md5::digest(text).into())
}

#[cfg(test)]
mod tests;
