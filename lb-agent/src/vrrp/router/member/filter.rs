//! The packet filter of `no_accept`: who does not own the addresses does not take packets for them in.

use std::net::IpAddr;

use tracing::{error, warn};

use super::{Member, Outside};
use crate::net::netlink::NetlinkError;
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
        let table = self.table();
        let stands = outside.kernel.is_blocked(&table, &self.filtered());
        let restored = stands.and_then(|stands| {
            if stands {
                return Ok(false);
            }
            self.set_filter(outside).map(|()| true)
        });
        let name = &self.config.name;
        match restored {
            Ok(true) => {
                warn!(
                    "({name}) somebody removed or changed the packet filter of no_accept (nftables \
                     table {table}); put back"
                );
                self.board.counters.filter_restored();
                self.filter_trouble = None;
            }
            Ok(false) => self.filter_trouble = None,
            Err(error) => {
                let why = error.to_string();
                if self.filter_trouble.as_ref() != Some(&why) {
                    error!(
                        "({name}) no_accept has no effect, or nobody can tell (nftables table \
                         {table}): {why}; trying again every second"
                    );
                    self.filter_trouble = Some(why);
                }
            }
        }
    }

    /// `no_accept`: who does not own the addresses does not take packets for them in (RFC 9568
    /// 6.1, `Accept_Mode`).
    pub(super) fn block<K: Kernel>(&mut self, outside: &mut Outside<K>) {
        if self.config.accept || self.is_owner() {
            return;
        }
        match self.set_filter(outside) {
            Ok(()) => {
                self.blocked = true;
                self.filter_trouble = None;
            }
            Err(error) => error!("({}) no_accept has no effect: {error}", self.config.name),
        }
    }

    fn set_filter<K: Kernel>(&self, outside: &mut Outside<K>) -> Result<(), NetlinkError> {
        let (table, filter) = (self.table(), &self.config.filter);
        outside.kernel.block(&table, filter, &self.filtered())
    }

    /// The addresses that it is about.
    fn filtered(&self) -> Vec<IpAddr> {
        let addresses = self.config.addresses();
        addresses.map(|it| it.address.addr()).collect()
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
