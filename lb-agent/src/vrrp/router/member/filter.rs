//! The packet filter of `no_accept`: who does not own the addresses does not take packets for them in.

use std::net::IpAddr;

use tracing::{error, info, warn};

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
        match restored {
            Ok(put_back) => {
                let name = &self.config.name;
                if put_back {
                    self.board.counters.filter_restored();
                }
                if self.filter_trouble.take().is_some() {
                    info!("({name}) no_accept has its effect (nftables table {table})");
                } else if put_back {
                    warn!(
                        "({name}) somebody removed or changed the packet filter of no_accept \
                         (nftables table {table}); put back"
                    );
                }
            }
            Err(error) => self.say_filter_trouble(&table, &error),
        }
    }

    /// Said once: it is tried again every second.
    fn say_filter_trouble(&mut self, table: &str, error: &NetlinkError) {
        let why = error.to_string();
        if self.filter_trouble.as_ref() != Some(&why) {
            let name = &self.config.name;
            error!(
                "({name}) no_accept has no effect, or nobody can tell (nftables table {table}): \
                 {why}; trying again every second"
            );
            self.filter_trouble = Some(why);
        }
    }

    /// `no_accept`: who does not own the addresses does not take packets for them in (RFC 9568
    /// 6.1, `Accept_Mode`).
    pub(super) fn block<K: Kernel>(&mut self, outside: &mut Outside<K>) {
        self.filter_trouble = None;
        if self.config.accept || self.is_owner() {
            return;
        }
        // Whether or not that works now: [`Self::restore_filter`] looks after it.
        self.blocked = true;
        if let Err(error) = self.set_filter(outside) {
            let table = self.table();
            self.say_filter_trouble(&table, &error);
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
