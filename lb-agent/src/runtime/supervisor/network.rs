//! The network around us, as the kernel tells it: links, addresses, neighbours, routes go to the
//! director; what its next hops want to know or to have probed is asked of the kernel.

use std::net::IpAddr;
use std::time::Instant;

use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::dataplane::nexthop::{Action, Reason, Resolution};
use crate::net::link::Link;
use crate::net::monitor::{Event, Group, Monitor};
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::{address, link, neighbour, route};
use crate::runtime::clock;
use crate::runtime::director::Director;
use crate::runtime::supervisor::listener::listen;
use crate::runtime::supervisor::loss::Loss;
use crate::runtime::supervisor::paths::Paths;
use crate::wire::path_mtu::TooNarrow;

/// Netlink, for questions and for news.
pub(super) struct Network {
    connection: Connection,
    news: mpsc::UnboundedReceiver<Event>,
    /// News were lost; everything has to be read again.
    loss: Loss,
    /// Who is heard on paths of tunnels; `None`: there are none, or nobody can be heard.
    paths: Option<Paths>,
}

/// What has happened.
pub(super) enum News {
    /// As the kernel tells.
    Kernel(Event),
    /// As a router on the path of a tunnel tells.
    Path(TooNarrow),
}

impl Network {
    /// Opens both sockets, news first, so that nothing falls between the two.
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let monitor = Monitor::open(&Group::ALL)?;
        let (sender, news) = mpsc::unbounded_channel();
        std::thread::Builder::new()
            .name("netlink".into())
            .spawn(move || listen(monitor, || Monitor::open(&Group::ALL), &sender))
            .map_err(|source| NetlinkError::Thread { source })?;
        Ok(Self {
            connection: Connection::open()?,
            news,
            loss: Loss::default(),
            paths: None,
        })
    }

    /// Reads everything there is; every route is asked for.
    pub(super) fn read_all(&mut self, director: &mut Director) -> Result<(), NetlinkError> {
        let neighbours = neighbour::list(&mut self.connection)?;
        let links = self.read_surroundings(director)?;
        // One that has gone and come back meanwhile may look as it did.
        director.doubt_attachments();
        director
            .hops()
            .handle_snapshot(links, neighbours, clock::now());
        Ok(())
    }

    /// Reads interfaces and addresses, for a director that has another configuration, or tries one:
    /// it wants to know of more of them than before. What it knows of neighbours and routes is true
    /// until the kernel tells otherwise; a question for each of thousands of servers would hold up
    /// everything else. Gives the interfaces.
    pub(super) fn read_surroundings(
        &mut self,
        director: &mut Director,
    ) -> Result<Vec<Link>, NetlinkError> {
        self.listen_to_paths(director);
        let links = link::list(&mut self.connection)?;
        let addresses = address::list(&mut self.connection)?;
        director.handle_surroundings(&links, &addresses, clock::now());
        Ok(links)
    }

    fn listen_to_paths(&mut self, director: &Director) {
        if self.paths.is_none() && director.uses_tunnels() {
            let paths = Paths::listen();
            let told = paths.inspect_err(|error| {
                warn!("cannot hear which packets in tunnels do not fit: {error}");
            });
            self.paths = told.ok();
        }
    }

    /// Reads interfaces and addresses again, for the director that goes on with another
    /// configuration. If that fails, everything is tried again until it can be read.
    pub(super) fn read_again(&mut self, director: &mut Director) {
        // Nobody tells when somebody takes a program off an interface.
        director.doubt_attachments();
        if self.read_surroundings(director).is_err() {
            self.loss.note();
            self.mend(director);
        }
    }

    /// The next piece of news.
    pub(super) async fn news(&mut self) -> News {
        let kernel = async {
            match self.news.recv().await {
                Some(event) => event,
                None => std::future::pending().await,
            }
        };
        let Some(paths) = &self.paths else {
            return News::Kernel(kernel.await);
        };
        tokio::select! {
            event = kernel => News::Kernel(event),
            told = paths.next() => News::Path(told),
        }
    }

    /// Hands news to the director, this and whatever else has come meanwhile; whether the data
    /// plane has to hear of it, next hops excepted.
    pub(super) fn handle(&mut self, news: News, director: &mut Director) -> bool {
        let mut changed = match news {
            News::Kernel(event) => self.handle_one(event, director),
            News::Path(told) => {
                let (server, source) = (told.destination, told.source);
                let now = clock::now();
                director
                    .hops()
                    .handle_path_mtu(server, source, told.mtu, now);
                false
            }
        };
        while let Ok(event) = self.news.try_recv() {
            changed |= self.handle_one(event, director);
        }
        changed | self.mend(director)
    }

    /// Reads everything again after news were lost; whether it did.
    pub(super) fn mend(&mut self, director: &mut Director) -> bool {
        let now = clock::now();
        if !self.loss.is_due(now) {
            return false;
        }
        match self.read_all(director) {
            Ok(()) => {
                if self.loss.handle_success() {
                    info!("the picture of the network is whole again");
                }
                true
            }
            Err(error) => {
                if self.loss.handle_failure(now) {
                    warn!("notifications of the kernel were lost, and {error}; trying again");
                }
                false
            }
        }
    }

    /// One piece of news; whether the data plane has to hear of it.
    fn handle_one(&mut self, event: Event, director: &mut Director) -> bool {
        let now = clock::now();
        match event {
            Event::Link(link) => {
                director.hops().handle_link(link.clone(), now);
                director.handle_link(link)
            }
            Event::LinkGone { index, .. } => {
                director.hops().handle_link_gone(index, now);
                director.handle_link_gone(index)
            }
            Event::AddressAdded(address) => director.handle_address(&address),
            Event::AddressRemoved(address) => {
                director.handle_address_gone(address.address.addr(), address.index)
            }
            Event::Neighbour(neighbour) => {
                director.hops().handle_neighbour(neighbour, now);
                false
            }
            Event::NeighbourGone(neighbour) => {
                let (index, address) = (neighbour.index, neighbour.address);
                director.hops().handle_neighbour_gone(index, address, now);
                false
            }
            Event::RouteChanged => {
                director.hops().handle_routes_changed(now);
                false
            }
            Event::Overrun => {
                self.loss.note();
                false
            }
        }
    }

    /// Asks the kernel what the next hops want to know; whether any way has changed.
    pub(super) fn settle(&mut self, director: &mut Director, now: Instant) -> bool {
        let mut changed = false;
        while let Some(action) = director.hops().poll_action() {
            match action {
                Action::LookUpRoute(address) => self.look_up_route(address, director, now),
                Action::ListGateways => changed |= self.list_gateways(director, now),
                Action::Probe { index, address } => {
                    if let Err(error) = neighbour::probe(&mut self.connection, index, address) {
                        debug!("{error}");
                    }
                }
            }
        }
        let mut found = Vec::new();
        while let Some(address) = director.hops().poll_changed() {
            found.push(address);
        }
        if !found.is_empty() {
            // The way to the others is the kernel's matter.
            let of_xdp = director.servers_of_xdp();
            found.retain(|address| of_xdp.contains(address));
            for address in found {
                say(director, address);
            }
            changed = true;
        }
        changed
    }

    /// The same for a director that only tries a configuration: the routes that are not known are
    /// asked for, all of them if routes have just changed; nobody is probed, and nobody is told.
    pub(super) fn look_up(&mut self, director: &mut Director, now: Instant) {
        director.hops().hurry_routes();
        while let Some(action) = director.hops().poll_action() {
            match action {
                Action::LookUpRoute(address) => self.look_up_route(address, director, now),
                Action::ListGateways => {
                    self.list_gateways(director, now);
                }
                Action::Probe { .. } => {}
            }
        }
    }

    fn look_up_route(&mut self, address: IpAddr, director: &mut Director, now: Instant) {
        let found = route::get(&mut self.connection, address);
        let found = found.map_err(|error| error.to_string());
        director.hops().handle_route(address, found, now);
    }

    /// Whether packets go to other interfaces.
    fn list_gateways(&mut self, director: &mut Director, now: Instant) -> bool {
        let found = route::gateways(&mut self.connection);
        if let Err(error) = &found {
            warn!("{error}; answers of NAT servers may wait for a router");
        }
        let before = director.hops().gateway_interfaces();
        director.hops().handle_gateways(found.ok(), now);
        director.hops().gateway_interfaces() != before
    }
}

/// Tells the operator about the way to a real server.
fn say(director: &Director, address: IpAddr) {
    match director.resolution(address) {
        Resolution::Via(hop) => {
            let mac = hop.dst_mac.map(|byte| format!("{byte:02x}")).join(":");
            let interface = director.links().find(|link| link.index == hop.index);
            let name = interface.map_or("?", |link| link.name.as_str());
            info!("{address} is reached by {name}, {mac}");
        }
        Resolution::Local => info!("{address} is this host"),
        // The answer to these comes in a moment.
        Resolution::Unknown(reason @ (Reason::RouteNotAsked | Reason::Asking { .. })) => {
            debug!("{address}: {reason}");
        }
        Resolution::Unknown(reason) => {
            info!(
                "{address} cannot be reached by XDP: its packets are dropped, new connections go to others where there are any: {reason}"
            );
        }
    }
}
