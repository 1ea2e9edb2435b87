//! All instances of this machine: packets and kernel events go to those they concern, and what
//! they decide is carried out.
//!
//! Clock and waiting are [`super::driver`]'s; the kernel is behind [`Kernel`]. Nothing is
//! allocated for an advert sent or received, but for what is said and told of it: a line of the log,
//! which a sender that goes on causes once a minute, and, of a worse master that a MASTER hears,
//! the news and the announcements that are its due.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{debug, info, warn};

use super::effects::{Afterwards, Kernel};
use super::instance::{Input, Interface};
use super::pace::{Frame, Pace};
use super::settings::{Family, Kind, Setup, Status, VirtualRouter};
use super::status::{Board, StaticCounters};
use super::{Gate, News};
use crate::net::monitor::Event;
use crate::wire::ip::Datagram;
use crate::wire::vrrp::{PROTOCOL, View};
use crate::wire::{arp, ndisc};

mod addresses;
mod complaint;
mod debounce;
mod groups;
mod interfaces;
mod links;
mod member;
mod names;
mod reload;
mod residue;
mod sources;
mod statics;
mod vmac;

use debounce::Debounce;
use groups::Group;
pub use interfaces::Interfaces;
use member::Member;
pub use reload::Reload;
use statics::Statics;
use vmac::Made;

/// Called on the VRRP thread at every piece of news; must not block.
pub type Listener = Box<dyn FnMut(News) + Send>;

/// The instances and all they act upon.
pub struct Router<K> {
    members: Vec<Member>,
    groups: Vec<Group>,
    interfaces: Interfaces,
    outside: Outside<K>,
    log_unknown_vrids: bool,
    statics: Statics,
    made: Made,
    /// The interfaces that were there at the start, by index: only those can be an earlier run's.
    earlier: Option<BTreeSet<u32>>,
    /// Routes or rules have changed: ours are looked after at this time.
    check_routing_at: Option<Instant>,
    /// Packet filters of ours are looked after at this time.
    check_filters_at: Option<Instant>,
    /// Addresses that could not be set are tried again at this time.
    check_addresses_at: Option<Instant>,
    /// The member whose turn it is then.
    check_addresses_of: usize,
    debounce: Debounce,
    disable_local_igmp: bool,
    dont_release: bool,
    /// The alias of the interfaces that are made.
    mark: String,
}

/// A change of the routes seldom comes alone; what is ours is put back within a second.
const ROUTING_SETTLES: Duration = Duration::from_millis(200);

/// Nobody tells when a packet filter is gone.
const FILTERS_LAST: Duration = Duration::from_millis(700);

/// Nor when the kernel would take an address that it has refused.
const ADDRESSES_WAIT: Duration = Duration::from_millis(700);

/// So many of them are tried again at a time: each costs a request, and adverts must not be late.
const REFUSALS: usize = 16;

/// What the instances act upon.
struct Outside<K> {
    kernel: K,
    pace: Pace,
    gate: Box<dyn Gate>,
    listener: Listener,
}

impl<K: Kernel> Outside<K> {
    /// Sends an announcement that had to wait.
    fn send(&mut self, frame: &Frame) {
        if let Err(error) = self.kernel.send_frame(frame.index, &frame.bytes) {
            warn!(
                "Error sending an announcement on interface number {}: {error}",
                frame.index
            );
        }
    }
}

impl<K: Kernel> Router<K> {
    /// A router that has not started.
    pub fn new(
        mut setup: Setup,
        kernel: K,
        gate: Box<dyn Gate>,
        listener: Listener,
        now: Instant,
    ) -> Self {
        let instances = setup.complete();
        let statics = Statics::new(&setup, &instances);
        let Setup { groups, global, .. } = setup;
        let member = |(place, config): (usize, VirtualRouter)| Member::new(place, config, now);
        Self {
            members: instances.into_iter().enumerate().map(member).collect(),
            groups: groups.iter().cloned().map(Group::new).collect(),
            interfaces: Interfaces::default(),
            outside: Outside {
                kernel,
                pace: Pace::new(&global.garp_groups),
                gate,
                listener,
            },
            log_unknown_vrids: global.log_unknown_vrids,
            statics,
            made: Made::default(),
            earlier: None,
            check_routing_at: None,
            check_filters_at: None,
            check_addresses_at: None,
            check_addresses_of: 0,
            debounce: Debounce::new(global.interface_up_down_delays),
            disable_local_igmp: global.disable_local_igmp,
            dont_release: global.dont_release,
            mark: global.mark,
        }
    }

    /// What each instance publishes, in the order of the configuration.
    pub fn boards(&self) -> Vec<Arc<Board>> {
        self.members
            .iter()
            .map(|member| Arc::clone(&member.board))
            .collect()
    }

    /// What was put back of what belongs to no instance.
    pub fn static_counters(&self) -> Arc<StaticCounters> {
        self.statics.counters()
    }

    /// The kernel.
    pub const fn kernel_mut(&mut self) -> &mut K {
        &mut self.outside.kernel
    }

    /// Looks at the interfaces and starts every instance.
    pub fn start(&mut self, now: Instant) {
        if self.disable_local_igmp {
            self.set_no_igmp();
        }
        self.read_links(now);
        if !self.made.is_empty() {
            // Those that were made are there now.
            self.read_links(now);
        }
        for member in &self.members {
            let config = &member.config;
            if self.interfaces.by_name(&config.interface).is_none() {
                let (interface, name) = (&config.interface, &config.name);
                warn!("WARNING - interface {interface} for vrrp_instance {name} doesn't exist");
            }
        }
        self.statics
            .complete(&mut self.outside.kernel, &self.interfaces);
        self.tell_first();
        for member in &mut self.members {
            member.handle(Input::Start, &self.interfaces, &mut self.outside, now);
        }
        self.settle(now);
    }

    fn set_no_igmp(&mut self) {
        let (path, kernel) = (
            "net/ipv4/igmp_link_local_mcast_reports",
            &mut self.outside.kernel,
        );
        kernel.set_sysctl(path, "0", Afterwards::AsBefore);
    }

    /// Stops every instance: MASTERs release their duty, addresses are removed.
    /// With `--dont-release-vrrp` nothing at all.
    pub fn stop(&mut self, now: Instant) {
        if self.dont_release {
            return info!("virtual addresses, routes and rules stay (--dont-release-vrrp)");
        }
        self.release(now);
    }

    /// The same without being asked to: whoever cannot go on must not keep the addresses.
    pub fn release(&mut self, now: Instant) {
        for member in &mut self.members {
            member.handle(Input::Shutdown, &self.interfaces, &mut self.outside, now);
        }
        self.statics.remove(&mut self.outside.kernel);
        self.remove_vmacs();
        self.settle(now);
    }

    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.check_routing_at.take_if(|at| *at <= now).is_some() {
            self.restore_routing();
        }
        if self.check_filters_at.take_if(|at| *at <= now).is_some() {
            for member in &mut self.members {
                member.restore_filter(&mut self.outside);
            }
        }
        if self.check_addresses_at.take_if(|at| *at <= now).is_some() {
            self.complete_addresses(now);
        }
        while let Some(link) = self.debounce.due(now) {
            self.update_link(link, now);
        }
        while let Some(frame) = self.outside.pace.poll(now) {
            self.outside.send(&frame);
        }
        for member in &mut self.members {
            if member.poll_timeout().is_some_and(|due| due <= now) {
                member.handle_timeout(&self.interfaces, &mut self.outside, now);
            }
        }
        self.settle(now);
    }

    /// Whether changes of routes and rules matter to anybody.
    pub fn minds_routing(setup: &Setup) -> bool {
        let mut instances = setup.instances.iter();
        Statics::new(setup, &[]).has_routing()
            || instances.any(|it| !it.virtual_routes.is_empty() || !it.virtual_rules.is_empty())
    }

    fn restore_routing(&mut self) {
        let kernel = &mut self.outside.kernel;
        self.statics.restore_routing(kernel, &self.interfaces);
        for member in &mut self.members {
            member.restore_routing(&self.interfaces, &mut self.outside);
        }
    }

    /// When [`Self::handle_timeout`] must be called next. Ask again after every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers = self.members.iter().filter_map(Member::poll_timeout);
        let debounced = self.debounce.poll_timeout();
        let paced = self.outside.pace.poll_timeout();
        let others = [
            self.check_routing_at,
            self.check_filters_at,
            self.check_addresses_at,
            debounced,
            paced,
        ];
        timers.chain(others.into_iter().flatten()).min()
    }

    /// Takes what is new about a tracked script, file, process or BFD instance.
    pub fn track(&mut self, kind: Kind, name: &str, status: Status, now: Instant) {
        for member in &mut self.members {
            let what = (kind, name);
            member.track(what, status, &self.interfaces, &mut self.outside, now);
        }
        self.settle(now);
    }

    /// The program is attached for this instance (`xdp_attach master`).
    pub fn handle_attached(&mut self, name: &str, now: Instant) {
        let member = self.members.iter_mut().find(|it| it.config.name == name);
        if let Some(member) = member {
            let input = Input::Attached;
            member.handle(input, &self.interfaces, &mut self.outside, now);
            self.settle(now);
        }
    }

    /// Takes what an advert socket of the interface `index` has received.
    pub fn handle_packet(&mut self, index: u32, bytes: &[u8], now: Instant) {
        let packet = match Datagram::parse(bytes) {
            Ok(packet) if packet.protocol == PROTOCOL => packet,
            Ok(packet) => return debug!("IP protocol {} on a VRRP socket", packet.protocol),
            Err(error) => return debug!("on a VRRP socket: {error}"),
        };
        let Some(view) = View::parse(packet.payload) else {
            return debug!("VRRP packet too short - {} bytes", bytes.len());
        };
        let Some(link) = self.interfaces.by_index(index) else {
            return;
        };
        // One id may stand for several virtual routers on an interface if their adverts can be
        // told apart by where they go. If none fits, the first says what is wrong with it.
        let is_for = |member: &Member| {
            member.config.interface == link.name
                && member.config.virtual_router_id == view.vrid()
                && member.config.family == Family::of(packet.source)
        };
        let fits = |member: &Member| is_for(member) && member.hears(&packet);
        let place = self.members.iter().position(fits);
        let place = place.or_else(|| self.members.iter().position(is_for));
        match place.and_then(|place| self.members.get_mut(place)) {
            Some(member) => {
                member.handle_packet(&packet, &view, &self.interfaces, &mut self.outside, now);
                self.settle(now);
            }
            None if self.log_unknown_vrids => {
                let (vrid, from, name) = (view.vrid(), packet.source, &link.name);
                info!("unknown VRID({vrid}) received on interface {name} from {from}. ignoring...");
            }
            None => {}
        }
    }

    /// Takes an Ethernet frame in which somebody may say that an address is his.
    pub fn handle_frame(&mut self, index: u32, frame: &[u8], now: Instant) {
        let reply = arp::Reply::parse(frame).map(|it| (IpAddr::V4(it.address), it.mac));
        let answer = reply.or_else(|| {
            let said = ndisc::Advertisement::parse(frame)?;
            Some((said.target.into(), said.mac))
        });
        let Some((address, mac)) = answer.filter(|_| self.interfaces.by_index(index).is_some())
        else {
            return;
        };
        let mut concerns_us = false;
        for member in &mut self.members {
            concerns_us |=
                member.handle_answer(address, mac, &self.interfaces, &mut self.outside, now);
        }
        // Whoever floods the segment with answers is not to cost a look at everything.
        if concerns_us {
            self.settle(now);
        }
    }

    /// Whether the interface of this name is another one than that of this index.
    fn is_another(&self, name: &str, index: u32) -> bool {
        let link = self.interfaces.by_name(name);
        link.is_some_and(|link| link.index != index) && self.interfaces.by_index(index).is_none()
    }

    /// Takes what the kernel tells of interfaces and addresses.
    pub fn handle_event(&mut self, event: Event, now: Instant) {
        match event {
            Event::Link(link) if self.made.has_removed(link.index) => {}
            Event::Link(link) => {
                let counts = self.debounced(link.clone(), now);
                self.update_link(counts, now);
                self.make_vmacs(&link);
            }
            // The news is old: we have removed it, or another one has the name already.
            Event::LinkGone { index, .. } if self.made.is_last_of_removed(index) => {}
            Event::LinkGone { index, name } if self.is_another(&name, index) => {}
            Event::LinkGone { index, name } => {
                self.remove_link(index, &name, now);
                self.make_vmac_again(&name);
            }
            Event::AddressAdded(address) => {
                if self.decides_source(&address) {
                    self.read_sources(now);
                }
            }
            Event::AddressRemoved(address) => {
                if self.decides_source(&address) {
                    self.read_sources(now);
                }
                let kernel = &mut self.outside.kernel;
                self.statics.restore_address(kernel, &address);
                for member in &mut self.members {
                    member.restore(&address, &self.interfaces, &mut self.outside, now);
                }
            }
            Event::Overrun => {
                warn!(
                    "the kernel's notifications were too many to follow; reading everything again"
                );
                self.read_links(now);
                self.restore_addresses(now);
                self.restore_routing();
            }
            Event::RouteChanged => {
                self.check_routing_at.get_or_insert(now + ROUTING_SETTLES);
            }
            Event::Neighbour(_) | Event::NeighbourGone(_) => {}
        }
        self.settle(now);
    }
}

#[cfg(test)]
mod tests;
