//! `dataplane::nexthop` with the kernel at its other end.

use std::net::IpAddr;
use std::os::fd::AsFd;

use anyhow::{Result, bail, ensure};
use lb_agent::dataplane::nexthop::{Action, NextHops, Reason, Resolution};
use lb_agent::net::monitor::{Event, Group, Monitor};
use lb_agent::net::netlink::Connection;
use lb_agent::net::{link, neighbour, route};
use lb_tests::now;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::cable::{Cable, LEFT_MAC, RIGHT_MAC, cannot_run, ip};

/// The core, and what carries out its wishes.
struct Driver {
    hops: NextHops,
    connection: Connection,
    monitor: Monitor,
}

impl Driver {
    /// Watches `addresses` from inside a namespace.
    fn new(addresses: &[IpAddr]) -> Result<Self> {
        let monitor = Monitor::open(&Group::ALL)?;
        let mut connection = Connection::open()?;
        let mut hops = NextHops::new();
        let links = link::list(&mut connection)?;
        let neighbours = neighbour::list(&mut connection)?;
        hops.handle_snapshot(links, neighbours, now());
        for address in addresses {
            hops.watch(*address);
        }
        Ok(Self {
            hops,
            connection,
            monitor,
        })
    }

    /// Lets core and kernel talk until `done`, five silent seconds at most.
    fn run(&mut self, what: &str, done: impl Fn(&NextHops) -> bool) -> Result<()> {
        loop {
            while let Some(action) = self.hops.poll_action() {
                self.carry_out(action);
            }
            if done(&self.hops) {
                return Ok(());
            }
            let due = self.hops.poll_timeout();
            let silence = due.map(|due| due.saturating_duration_since(now()).as_millis());
            let silence = u16::try_from(silence.unwrap_or(5000).min(5000) + 1)?;
            let mut waiting = [PollFd::new(self.monitor.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut waiting, PollTimeout::from(silence))?;
            ensure!(ready > 0 || silence < 5000, "{what} does not come about");
            while let Some(event) = self.monitor.next()? {
                self.handle(event)?;
            }
            self.hops.handle_timeout(now());
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::LookUpRoute(address) => {
                let route = route::get(&mut self.connection, address);
                let route = route.map_err(|error| error.to_string());
                self.hops.handle_route(address, route, now());
            }
            Action::ListGateways => {
                let found = route::gateways(&mut self.connection);
                self.hops.handle_gateways(found.ok(), now());
            }
            // A link may go while it is asked; the monitor tells.
            Action::Probe { index, address } => {
                drop(neighbour::probe(&mut self.connection, index, address));
            }
        }
    }

    fn handle(&mut self, event: Event) -> Result<()> {
        let now = now();
        match event {
            Event::Link(link) => self.hops.handle_link(link, now),
            Event::LinkGone { index, .. } => self.hops.handle_link_gone(index, now),
            Event::Neighbour(entry) => self.hops.handle_neighbour(entry, now),
            Event::NeighbourGone(entry) => {
                self.hops
                    .handle_neighbour_gone(entry.index, entry.address, now);
            }
            Event::RouteChanged => self.hops.handle_routes_changed(now),
            Event::AddressAdded(_) | Event::AddressRemoved(_) => {}
            Event::Overrun => bail!("a few packets do not overrun the monitor"),
        }
        Ok(())
    }
}

/// Whether `address` is sent to the MAC of `right`.
fn goes_right(hops: &NextHops, address: IpAddr) -> bool {
    matches!(hops.resolved(address), Resolution::Via(hop)
        if hop.dst_mac == RIGHT_MAC && hop.src_mac == LEFT_MAC && hop.mtu == 1500)
}

#[test]
fn servers_on_the_link_and_behind_a_router_are_resolved_lost_and_found_again() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    let (near, far, own, nowhere) = (
        ip("192.0.2.2"),
        ip("203.0.113.9"),
        ip("192.0.2.1"),
        ip("198.51.100.9"),
    );
    cable.left.enter(|| {
        let mut driver = Driver::new(&[near, far, own, nowhere])?;
        driver.run("the server on the link", |hops| goes_right(hops, near))?;
        driver.run("the address of this host", |hops| {
            *hops.resolved(own) == Resolution::Local
        })?;
        let no_route = |hops: &NextHops, address| {
            matches!(
                hops.resolved(address),
                Resolution::Unknown(Reason::NoRoute(_))
            )
        };
        driver.run("no route", |hops| {
            no_route(hops, far) && no_route(hops, nowhere)
        })?;

        cable.left.ip("route add 203.0.113.0/24 via 192.0.2.2")?;
        driver.run("the server behind a router", |hops| goes_right(hops, far))?;
        cable.left.ip("route del 203.0.113.0/24")?;
        driver.run("the loss of the route", |hops| no_route(hops, far))?;

        cable.right.ip("link set right down")?;
        driver.run("the loss of the link", |hops| {
            matches!(
                hops.resolved(near),
                Resolution::Unknown(Reason::LinkDown { name }) if name == "left"
            )
        })?;
        cable.right.ip("link set right up")?;
        driver.run("the server once more", |hops| goes_right(hops, near))
    })
}

#[test]
fn the_gateways_of_all_routes_are_known_before_anybody_sends_to_them() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    cable.right.ip("addr add 192.0.2.3/24 dev right")?;
    cable.right.ip("addr add 192.0.2.4/24 dev right")?;
    cable.left.ip("route add default via 192.0.2.2")?;
    cable
        .left
        .ip("route add 203.0.113.0/24 nexthop via 192.0.2.3 nexthop via 192.0.2.2")?;
    cable
        .left
        .ip("route add 198.51.100.0/24 via 192.0.2.4 table 77")?;
    cable.left.enter(|| {
        let mut driver = Driver::new(&[])?;
        driver.hops.keep_gateways();
        for gateway in ["192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            driver.run(gateway, |_| {
                let known = cable.left.ip("neigh show dev left nud reachable");
                known.is_ok_and(|known| known.contains(gateway))
            })?;
        }
        Ok(())
    })
}

#[test]
fn a_server_whose_mac_changes_is_found_at_its_new_one() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    let near = ip("192.0.2.2");
    cable.left.enter(|| {
        let mut driver = Driver::new(&[near])?;
        driver.run("the server", |hops| goes_right(hops, near))?;
        cable.right.ip("link set right address 02:00:00:00:00:99")?;
        // As it would be when nothing has been heard of it for a while.
        cable.left.ip("neigh change 192.0.2.2 dev left nud stale")?;
        driver.run("the new MAC", |hops| {
            matches!(hops.resolved(near), Resolution::Via(hop)
                if hop.dst_mac == [2, 0, 0, 0, 0, 0x99])
        })
    })
}
