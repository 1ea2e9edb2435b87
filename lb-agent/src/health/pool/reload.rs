//! A pool that goes on with other settings.

use super::{Pool, PoolChange};
use crate::health::spec::PoolSpec;

impl Pool {
    /// From now on it is `spec`, of the same virtual server. Servers that stay are up or down, ramp
    /// and stand by hand as they did; those that are new count as at a start; those that go are told to
    /// be down, if they were up; the quorum is what that comes to.
    pub fn reload(self, spec: impl Into<PoolSpec>) -> (Self, PoolChange) {
        let (mut pool, mut change) = Self::without_members(spec.into());
        for server in &mut pool.servers {
            let mut known = self.servers.iter();
            match known.find(|before| before.key == server.key) {
                Some(before) => server.succeed(before),
                None if server.up && pool.rules.rs_init_notifies => {
                    change.notices.push(server.tell());
                }
                None => {}
            }
        }
        let names = pool.names();
        let gone = |key| pool.servers.iter().all(|server| server.key != key);
        let gone = self.servers.iter().filter(|server| gone(server.key));
        for server in gone.filter(|server| server.up) {
            change.lines.push(names.removed(&server.key));
            change.notices.push(server.gone(true));
        }
        (pool.has_quorum, pool.quorum_told) = (self.has_quorum, self.quorum_told);
        pool.members = self.members;
        pool.update_quorum(&mut change);
        let change = pool.settled(change);
        (pool, change)
    }
}
