//! What operators set by hand.

use super::Director;
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::Hand;
use crate::health::pool::PoolChange;

impl Director {
    /// Sets a weight by hand, or clears it; nothing, if there is no such server.
    pub fn set_by_hand(
        &mut self,
        virtual_server: &VirtualServerKey,
        real_server: &RealServerKey,
        hand: Option<Hand>,
    ) -> PoolChange {
        let mut pools = self.pools.iter_mut();
        let pool = pools.find(|pool| pool.virtual_server() == virtual_server);
        pool.map_or_else(PoolChange::default, |pool| {
            pool.set_by_hand(real_server, hand)
        })
    }
}
