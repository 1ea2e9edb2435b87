//! The packet filter of `no_accept`: who does not own the addresses does not take packets for them in.

use std::net::IpAddr;

use tracing::{error, warn};

use super::{Member, Outside};
use crate::vrrp::effects::Kernel;
use crate::vrrp::settings::VirtualRouter;

impl Member {
    pub(in crate::vrrp::router) const fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Somebody may have flushed the packet filters, as a firewall does when it is started anew.
    pub(in crate::vrrp::router) fn restore_filter<K: Kernel>(&mut self, outside: &mut Outside<K>) {
        if !self.blocked {
            return;
        }
        let name = &self.config.name;
        let addresses = self.config.addresses();
        let addresses: Vec<IpAddr> = addresses.map(|it| it.address.addr()).collect();
        match outside.kernel.is_blocked(&self.table(), &addresses) {
            Ok(true) => {}
            Ok(false) => {
                let table = self.table();
                warn!(
                    "({name}) somebody removed or changed the packet filter of no_accept (nftables \
                     table {table}); put back"
                );
                self.block(outside);
                self.board.counters.filter_restored();
            }
            Err(error) => warn!("({name}) {error}"),
        }
    }

    /// `no_accept`: who does not own the addresses does not take packets for them in (RFC 9568
    /// 6.1, `Accept_Mode`).
    pub(super) fn block<K: Kernel>(&mut self, outside: &mut Outside<K>) {
        if self.config.accept || self.is_owner() {
            return;
        }
        let addresses = self.config.addresses();
        let addresses: Vec<IpAddr> = addresses.map(|it| it.address.addr()).collect();
        match outside
            .kernel
            .block(&self.table(), &self.config.filter, &addresses)
        {
            Ok(()) => self.blocked = true,
            Err(error) => error!("({}) no_accept has no effect: {error}", self.config.name),
        }
    }

    /// Also at the start, for what a crash has left; who never used it need not have nftables.
    pub(super) fn unblock<K: Kernel>(&self, outside: &mut Outside<K>) {
        if let Err(error) = outside.kernel.unblock(&self.table())
            && !self.config.accept
        {
            error!("({}) {error}", self.config.name);
        }
    }

    /// The virtual router names it: the next agent finds what this one has left.
    pub(super) fn table(&self) -> String {
        let VirtualRouter {
            interface,
            virtual_router_id,
            family,
            filter,
            ..
        } = &self.config;
        let table = &filter.table;
        format!("{table}.{interface}.{virtual_router_id}.{}", family.name())
    }
}
