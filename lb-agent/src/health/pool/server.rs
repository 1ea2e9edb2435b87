//! One real server, as its pool sees it.

use super::{Notice, ServerRecord};
use crate::config::model::RealServerKey;
use crate::health::Hand;
use crate::health::slow_start::Ramp;
use crate::health::spec::PooledServer;
use crate::health::weight;

#[expect(
    clippy::struct_excessive_bools,
    reason = "two keywords, and two states that are independent of them and each other"
)]
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolServer {
    pub(super) key: RealServerKey,
    /// `weight` as configured.
    pub(super) configured: u32,
    /// That, and what the checkers make of it.
    pub(super) weight: u32,
    pub(super) hand: Option<Hand>,
    pub(super) inhibit_on_failure: bool,
    /// `alpha`: it is up after its first check.
    pub(super) waits: bool,
    pub(super) up: bool,
    /// Somebody has heard that it is up or down.
    pub(super) told: bool,
    pub(super) ramp: Option<Ramp>,
}

impl PoolServer {
    pub(super) fn new(server: &PooledServer) -> Self {
        Self {
            key: server.key,
            configured: server.weight,
            weight: server.weight,
            hand: None,
            inhibit_on_failure: server.inhibit_on_failure,
            waits: server.waits,
            up: !server.waits,
            told: false,
            ramp: None,
        }
    }

    /// Somebody hears that it is up, or down.
    pub(super) fn tell(&mut self) -> Notice {
        self.told = true;
        Notice::RealServer {
            key: self.key,
            up: self.up,
        }
    }

    /// It goes on from what an earlier agent knew. What somebody has to hear of that is what keepalived
    /// tells after each start, when it has checked: that it is down, or with `alpha` that it is up.
    pub(super) fn recall(&mut self, known: &ServerRecord, ramp: Option<Ramp>) -> Option<Notice> {
        self.weight = weight::moved(self.configured, known.more_weight);
        self.hand = known.hand;
        self.up = known.up;
        self.ramp = ramp.filter(|_| self.up);
        let news = if self.up { self.waits } else { known.told };
        news.then(|| self.tell())
    }

    /// It goes on from what it was before a reload.
    pub(super) fn succeed(&mut self, before: &Self) {
        let more = weight::more(before.weight, before.configured);
        *self = Self {
            weight: weight::moved(self.configured, more),
            hand: before.hand,
            up: before.up,
            told: before.told,
            ramp: before.ramp,
            ..*self
        };
    }

    /// Its weight once it is at work.
    pub(super) fn target_weight(&self) -> u32 {
        self.hand.map_or(self.weight, Hand::weight)
    }

    /// An operator has taken new connections from it, and promised that those it has go on.
    pub(super) fn is_drained(&self) -> bool {
        self.hand.is_some_and(|hand| hand.weight() == 0)
    }

    /// It goes while it is up.
    pub(super) const fn gone(&self, removed: bool) -> Notice {
        Notice::ShutDown {
            key: self.key,
            removed,
        }
    }

    /// Its weight in the pool, in parts of 1/`scale`.
    pub(super) fn weight_now(&self, scale: u32) -> u32 {
        let weight = self.target_weight().saturating_mul(scale);
        self.ramp.map_or(weight, |ramp| ramp.share_of(weight))
    }
}
