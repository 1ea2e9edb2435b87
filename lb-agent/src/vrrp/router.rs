//! All instances of this machine: packets and kernel events go to those they concern, and what
//! they decide is carried out.
//!
//! Clock and waiting are [`super::driver`]'s; the kernel is behind [`Kernel`]. Nothing is
//! allocated for an advert sent or received.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, error, info, warn};

use super::effects::Kernel;
use super::instance::{Input, Interface};
use super::status::Board;
use super::{Change, Gate};
use crate::config::model::VrrpInstance;
use crate::net::address::Address;
use crate::net::link::Link;
use crate::net::monitor::Event;
use crate::wire::ipv4::Packet;
use crate::wire::vrrp::{PROTOCOL, View};

mod complaint;
mod interfaces;
mod member;

pub use interfaces::Interfaces;
use member::Member;

/// Called on the VRRP thread at every change of a state; must not block.
pub type Listener = Box<dyn FnMut(Change) + Send>;

/// The instances and all they act upon.
pub struct Router<K> {
    members: Vec<Member>,
    interfaces: Interfaces,
    outside: Outside<K>,
}

/// What the instances act upon.
struct Outside<K> {
    kernel: K,
    gate: Box<dyn Gate>,
    changed: Listener,
}

impl<K: Kernel> Router<K> {
    /// A router that has not started.
    pub fn new(
        instances: Vec<VrrpInstance>,
        kernel: K,
        gate: Box<dyn Gate>,
        changed: Listener,
        now: Instant,
    ) -> Self {
        let member = |(place, config)| Member::new(place, config, now);
        Self {
            members: instances.into_iter().enumerate().map(member).collect(),
            interfaces: Interfaces::default(),
            outside: Outside {
                kernel,
                gate,
                changed,
            },
        }
    }

    /// What each instance publishes, in the order of the configuration.
    pub fn boards(&self) -> Vec<Arc<Board>> {
        self.members
            .iter()
            .map(|member| Arc::clone(&member.board))
            .collect()
    }

    /// The kernel.
    pub const fn kernel_mut(&mut self) -> &mut K {
        &mut self.outside.kernel
    }

    /// Looks at the interfaces and starts every instance.
    pub fn start(&mut self, now: Instant) {
        self.read_links(now);
        for member in &self.members {
            let config = &member.config;
            if self.interfaces.by_name(&config.interface).is_none() {
                let (interface, name) = (&config.interface, &config.name);
                warn!("WARNING - interface {interface} for vrrp_instance {name} doesn't exist");
            }
        }
        for member in &mut self.members {
            member.handle(Input::Start, &self.interfaces, &mut self.outside, now);
        }
    }

    /// Stops every instance: MASTERs release their duty, addresses are removed.
    pub fn stop(&mut self, now: Instant) {
        for member in &mut self.members {
            member.handle(Input::Shutdown, &self.interfaces, &mut self.outside, now);
        }
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        for member in &mut self.members {
            if member.poll_timeout().is_some_and(|due| due <= now) {
                member.handle_timeout(&self.interfaces, &mut self.outside, now);
            }
        }
    }

    /// When [`Self::handle_timeout`] must be called next. Ask again after every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.members.iter().filter_map(Member::poll_timeout).min()
    }

    /// Takes what an advert socket of the interface `index` has received.
    pub fn handle_packet(&mut self, index: u32, bytes: &[u8], now: Instant) {
        let packet = match Packet::parse(bytes) {
            Ok(packet) if packet.protocol() == PROTOCOL => packet,
            Ok(packet) => return debug!("IP protocol {} on a VRRP socket", packet.protocol()),
            Err(error) => return debug!("on a VRRP socket: {error}"),
        };
        let Some(view) = View::parse(packet.payload()) else {
            return debug!("IPv4 VRRP packet too short - {} bytes", bytes.len());
        };
        let Some(name) = self
            .interfaces
            .by_index(index)
            .map(|link| link.name.as_str())
        else {
            return;
        };
        // One id may stand for several virtual routers on an interface if their adverts can be
        // told apart by where they go. If none fits, the first says what is wrong with it.
        let is_for = |member: &Member| {
            member.config.interface == name && member.config.virtual_router_id == view.vrid()
        };
        let fits = |member: &Member| is_for(member) && member.hears(&packet);
        let place = self.members.iter().position(fits);
        let place = place.or_else(|| self.members.iter().position(is_for));
        if let Some(member) = place.and_then(|place| self.members.get_mut(place)) {
            member.handle_packet(&packet, &view, &self.interfaces, &mut self.outside, now);
        }
    }

    /// Takes what the kernel tells of interfaces and addresses.
    pub fn handle_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Link(link) => self.update_link(link, now),
            Event::LinkGone { index, name } => self.remove_link(index, &name, now),
            Event::AddressAdded(address) => {
                if self.decides_source(&address) {
                    self.read_sources(now);
                }
            }
            Event::AddressRemoved(address) => {
                if self.decides_source(&address) {
                    self.read_sources(now);
                }
                for member in &mut self.members {
                    member.restore(&address, &self.interfaces, &mut self.outside);
                }
            }
            Event::Overrun => {
                warn!(
                    "the kernel's notifications were too many to follow; reading everything again"
                );
                self.read_links(now);
            }
            Event::Neighbour(_) | Event::NeighbourGone(_) | Event::RouteChanged => {}
        }
    }

    fn read_links(&mut self, now: Instant) {
        let links = match self.outside.kernel.links() {
            Ok(links) => links,
            Err(error) => return error!("{error}"),
        };
        for (index, name) in self.interfaces.missing_from(&links) {
            self.remove_link(index, &name, now);
        }
        for link in links {
            self.update_link(link, now);
        }
        self.read_sources(now);
    }

    fn update_link(&mut self, link: Link, now: Instant) {
        if let Some(former) = self.interfaces.displaced_by(&link) {
            // Renamed, or made anew under the same name.
            self.remove_link(former.index, &former.name, now);
        }
        let before = self.interfaces.by_name(&link.name).map(|link| link.up);
        if before.is_some_and(|up| up != link.up) && self.is_used(&link.name) {
            info!(
                "Netlink reports {} {}",
                link.name,
                if link.up { "up" } else { "down" }
            );
        }
        let (name, up) = (link.name.clone(), link.up);
        let is_new_primary = before.is_none() && self.is_primary(&name);
        if is_new_primary {
            self.open(&link);
        }
        self.interfaces.insert(link);
        if is_new_primary {
            self.read_sources(now);
        }
        if before == Some(up) {
            return;
        }
        let interface = if up { Interface::Up } else { Interface::Down };
        for member in &mut self.members {
            if member.config.interface == name {
                let input = Input::Interface(interface);
                member.handle(input, &self.interfaces, &mut self.outside, now);
            } else {
                member.complete(&self.interfaces, &mut self.outside);
            }
        }
    }

    fn remove_link(&mut self, index: u32, name: &str, now: Instant) {
        self.interfaces.remove(index);
        self.outside.kernel.close(index);
        if self.is_used(name) {
            info!("Netlink reports {name} down");
        }
        for member in &mut self.members {
            member.addresses.forget(index);
            if member.config.interface == name {
                let input = Input::Interface(Interface::Missing);
                member.handle(input, &self.interfaces, &mut self.outside, now);
                member.set_source(None, &self.interfaces, &mut self.outside, now);
            }
        }
    }

    /// Begins to hear and speak on an interface. A failure leaves the instance deaf: it would
    /// become a second master, so the operator must know.
    fn open(&mut self, link: &Link) {
        let mut groups: Vec<Ipv4Addr> = self
            .members
            .iter()
            .filter(|member| member.config.interface == link.name && !member.is_unicast())
            .map(|member| member.config.mcast_dst_ip)
            .collect();
        groups.sort_unstable();
        groups.dedup();
        if let Err(error) = self.outside.kernel.open(link, &groups) {
            error!(
                "cannot open a VRRP socket on {}: {error}; no advert is heard there",
                link.name
            );
        }
    }

    /// Whether the coming or going of an address may change what adverts are sent from: an address
    /// of an instance's interface that is not virtual.
    fn decides_source(&self, address: &Address) -> bool {
        self.interfaces
            .by_index(address.index)
            .is_some_and(|link| self.is_primary(&link.name))
            && (!self.is_virtual(address) || self.members.iter().any(Member::is_owner))
    }

    fn is_virtual(&self, address: &Address) -> bool {
        self.members
            .iter()
            .any(|member| member.has_virtual(address.address.addr()))
    }

    /// Finds out again which address each instance sends from: the configured one, else the
    /// interface's first that is not virtual. Only an owner may send from a virtual address: it is
    /// its own.
    fn read_sources(&mut self, now: Instant) {
        let addresses = match self.outside.kernel.addresses() {
            Ok(addresses) => addresses,
            Err(error) => return error!("{error}"),
        };
        let (own, of_virtual): (Vec<_>, Vec<_>) = addresses
            .into_iter()
            .partition(|address| !self.is_virtual(address));
        for member in &mut self.members {
            let Some(link) = self.interfaces.by_name(&member.config.interface) else {
                continue;
            };
            let first = |of: &[Address]| of.iter().find_map(|address| ipv4_of(address, link.index));
            let owned = || {
                if member.is_owner() {
                    first(&of_virtual)
                } else {
                    None
                }
            };
            let source = member.config.source.or_else(|| first(&own)).or_else(owned);
            member.set_source(source, &self.interfaces, &mut self.outside, now);
        }
    }

    /// Whether an instance sends its adverts there.
    fn is_primary(&self, name: &str) -> bool {
        self.members
            .iter()
            .any(|member| member.config.interface == name)
    }

    /// Whether an instance sends its adverts or has addresses there.
    fn is_used(&self, name: &str) -> bool {
        self.is_primary(name)
            || self.members.iter().any(|member| {
                member
                    .addresses
                    .iter()
                    .any(|(address, _)| address.dev == name)
            })
    }
}

/// The IPv4 address, if it is one of this interface.
fn ipv4_of(address: &Address, index: u32) -> Option<Ipv4Addr> {
    match address.address {
        ipnet::IpNet::V4(network) if address.index == index => Some(network.addr()),
        ipnet::IpNet::V4(_) | ipnet::IpNet::V6(_) => None,
    }
}

#[cfg(test)]
mod tests;
