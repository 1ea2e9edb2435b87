//! What of a pool outlives a reload and a restart.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Names, Pool, PoolChange};
use crate::config::model::RealServerKey;
use crate::health::slow_start::Ramp;
use crate::health::{Hand, weight};

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
    /// Somebody has heard that it is up or down.
    #[serde(default = "heard")]
    pub told: bool,
    /// How many milliseconds of its `xdp_slow_start` were over; `None`: it was in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start: Option<u64>,
}

/// Of files that do not say.
const fn heard() -> bool {
    true
}

/// What is known of a virtual server when its pool begins.
#[derive(Clone, Copy, Debug)]
pub enum Past<'r> {
    /// Nothing.
    Unknown,
    /// What was set by hand: the rest is too old.
    Hands(&'r PoolRecord),
    /// What it was a moment ago, and the time now.
    All(&'r PoolRecord, Instant),
}

impl PoolRecord {
    /// Whether its quorum is known to somebody: it had one, or a server was told to be up or down. That of
    /// a pool that nothing has been said of yet (`alpha`, before the first check) is no news.
    fn is_heard_of(&self) -> bool {
        self.has_quorum || self.servers.iter().any(|server| server.told)
    }

    /// Its real servers by their names.
    #[must_use]
    pub fn by_name(&self) -> HashMap<&str, &ServerRecord> {
        let servers = self.servers.iter();
        servers.map(|it| (it.real_server.as_str(), it)).collect()
    }
}

impl Pool {
    /// Its memory at `now`.
    #[must_use]
    pub fn record(&self, now: Instant) -> PoolRecord {
        let in_millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let servers = self.servers.iter().map(|server| ServerRecord {
            real_server: self.names().of(&server.key).to_string(),
            up: server.up,
            more_weight: weight::more(server.weight, server.configured),
            hand: server.hand,
            told: server.told,
            slow_start: server.ramp.map(|ramp| in_millis(ramp.elapsed(now))),
        });
        PoolRecord {
            virtual_server: self.virtual_server.to_string(),
            has_quorum: self.has_quorum,
            servers: servers.collect(),
        }
    }

    /// Goes on from `past`: whether it had its quorum, if somebody knows of it. What there is to hear of the
    /// servers is told in the order of the file.
    pub(super) fn recall(&mut self, past: Past<'_>, change: &mut PoolChange) -> Option<bool> {
        let names = Names(&self.virtual_server);
        let (init, length) = (self.rules.rs_init_notifies, self.rules.xdp_slow_start);
        let (had_quorum, servers) = match past {
            Past::Unknown => (None, HashMap::new()),
            Past::Hands(record) => (None, record.by_name()),
            Past::All(record, _now) => {
                let had_quorum = record.is_heard_of().then_some(record.has_quorum);
                (had_quorum, record.by_name())
            }
        };
        for server in &mut self.servers {
            let name = names.of(&server.key).to_string();
            let known = servers.get(name.as_str()).copied();
            let notice = match past {
                Past::Unknown => None,
                Past::Hands(_) => {
                    server.hand = known.and_then(|known| known.hand);
                    None
                }
                Past::All(_, now) => known.and_then(|known| {
                    let elapsed = known.slow_start.map(Duration::from_millis);
                    let ramp = elapsed.map(|it| Ramp::resume(length, it, now));
                    server.recall(known, ramp.flatten())
                }),
            };
            let notice = notice.or_else(|| (init && server.up).then(|| server.tell()));
            change.notices.extend(notice);
        }
        had_quorum
    }

    /// What is set by hand.
    pub fn by_hand(&self) -> impl Iterator<Item = (RealServerKey, Hand)> + '_ {
        let servers = self.servers.iter();
        servers.filter_map(|server| Some((server.key, server.hand?)))
    }
}
