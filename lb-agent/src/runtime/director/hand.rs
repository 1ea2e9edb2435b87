//! What operators set by hand.

use super::{Director, addressed};
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::Hand;
use crate::health::name::ServiceName;
use crate::health::pool::Pool;
use crate::log_line::LogLine;
use crate::observe::model::HandView;

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

    /// Everything that is set by hand, in the order of the configuration.
    pub fn by_hand(&self) -> Vec<HandView> {
        let of_pool = |pool: &Pool| -> Vec<HandView> {
            let key = pool.virtual_server();
            let view = |(real_server, hand): (RealServerKey, Hand)| HandView {
                virtual_server: key.to_string(),
                real_server: ServiceName::of_real_server(key, &real_server).to_string(),
                address: key.into(),
                drained: hand == Hand::Drain,
                weight: hand.weight(),
            };
            pool.by_hand().map(view).collect()
        };
        self.pools.iter().flat_map(of_pool).collect()
    }
}
