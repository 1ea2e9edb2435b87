//! Health: which real servers are up, and whom a virtual server may use.
//!
//! ```text
//!   Config ──▶ Schedule (pure): every checker's Verdict, one timer queue, one bound
//!                 │ Probe            ▲ ProbeResult
//!                 ▼                  │
//!              driver (one task) ── probes (a task each, on this runtime)
//!                 │ Event: a server went up or down
//!                 ▼
//!              supervisor ──▶ Pool (pure, one a virtual server) ──▶ members ──▶ data plane
//! ```
//!
//! The driver's task owns all verdicts; a probe carries a question out and a result back and
//! knows no state. The supervisor owns the pools.
//!
//! What this module does not do: it changes no data plane and runs no script; it says what is
//! so, and the supervisor acts.

pub mod driver;
pub mod log_line;
pub mod message;
pub mod name;
pub mod pool;
pub mod probe;
mod quorum;
pub mod schedule;
pub mod status;
pub mod verdict;

#[cfg(test)]
mod testing;

use crate::config::model::{RealServerKey, VirtualServerKey};

/// A real server went up or down for one virtual server: all its checkers together say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The virtual server.
    pub virtual_server: VirtualServerKey,
    /// Its real server.
    pub real_server: RealServerKey,
    /// Up or down from now on.
    pub up: bool,
    /// What the last probe met, in words.
    pub reason: String,
}
