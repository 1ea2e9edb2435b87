//! The network around us, as the kernel tells it: links, addresses, neighbours, routes go to the
//! director; what its next hops want to know or to have probed is asked of the kernel.

use std::io;
use std::os::fd::{AsFd as _, AsRawFd, BorrowedFd, RawFd};
use std::time::Instant;

use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tracing::{debug, info, warn};

use crate::dataplane::nexthop::{Action, Resolution};
use crate::net::monitor::{Event, Group, Monitor};
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::{address, link, neighbour, route};
use crate::runtime::clock;
use crate::runtime::director::Director;

/// Netlink, for questions and for news.
pub(super) struct Network {
    connection: Connection,
    monitor: AsyncFd<Readable>,
    /// News were lost; everything has to be read again.
    lost: bool,
}

/// The monitor as a descriptor that tokio can wait for.
struct Readable(Monitor);

impl AsRawFd for Readable {
    fn as_raw_fd(&self) -> RawFd {
        let fd: BorrowedFd<'_> = self.0.as_fd();
        fd.as_raw_fd()
    }
}

/// The outcome of waiting for news.
pub(super) type Ready = io::Result<()>;

impl Network {
    /// Opens both sockets, news first, so that nothing falls between the two.
    pub(super) fn open() -> Result<Self, NetlinkError> {
        let monitor =
            Monitor::open(&[Group::Link, Group::Ipv4Address, Group::Neighbour, Group::Ipv4Route])?;
        let monitor = AsyncFd::new(Readable(monitor)).map_err(|source| NetlinkError::Receive {
            what: "wait for the kernel's notifications".into(),
            source,
        })?;
        Ok(Self { connection: Connection::open()?, monitor, lost: false })
    }

    /// Reads everything there is.
    pub(super) fn read_all(&mut self, director: &mut Director) -> Result<(), NetlinkError> {
        let links = link::list(&mut self.connection)?;
        let neighbours = neighbour::list(&mut self.connection)?;
        let gone: Vec<u32> = director
            .links()
            .map(|old| old.index)
            .filter(|index| !links.iter().any(|link| link.index == *index))
            .collect();
        for index in gone {
            director.handle_link_gone(index);
        }
        for link in &links {
            director.handle_link(link.clone());
        }
        for address in address::list(&mut self.connection)? {
            director.handle_address(&address);
        }
        director.hops().handle_snapshot(links, neighbours, clock::now());
        self.lost = false;
        Ok(())
    }

    /// Waits until there is news.
    pub(super) async fn readable(&self) -> Ready {
        let guard: io::Result<AsyncFdReadyGuard<'_, Readable>> = self.monitor.readable().await;
        guard.map(drop)
    }

    /// Hands the news to the director.
    pub(super) fn read(&mut self, ready: Ready, director: &mut Director) {
        // First, so that news that come while we read wake us again.
        self.clear_readiness();
        let outcome = ready.and_then(|()| {
            loop {
                match self.monitor.get_mut().0.next() {
                    Ok(Some(event)) => self.lost |= handle(event, director),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(io::Error::other(error)),
                }
            }
        });
        if let Err(error) = outcome {
            warn!("cannot hear the kernel's notifications: {error}; reading everything again");
            self.lost = true;
        }
        if self.lost {
            self.mend(director);
        }
    }

    /// Lets the next wait really wait.
    fn clear_readiness(&mut self) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(Ok(mut guard)) = self.monitor.poll_read_ready(&mut context) {
            guard.clear_ready();
        }
    }

    /// Reads everything again after news were lost.
    pub(super) fn mend(&mut self, director: &mut Director) {
        if self.lost
            && let Err(error) = self.read_all(director)
        {
            warn!("{error}");
        }
    }

    /// Asks the kernel what the next hops want to know; whether any way has changed.
    pub(super) fn settle(&mut self, director: &mut Director, now: Instant) -> bool {
        while let Some(action) = director.hops().poll_action() {
            match action {
                Action::LookUpRoute(address) => {
                    let found = route::get(&mut self.connection, address);
                    let found = found.map_err(|error| error.to_string());
                    director.hops().handle_route(address, found, now);
                }
                Action::Probe { index, address } => {
                    if let Err(error) = neighbour::probe(&mut self.connection, index, address) {
                        debug!("{error}");
                    }
                }
            }
        }
        let mut changed = false;
        while let Some(address) = director.hops().poll_changed() {
            changed = true;
            say(director, address);
        }
        changed
    }
}

/// Tells the operator about the way to a real server.
fn say(director: &Director, address: std::net::IpAddr) {
    match director.resolution(address) {
        Resolution::Via(hop) => {
            let [a, b, c, d, e, f] = hop.dst_mac;
            let interface = director.links().find(|link| link.index == hop.index);
            let name = interface.map_or("?", |link| link.name.as_str());
            info!("{address} is reached by {name}, {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        }
        Resolution::Local => info!("{address} is this host"),
        Resolution::Unknown(reason) => {
            info!("{address} cannot be reached by XDP, its packets go to the kernel: {reason}");
        }
    }
}

/// One piece of news; whether some were lost.
fn handle(event: Event, director: &mut Director) -> bool {
    let now = clock::now();
    match event {
        Event::Link(link) => {
            director.handle_link(link.clone());
            director.hops().handle_link(link, now);
        }
        Event::LinkGone { index, .. } => {
            director.handle_link_gone(index);
            director.hops().handle_link_gone(index, now);
        }
        Event::AddressAdded(address) => director.handle_address(&address),
        // Where an address was remains the best guess for where its packets arrive.
        Event::AddressRemoved(_) => {}
        Event::Neighbour(neighbour) => director.hops().handle_neighbour(neighbour, now),
        Event::NeighbourGone(neighbour) => {
            director.hops().handle_neighbour_gone(neighbour.index, neighbour.address, now);
        }
        Event::RouteChanged => director.hops().handle_routes_changed(now),
        Event::Overrun => return true,
    }
    false
}
