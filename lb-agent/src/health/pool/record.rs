//! What of a pool outlives a reload and a restart.

use serde::{Deserialize, Serialize};

use super::{Names, Pool, PoolChange};
use crate::health::Hand;

/// The memory of one virtual server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolRecord {
    /// Its name, as `[192.168.0.1]:tcp:80`.
    pub virtual_server: String,
    /// It had its quorum.
    pub has_quorum: bool,
    /// Its real servers.
    pub servers: Vec<ServerRecord>,
}

/// The memory of one real server of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerRecord {
    /// Its name, as `[10.0.0.2]:tcp:80`.
    pub real_server: String,
    /// It was up.
    pub up: bool,
    /// What its checkers added to the configured weight.
    pub more_weight: i64,
    /// Set by hand.
    pub hand: Option<Hand>,
}

impl Pool {
    /// Its memory.
    #[must_use]
    pub fn record(&self) -> PoolRecord {
        let servers = self.servers.iter().map(|server| ServerRecord {
            real_server: self.names().of(&server.key).to_string(),
            up: server.up,
            more_weight: i64::from(server.weight).saturating_sub(i64::from(server.configured)),
            hand: server.hand,
        });
        PoolRecord {
            virtual_server: self.virtual_server.to_string(),
            has_quorum: self.has_quorum,
            servers: servers.collect(),
        }
    }

    /// Goes on from `record`, if it is of this virtual server. Known servers are as they were, new
    /// ones as at a start, and the quorum is what that comes to.
    pub fn restore(&mut self, record: &PoolRecord) -> PoolChange {
        if record.virtual_server != self.virtual_server.to_string() {
            return PoolChange::default();
        }
        let names = Names(&self.virtual_server);
        for server in &mut self.servers {
            let name = names.of(&server.key).to_string();
            let known = record.servers.iter().find(|it| it.real_server == name);
            let Some(known) = known else { continue };
            let weight = i64::from(server.configured).saturating_add(known.more_weight);
            server.weight = u32::try_from(weight.max(0)).unwrap_or(server.configured);
            server.hand = known.hand;
            server.up = known.up;
            server.told = true;
        }
        self.has_quorum = record.has_quorum;
        let mut change = PoolChange::default();
        self.update_quorum(&mut change);
        self.settled(change)
    }
}
