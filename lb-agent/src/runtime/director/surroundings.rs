//! What the director is told of this host: its interfaces, its addresses, and what has come of the
//! interfaces that the data plane was to use.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Director;
use crate::dataplane::port::Ports;
use crate::net::address::Address;
use crate::net::link::Link;

impl Director {
    /// An interface is new or has changed; whether the data plane has to hear of it.
    pub fn handle_link(&mut self, link: Link) -> bool {
        let known = self.links.get(&link.index);
        let is_news = known.is_none_or(|known| !known.is_as(&link));
        self.links.insert(link.index, link);
        is_news
    }

    /// An interface is gone; whether the data plane has to hear of it.
    pub fn handle_link_gone(&mut self, index: u32) -> bool {
        self.gone.insert(index);
        self.links.remove(&index).is_some()
    }

    /// The interfaces that have gone since this was last asked. One of them may be there again, as
    /// another one with the same number.
    pub fn take_gone(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.gone)
    }

    /// Interfaces may have gone unnoticed, and come again as they were.
    pub const fn doubt_attachments(&mut self) {
        self.doubtful = true;
    }

    /// Whether interfaces may have gone unnoticed since this was last asked.
    pub const fn take_doubt(&mut self) -> bool {
        std::mem::replace(&mut self.doubtful, false)
    }

    /// An address of this host is new; whether the data plane has to hear of it.
    pub fn handle_address(&mut self, address: &Address) -> bool {
        let (ip, index) = (address.address.addr(), address.index);
        if self.suspends(ip) && self.here.insert(ip) {
            self.address_news.push_back((ip, true));
        }
        let ours = self.virtual_addresses.contains(&ip);
        let new = (ours || self.suspends(ip)) && self.addresses.add(ip, index);
        new && ours
    }

    /// An address of this host is gone from an interface; whether the data plane has to hear of it.
    /// Where it was last remains the best guess for where its packets arrive.
    pub fn handle_address_gone(&mut self, address: IpAddr, index: u32) -> bool {
        let changed = self.addresses.remove(address, index);
        if !self.addresses.is_here(address) && self.here.remove(&address) {
            self.address_news.push_back((address, false));
        }
        changed
    }

    /// All addresses of this host.
    pub fn handle_addresses(&mut self, addresses: &[Address]) {
        let now: BTreeSet<(IpAddr, u32)> = addresses
            .iter()
            .map(|it| (it.address.addr(), it.index))
            .collect();
        let before: Vec<(IpAddr, u32)> = self.addresses.iter().collect();
        for (address, index) in before.into_iter().filter(|it| !now.contains(it)) {
            self.handle_address_gone(address, index);
        }
        for address in addresses {
            self.handle_address(address);
        }
    }

    /// The next address with `ha_suspend` that has come, or gone.
    pub fn poll_address(&mut self) -> Option<(IpAddr, bool)> {
        self.address_news.pop_front()
    }

    pub(super) fn suspends(&self, address: IpAddr) -> bool {
        self.suspending.contains(&address)
    }

    /// What has come of [`Self::interfaces`].
    pub fn handle_ports(&mut self, ports: Ports) {
        self.ports = ports;
    }

    /// What [`Self::handle_ports`] was told.
    pub const fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The interfaces, by index.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// The interface called `name`.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }
}
