//! What a listing shows of a pool. Made on request; it changes nothing.

use serde::Serialize;

use super::Pool;
use crate::health::Hand;
use crate::health::name::ServiceName;

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolStatus {
    /// `[192.168.0.1]:tcp:80`.
    pub virtual_server: String,
    /// It has its quorum.
    pub has_quorum: bool,
    /// `quorum`.
    pub quorum: u32,
    /// `hysteresis`.
    pub hysteresis: u32,
    /// The weight of its servers that are up.
    pub live_weight: u64,
    /// The sorry server serves.
    pub sorry: bool,
    /// Its real servers, in the order of the file.
    pub servers: Vec<ServerStatus>,
}

/// One real server of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerStatus {
    /// `[10.0.0.2]:tcp:80`.
    pub real_server: ServiceName,
    /// All its checkers say so, or have not said otherwise.
    pub up: bool,
    /// `weight` as configured.
    pub configured_weight: u32,
    /// What the configuration and the checkers come to.
    pub checked_weight: u32,
    /// The weight that it is meant to have: by hand, else the checked one.
    pub weight: u32,
    /// Set by hand.
    pub set_by_hand: Option<Hand>,
    /// In `xdp_slow_start`: the part of its weight that it has, in hundredths.
    pub slow_start_percent: Option<u32>,
}

impl Pool {
    /// The pool now.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let servers = self.servers.iter().map(|server| ServerStatus {
            real_server: self.names().of(&server.key),
            up: server.up,
            configured_weight: server.configured,
            checked_weight: server.weight,
            weight: server.target_weight(),
            set_by_hand: server.hand,
            slow_start_percent: server.ramp.map(|ramp| ramp.percent()),
        });
        PoolStatus {
            virtual_server: self.virtual_server.to_string(),
            has_quorum: self.has_quorum,
            quorum: self.rules.quorum,
            hysteresis: self.rules.hysteresis,
            live_weight: self.live_weight(),
            sorry: !self.has_quorum && self.rules.sorry_server.is_some(),
            servers: servers.collect(),
        }
    }
}
