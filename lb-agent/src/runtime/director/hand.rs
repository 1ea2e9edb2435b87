//! What operators set by hand.

use super::{Director, addressed};
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::Hand;
use crate::log_line::LogLine;

impl Director {
    /// Sets a weight by hand, or clears it; whether the data plane has to hear of it. Nothing, if
    /// there is no such server.
    pub fn set_by_hand(
        &mut self,
        virtual_server: &VirtualServerKey,
        real_server: &RealServerKey,
        hand: Option<Hand>,
    ) -> (bool, Vec<LogLine>) {
        let mut pools = self.pools.iter_mut();
        let Some(pool) = pools.find(|pool| pool.virtual_server() == virtual_server) else {
            return (false, Vec::new());
        };
        let change = pool.set_by_hand(real_server, hand);
        self.notices.extend(addressed(pool, change.notices));
        (change.members_changed, change.lines)
    }
}
