//! Other settings for a member that goes on.

use std::sync::Arc;
use std::time::Instant;

use tracing::error;

use super::{Expected, Interfaces, Member, Outside};
use crate::vrrp::State;
use crate::vrrp::effects::Kernel;
use crate::vrrp::settings::{Kind, Status, VirtualRouter};
use crate::vrrp::status::Board;

impl Member {
    /// Its place in the configuration is another.
    pub(in crate::vrrp::router) const fn move_to(&mut self, place: usize) {
        self.place = place;
    }

    /// The gate may be one that nobody has opened yet.
    pub(in crate::vrrp::router) fn hold_gate<K: Kernel>(&self, outside: &Outside<K>) {
        if self.machine.state() == State::Master {
            outside.gate.arm(self.place);
        }
    }

    /// From now on it is `config`: addresses and routes that go are removed, those that come are
    /// set, everything else stays where it is.
    pub(in crate::vrrp::router) fn reload<K: Kernel>(
        &mut self,
        config: VirtualRouter,
        board: Arc<Board>,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let table = self.table();
        let before = std::mem::replace(&mut self.config, config);
        self.board = board;
        let expected = Expected::from(&self.config);
        if expected.is_unicast() != self.expected.is_unicast()
            || expected.old_unicast_checksum != self.expected.old_unicast_checksum
        {
            self.old_checksum = expected.sends_old_checksum();
        }
        self.expected = expected;
        let kernel = &mut outside.kernel;
        let addresses = self.config.addresses().cloned();
        let addresses = self.addresses.replace(addresses, kernel);
        let (routes, rules) = (&self.config.virtual_routes, &self.config.virtual_rules);
        let routing = self.routing.replace(routes, rules, kernel);
        self.probe = 0;
        self.block_anew(&before, &table, outside);
        self.machine.reload(&self.config, addresses || routing, now);
        self.carry_out(interfaces, outside, now);
        self.rejections.clear();
        self.mismatches.clear();
        self.publish();
    }

    /// `no_accept` came, went, or is about other addresses. Another table is made before the old
    /// one goes.
    fn block_anew<K: Kernel>(
        &mut self,
        before: &VirtualRouter,
        table: &str,
        outside: &mut Outside<K>,
    ) {
        let same = before.addresses().eq(self.config.addresses())
            && before.accept == self.config.accept
            && before.filter == self.config.filter;
        if !self.machine.holds_addresses() || same {
            return;
        }
        let blocked = std::mem::take(&mut self.blocked);
        self.block(outside);
        if blocked
            && (!self.blocked || table != self.table())
            && let Err(error) = outside.kernel.unblock(table)
        {
            error!("({}) {error}", self.config.name);
        }
    }

    /// How each of these things is; what the member knows already changes nothing.
    pub(in crate::vrrp::router) fn acquaint<K: Kernel>(
        &mut self,
        known: &[((Kind, String), Status)],
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        for ((kind, name), status) in known {
            self.track((*kind, name.as_str()), *status, interfaces, outside, now);
        }
    }

    /// What it tracks, and how that is, as far as it knows.
    pub(in crate::vrrp::router) fn known(
        &self,
    ) -> impl Iterator<Item = ((Kind, String), Status)> + '_ {
        let pairs = self.config.tracked.iter().zip(self.machine.tracked());
        pairs
            .filter(|(_, status)| **status != Status::Unknown)
            .map(|(tracked, status)| ((tracked.kind, tracked.name.clone()), *status))
    }
}
