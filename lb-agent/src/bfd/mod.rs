//! Bidirectional Forwarding Detection (RFC 5880, single hop: RFC 5881): whether a neighbour is
//! reached, known within some ten milliseconds.
//!
//! ```text
//!                              ┌───────────┐
//!               Shutdown ────▶ │ AdminDown │
//!                              └───────────┘
//!              ┌──────┐  receives Down   ┌──────┐  receives Init, Up   ┌────┐
//!              │ Down │ ───────────────▶ │ Init │ ───────────────────▶ │ Up │
//!              └──────┘                  └──────┘                      └────┘
//!                │  ▲ ▲    silence, AdminDown │                          ▲ │
//!                │  │ └───────────────────────┘        receives Init     │ │
//!                └──┼────────────────────────────────────────────────────┘ │
//!                   └──── silence, receives Down or AdminDown ─────────────┘
//! ```
//!
//! * [`session`] (pure): the machine of one session, asynchronous mode; [`crate::wire::bfd`]: its
//!   packets.
//! * [`driver`]: sockets, and a thread of their own.
//!
//! Not here: authentication, the Echo function and our own use of demand mode, which keepalived
//! does not have either. What a session means for an instance is [`crate::track::weight`]'s.

pub mod driver;
pub mod session;

use std::net::IpAddr;
use std::time::Duration;

use crate::config::model::BfdInstance;

/// A `bfd_instance`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name, at most 31 characters.
    pub name: String,
    /// `neighbor_ip`.
    pub neighbor: IpAddr,
    /// `source_ip`; `None`: the system's choice.
    pub source: Option<IpAddr>,
    /// `min_rx`: the shortest interval we can receive at; 10 ms. At most 71 minutes.
    pub min_rx: Duration,
    /// `min_tx`: the shortest interval we send at; 10 ms. At most 71 minutes.
    pub min_tx: Duration,
    /// `idle_tx`: the interval while the session is not up, at least 1 s (RFC 5880 section 6.8.3).
    pub idle_tx: Duration,
    /// `multiplier`: lost packets that make the session go down; 5, at least 1.
    pub multiplier: u8,
    /// `passive`: say nothing before the neighbour does.
    pub passive: bool,
    /// `ttl` or `hoplimit` of what we send; RFC 5881 section 5 wants 255.
    pub ttl: u8,
    /// `max_hops`: packets must come with a TTL of at least [`Self::ttl`] less this; `None` (−1):
    /// with any.
    pub max_hops: Option<u8>,
    /// `multihop`: RFC 5883's port.
    pub multihop: bool,
}

impl From<&BfdInstance> for Settings {
    fn from(config: &BfdInstance) -> Self {
        Self {
            name: config.name.clone(),
            neighbor: config.neighbor_ip,
            source: config.source_ip,
            min_rx: config.min_rx,
            min_tx: config.min_tx,
            idle_tx: config.idle_tx,
            multiplier: config.multiplier.max(1),
            passive: config.passive,
            ttl: config.ttl,
            // Several hops of which none may be made: nobody means that.
            max_hops: (!config.multihop || config.max_hops > 0).then_some(config.max_hops),
            multihop: config.multihop,
        }
    }
}
