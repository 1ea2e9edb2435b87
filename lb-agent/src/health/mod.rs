//! Health: which real servers are up, and whom a virtual server may use.
//!
//! ```text
//!   Config ──▶ spec ──▶ Schedule (pure): every checker's Verdict, one timer queue, one bound
//!                          │ Probe            ▲ ProbeResult
//!                          ▼                  │
//!                       driver (one task) ── probes (a task each, on this runtime)
//!                          │ Event: a server went up or down, or weighs something else
//!                          ▼
//!                       supervisor ──▶ Pool (pure, one a virtual server) ──▶ members ──▶ data plane
//!                                         └──▶ notices: whom to tell
//! ```
//!
//! The driver's task owns all verdicts; a probe carries a question out and a result back and
//! knows no state. The supervisor owns the pools.
//!
//! What this module does not do: it changes no data plane, runs no script and sends no mail; it
//! says what is so, and the supervisor acts.

pub mod driver;
mod hand;
pub mod message;
pub mod name;
pub mod pool;
pub mod prepare;
pub mod probe;
mod quorum;
pub mod schedule;
mod slow_start;
pub mod snapshot;
pub mod spec;
pub mod status;
pub mod verdict;
mod weight;

#[cfg(test)]
mod testing;

use std::time::Instant;

pub use self::hand::Hand;
use crate::config::model::{RealServerKey, VirtualServerKey};

/// A real server changed for one virtual server: all its checkers together say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The virtual server.
    pub virtual_server: VirtualServerKey,
    /// Its real server.
    pub real_server: RealServerKey,
    /// What is so from now on.
    pub change: Change,
    /// What the last probe met, in words.
    pub reason: String,
    /// When.
    pub at: Instant,
}

/// What an [`Event`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The server is up.
    Up,
    /// The server is down. Also said when the first check finds down what counted as down.
    Down,
    /// The server's checkers want this weight for it.
    Weight(u32),
    /// One of its checkers changed its mind, whatever the others say: for mails. It changes nothing;
    /// when the server goes with it, that has been said before.
    Checker {
        /// It finds the server up, or down.
        up: bool,
        /// What keepalived's mail says.
        sentence: String,
        /// The server went up or down with it.
        server_too: bool,
    },
}
