//! One real server, as its pool sees it.

use super::Notice;
use crate::config::model::RealServerKey;
use crate::health::Hand;
use crate::health::slow_start::Ramp;
use crate::health::spec::PooledServer;

#[derive(Clone, Copy, Debug)]
pub(super) struct PoolServer {
    pub(super) key: RealServerKey,
    /// `weight` as configured.
    pub(super) configured: u32,
    /// That, and what the checkers make of it.
    pub(super) weight: u32,
    pub(super) hand: Option<Hand>,
    pub(super) inhibit_on_failure: bool,
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
            up: !server.waits,
            told: false,
            ramp: None,
        }
    }

    /// Somebody hears that it is up.
    pub(super) fn tell_up(&mut self) -> Notice {
        self.told = true;
        Notice::RealServer {
            key: self.key,
            up: true,
        }
    }

    /// It goes on from what it was before a reload.
    pub(super) fn succeed(&mut self, before: &Self) {
        let more = i64::from(before.weight).saturating_sub(i64::from(before.configured));
        let weight = i64::from(self.configured).saturating_add(more);
        *self = Self {
            weight: u32::try_from(weight.max(0)).unwrap_or(self.configured),
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

    /// Its weight in the pool, in parts of 1/`scale`.
    pub(super) fn weight_now(&self, scale: u32) -> u32 {
        let weight = self.target_weight().saturating_mul(scale);
        self.ramp.map_or(weight, |ramp| ramp.share_of(weight))
    }
}
