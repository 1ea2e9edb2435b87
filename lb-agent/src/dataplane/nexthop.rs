//! The next hop of every real server: interface, both Ethernet addresses, MTU. Pure.
//!
//! ```text
//!  watch ──▶ LookUpRoute ──▶ handle_route ──▶ hop (interface, router or server itself)
//!                ▲                                 │ shared by all servers behind it
//!    routes or a link changed                      ▼
//!                                  Probe ◀── schedule ◀── handle_neighbour
//!                                                  │
//!                       poll_changed, resolved ◀───┘ with handle_link
//! ```
//!
//! Packets that XDP forwards keep no neighbour entry alive: the kernel does not see them. So the
//! hop of every watched server is asked for again before the kernel would forget it, and at once
//! when it turns stale (`schedule`); a server whose hop does not answer is unresolved, and its
//! packets are the kernel's matter until it answers.
//!
//! In NAT mode the answers of the servers go back to clients, and most of those are behind a
//! router. XDP takes the way back from the kernel's tables, packet by packet, and the kernel does
//! not ask for a router that nobody has sent to. So the routers of this host's routes can be kept
//! known in the same way ([`NextHops::keep_gateways`]).
//!
//! This module neither asks the kernel nor reads a clock; its owner, the supervisor, carries out
//! [`Action`]s with [`crate::net`], feeds what [`crate::net::monitor`] tells, and after each call
//! of a `handle_` method, [`NextHops::watch`] and [`NextHops::forget`] polls actions, changes and
//! the time-out again. Which servers there are, and what a backend slot looks like, others know.

mod gateways;
mod hops;
mod paths;
pub mod resolution;
mod schedule;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::Serialize;

use self::gateways::Gateways;
use self::hops::{HopKey, Hops};
use self::paths::Paths;
pub use self::resolution::{Hop, Reason, Resolution};
use self::schedule::Phase;
use crate::net::link::Link;
use crate::net::neighbour::{Neighbour, NeighbourState};
use crate::net::route::{Gateway, Route};

/// Changes of routes come in flocks; the routes are asked for again when so long has passed since
/// the first one.
const ROUTES_SETTLE: Duration = Duration::from_millis(100);

/// A route that was not there is asked for again so often, in case nothing tells of its coming.
const NO_ROUTE_RETRY: Duration = Duration::from_secs(30);

/// What the owner has to ask the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Action {
    /// Ask for the route to the address and give the answer to [`NextHops::handle_route`].
    LookUpRoute(IpAddr),
    /// List the gateways of the routes ([`crate::net::route::gateways`]) and give them to
    /// [`NextHops::handle_gateways`].
    ListGateways,
    /// Make the kernel ask for this neighbour now ([`crate::net::neighbour::probe`]).
    Probe {
        /// The interface.
        index: u32,
        /// The router or the server itself.
        address: IpAddr,
    },
}

/// The next hops of a set of addresses. A clone knows the same, and asks and probes by itself.
#[derive(Clone, Debug, Default)]
pub struct NextHops {
    links: HashMap<u32, Link>,
    neighbours: HashMap<HopKey, Neighbour>,
    watched: BTreeMap<IpAddr, Watched>,
    hops: Hops,
    /// When every route is asked for again.
    routes_due: Option<Instant>,
    /// When the routes that were not there are asked for again.
    no_routes_due: Option<Instant>,
    lookups: BTreeSet<IpAddr>,
    changed: BTreeSet<IpAddr>,
    gateways: Gateways,
    paths: Paths,
}

#[derive(Clone, Debug)]
struct Watched {
    way: Way,
    /// The interface of the last route there was.
    interface: Option<u32>,
    resolution: Resolution,
}

#[derive(Clone, Debug)]
enum Way {
    Unasked,
    None(String),
    To(Route),
}

impl NextHops {
    /// Nothing watched, nothing known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins to watch `address`; once more changes nothing.
    pub fn watch(&mut self, address: IpAddr) {
        self.watched.entry(address).or_insert_with(|| {
            self.lookups.insert(address);
            Watched {
                way: Way::Unasked,
                interface: None,
                resolution: Resolution::Unknown(Reason::RouteNotAsked),
            }
        });
    }

    /// Ends to watch `address`.
    pub fn forget(&mut self, address: IpAddr) {
        if let Some(watched) = self.watched.remove(&address)
            && let Some(key) = hop_key(address, &watched.way)
        {
            self.hops.leave(key, address);
        }
        self.lookups.remove(&address);
        self.changed.remove(&address);
        self.paths.forget(address);
    }

    /// The addresses that are watched.
    pub fn watched(&self) -> impl Iterator<Item = IpAddr> {
        self.watched.keys().copied()
    }

    /// Keeps the gateways of this host's routes known from now on.
    pub fn keep_gateways(&mut self) {
        self.gateways.keep();
    }

    /// The kernel's answer to [`Action::ListGateways`]; without one it is asked again later.
    pub fn handle_gateways(&mut self, found: Option<BTreeSet<Gateway>>, now: Instant) {
        let Some(found) = found else {
            self.gateways.failed(now);
            return;
        };
        let keys: BTreeSet<HopKey> = found
            .into_iter()
            .map(|Gateway { index, address }| HopKey { index, address })
            .collect();
        for key in self.gateways.gone(&keys) {
            self.hops.release(key);
        }
        for key in &keys {
            self.hops.keep(*key, self.phase(*key), now);
        }
        self.gateways.set(keys, now);
        self.fire_due(now);
    }

    /// The interfaces that the gateways are behind.
    pub fn gateway_interfaces(&self) -> BTreeSet<u32> {
        self.gateways.interfaces()
    }

    /// The kernel's answer to [`Action::LookUpRoute`]; the error says why there is no route.
    pub fn handle_route(&mut self, address: IpAddr, route: Result<Route, String>, now: Instant) {
        let Some(watched) = self.watched.get_mut(&address) else {
            return;
        };
        let way = match route {
            Ok(route) => Way::To(route),
            Err(why) => Way::None(why),
        };
        if let Way::None(_) = way {
            let due = now + NO_ROUTE_RETRY;
            self.no_routes_due = self.no_routes_due.or(Some(due));
        }
        let new = hop_key(address, &way);
        let old = hop_key(address, &watched.way);
        if let Way::To(route) = &way {
            watched.interface = (!route.local).then_some(route.index);
        }
        watched.way = way;
        if old != new {
            if let Some(key) = old {
                self.hops.leave(key, address);
            }
            if let Some(key) = new {
                self.hops.join(key, address, self.phase(key), now);
            }
        }
        self.resolve(address);
        self.fire_due(now);
    }

    /// Takes over the routes that `other` was told a moment ago, of addresses that nobody has asked
    /// for here yet.
    pub fn learn(&mut self, other: &Self, now: Instant) {
        let is_new = |address: &IpAddr| {
            let watched = self.watched.get(address);
            watched.is_some_and(|it| matches!(it.way, Way::Unasked))
        };
        let known = |address: &IpAddr| match &other.watched.get(address)?.way {
            Way::To(route) => Some((*address, *route)),
            Way::Unasked | Way::None(_) => None,
        };
        let new = self.lookups.iter().filter(|address| is_new(address));
        let found: Vec<(IpAddr, Route)> = new.filter_map(known).collect();
        for (address, route) in found {
            self.lookups.remove(&address);
            self.handle_route(address, Ok(route), now);
        }
    }

    /// The addresses of this host. A way that says otherwise of its destination has changed since the
    /// kernel was asked, and is asked for again.
    pub fn handle_addresses(&mut self, own: &BTreeSet<IpAddr>) {
        let again = self.watched.iter().filter(|(address, watched)| {
            let is_own = own.contains(*address);
            match &watched.way {
                Way::Unasked => false,
                Way::None(_) => is_own,
                Way::To(route) => route.local != is_own,
            }
        });
        self.lookups.extend(again.map(|(address, _)| *address));
    }

    /// A router says that no more than `mtu` bytes fit the path to `address`, for a packet that
    /// `source` has sent. Nobody is believed who speaks of packets that we do not send.
    pub fn handle_path_mtu(&mut self, address: IpAddr, source: IpAddr, mtu: u32, now: Instant) {
        let Resolution::Via(hop) = self.resolved(address) else {
            return;
        };
        if hop.source == Some(source) && mtu < hop.mtu {
            self.paths.note(address, mtu, now);
            self.resolve(address);
        }
    }

    /// Routes or routing rules have changed.
    pub fn handle_routes_changed(&mut self, now: Instant) {
        self.ask_routes_by(now + ROUTES_SETTLE);
    }

    /// An interface is there or has changed. Routes may have changed with it, and the kernel does
    /// not tell those of IPv4 that a link takes down with it.
    pub fn handle_link(&mut self, link: Link, now: Instant) {
        let index = link.index;
        let up = link.up;
        let before = self.links.insert(index, link);
        if before.as_ref() == self.links.get(&index) {
            return;
        }
        if up && before.is_none_or(|before| !before.up) {
            self.restart_hops_of(index, now);
        }
        self.link_changed(index, now);
        self.fire_due(now);
    }

    /// An interface is gone.
    pub fn handle_link_gone(&mut self, index: u32, now: Instant) {
        if self.links.remove(&index).is_some() {
            self.link_changed(index, now);
        }
    }

    /// A neighbour is there or has changed.
    pub fn handle_neighbour(&mut self, neighbour: Neighbour, now: Instant) {
        let key = HopKey {
            index: neighbour.index,
            address: neighbour.address,
        };
        let before = self.phase(key);
        self.neighbours.insert(key, neighbour);
        self.neighbour_changed(key, before, now);
    }

    /// The kernel has forgotten a neighbour.
    pub fn handle_neighbour_gone(&mut self, index: u32, address: IpAddr, now: Instant) {
        let key = HopKey { index, address };
        let before = self.phase(key);
        if self.neighbours.remove(&key).is_some() {
            self.neighbour_changed(key, before, now);
        }
    }

    /// All interfaces and all neighbours there are: at the start, and after
    /// [`crate::net::monitor::Event::Overrun`]. The routes are asked for again.
    pub fn handle_snapshot(&mut self, links: Vec<Link>, neighbours: Vec<Neighbour>, now: Instant) {
        let mut gone_links: BTreeSet<u32> = self.links.keys().copied().collect();
        for link in links {
            gone_links.remove(&link.index);
            self.handle_link(link, now);
        }
        for index in gone_links {
            self.handle_link_gone(index, now);
        }
        let mut gone: BTreeSet<HopKey> = self.neighbours.keys().copied().collect();
        for neighbour in neighbours {
            gone.remove(&HopKey {
                index: neighbour.index,
                address: neighbour.address,
            });
            self.handle_neighbour(neighbour, now);
        }
        for HopKey { index, address } in gone {
            self.handle_neighbour_gone(index, address, now);
        }
        self.lookups.extend(self.watched.keys());
        self.gateways.list_now();
    }

    /// The time of [`Self::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.routes_due.take_if(|due| *due <= now).is_some() {
            self.lookups.extend(self.watched.keys());
            self.gateways.routes_changed();
        }
        self.gateways.handle_timeout(now);
        for address in self.paths.expire(now) {
            self.resolve(address);
        }
        if self.no_routes_due.take_if(|due| *due <= now).is_some() {
            let unrouted = |(_, watched): &(&IpAddr, &Watched)| matches!(watched.way, Way::None(_));
            let addresses = self
                .watched
                .iter()
                .filter(unrouted)
                .map(|(address, _)| *address);
            self.lookups.extend(addresses);
        }
        self.fire_due(now);
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let timers = [
            self.hops.due(),
            self.routes_due,
            self.no_routes_due,
            self.gateways.poll_timeout(),
            self.paths.due(),
        ];
        timers.into_iter().flatten().min()
    }

    /// The next thing to ask the kernel.
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        if let Some(address) = self.lookups.pop_first() {
            return Some(Action::LookUpRoute(address));
        }
        if self.gateways.poll_list() {
            return Some(Action::ListGateways);
        }
        let HopKey { index, address } = self.hops.probes.pop_first()?;
        Some(Action::Probe { index, address })
    }

    /// An address whose [`Resolution`] is another one than when it was last polled here.
    #[must_use]
    pub fn poll_changed(&mut self) -> Option<IpAddr> {
        self.changed.pop_first()
    }

    /// What is known of `address`; of one that is not watched, nothing.
    pub fn resolved(&self, address: IpAddr) -> &Resolution {
        const NOTHING: &Resolution = &Resolution::Unknown(Reason::RouteNotAsked);
        self.watched
            .get(&address)
            .map_or(NOTHING, |watched| &watched.resolution)
    }

    /// The interface that the route to `address` leads by, whether its next hop answers or not;
    /// without a route, the interface of the last one. `None`: there was none yet, or the address
    /// is this host's.
    pub fn interface(&self, address: IpAddr) -> Option<u32> {
        self.watched.get(&address)?.interface
    }

    /// An interface by its index.
    pub fn link(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// Probes what is due.
    fn fire_due(&mut self, now: Instant) {
        let neighbours = &self.neighbours;
        let phase = |key| Phase::of(neighbours.get(&key));
        while let Some(key) = self.hops.pop_due(phase, now) {
            // A link that is down carries no question; the schedule begins anew when it is up.
            if self.links.get(&key.index).is_some_and(|link| link.up) {
                self.hops.probes.insert(key);
            }
        }
    }

    fn ask_routes_by(&mut self, due: Instant) {
        self.routes_due = Some(self.routes_due.map_or(due, |before| before.min(due)));
    }

    fn link_changed(&mut self, index: u32, now: Instant) {
        self.ask_routes_by(now + ROUTES_SETTLE);
        for key in self.hops.of_link(index) {
            self.resolve_users(key);
        }
    }

    fn restart_hops_of(&mut self, index: u32, now: Instant) {
        for key in self.hops.of_link(index) {
            self.hops.restart(key, self.phase(key), now);
        }
    }

    fn neighbour_changed(&mut self, key: HopKey, before: Phase, now: Instant) {
        let state = self.neighbours.get(&key).map(|neighbour| neighbour.state);
        let failed = state == Some(NeighbourState::Failed);
        self.hops.observe(key, before, self.phase(key), failed, now);
        self.resolve_users(key);
        self.fire_due(now);
    }

    fn phase(&self, key: HopKey) -> Phase {
        Phase::of(self.neighbours.get(&key))
    }

    fn resolve_users(&mut self, key: HopKey) {
        for address in self.hops.users(key) {
            self.resolve(address);
        }
    }

    /// Works out the resolution of `address` anew.
    fn resolve(&mut self, address: IpAddr) {
        let Some(watched) = self.watched.get(&address) else {
            return;
        };
        let resolution = match &watched.way {
            Way::Unasked => Resolution::Unknown(Reason::RouteNotAsked),
            Way::None(why) => Resolution::Unknown(Reason::NoRoute(why.clone())),
            Way::To(route) if route.local => Resolution::Local,
            Way::To(route) => self.resolve_route(route, route.next_hop(address)),
        };
        let resolution = self.narrowed(address, resolution);
        if resolution != watched.resolution
            && let Some(watched) = self.watched.get_mut(&address)
        {
            watched.resolution = resolution;
            self.changed.insert(address);
        }
    }

    /// With what fits the whole path.
    fn narrowed(&self, address: IpAddr, resolution: Resolution) -> Resolution {
        match (resolution, self.paths.mtu(address)) {
            (Resolution::Via(hop), Some(mtu)) => Resolution::Via(Hop {
                mtu: hop.mtu.min(mtu),
                ..hop
            }),
            (resolution, _) => resolution,
        }
    }

    fn resolve_route(&self, route: &Route, next_hop: IpAddr) -> Resolution {
        let key = HopKey {
            index: route.index,
            address: next_hop,
        };
        let failed = self.hops.has_failed(key);
        resolution::through(
            route,
            next_hop,
            self.links.get(&route.index),
            self.neighbours.get(&key),
            failed,
        )
    }
}

/// The hop an address goes by; `None` without a route, and where this host serves it itself.
fn hop_key(address: IpAddr, way: &Way) -> Option<HopKey> {
    match way {
        Way::To(route) if !route.local => Some(HopKey {
            index: route.index,
            address: route.next_hop(address),
        }),
        Way::To(_) | Way::Unasked | Way::None(_) => None,
    }
}

#[cfg(test)]
mod tests;
