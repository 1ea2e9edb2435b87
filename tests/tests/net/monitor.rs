//! `net::monitor`.

use anyhow::Result;
use lb_agent::net::address::{self, Address};
use lb_agent::net::monitor::{Event, Group, Monitor};
use lb_agent::net::netlink::Connection;

use crate::cable::{Cable, cannot_run, index_of, loose_ends, wait_for};

fn is_vip(address: &Address) -> bool {
    address.address.to_string() == "198.51.100.1/32"
}

fn wait_for_added(monitor: &mut Monitor) -> Result<Address> {
    wait_for(monitor, "an address", |event| match event {
        Event::AddressAdded(address) if is_vip(address) => Some(address.clone()),
        _ => None,
    })
}

#[test]
fn the_monitor_tells_links_addresses_and_routes_as_they_change() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    let mut monitor = cable.left.enter(|| Ok(Monitor::open(&Group::ALL)?))?;
    let monitor = &mut monitor;

    cable.left.ip("addr add 198.51.100.1/32 dev left")?;
    wait_for_added(monitor)?;
    cable.left.ip("addr del 198.51.100.1/32 dev left")?;
    wait_for(monitor, "the end of the address", |event| match event {
        Event::AddressRemoved(address) if is_vip(address) => Some(()),
        _ => None,
    })?;

    let routes = |event: &Event| (*event == Event::RouteChanged).then_some(());
    for change in [
        "route add 203.0.113.0/24 via 192.0.2.2",
        "route del 203.0.113.0/24",
        "rule add to 203.0.113.0/24 lookup 100",
    ] {
        while monitor.next()?.is_some() {}
        cable.left.ip(change)?;
        wait_for(monitor, change, routes)?;
    }

    cable.right.ip("link set right down")?;
    wait_for(monitor, "the loss of the carrier", |event| match event {
        Event::Link(link) if link.name == "left" && !link.up => Some(()),
        _ => None,
    })?;
    cable.left.ip("link del left")?;
    wait_for(monitor, "the end of the link", |event| match event {
        Event::LinkGone { name, .. } if name == "left" => Some(()),
        _ => None,
    })?;
    while monitor.next()?.is_some() {}
    assert_eq!(monitor.next()?, None, "reading never blocks");
    Ok(())
}

#[test]
fn only_what_was_asked_for_is_told() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    let mut monitor = cable
        .left
        .enter(|| Ok(Monitor::open(&[Group::Ipv4Address])?))?;
    cable.left.ip("link set left mtu 1400")?;
    cable.left.ip("route add 203.0.113.0/24 via 192.0.2.2")?;
    cable.left.ip("addr add 198.51.100.1/32 dev left")?;
    wait_for(
        &mut monitor,
        "the address, and first",
        |event| match event {
            Event::AddressAdded(address) if is_vip(address) => Some(()),
            other => panic!("{other:?}"),
        },
    )
}

#[test]
fn leaving_a_bridge_is_no_end_of_the_link() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let machine = loose_ends()?;
    machine.ip("link add br0 type bridge")?;
    let mut monitor = machine.enter(|| Ok(Monitor::open(&[Group::Link])?))?;
    machine.ip("link set left master br0")?;
    machine.ip("link set left nomaster")?;
    machine.ip("link del left")?;
    let (mut mastered, mut gone) = (false, 0);
    wait_for(
        &mut monitor,
        "the end of the other end",
        |event| match event {
            Event::Link(link) if link.name == "left" => {
                mastered |= link.master.is_some();
                None
            }
            Event::LinkGone { name, .. } if name == "left" => {
                gone += 1;
                None
            }
            // The last to go.
            Event::LinkGone { name, .. } if name == "right" => Some(()),
            _ => None,
        },
    )?;
    assert!(mastered);
    assert_eq!(gone, 1);
    Ok(())
}

#[test]
fn lost_notifications_are_told_as_an_overrun_and_reading_goes_on() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    loose_ends()?.enter(|| {
        let mut monitor = Monitor::open(&[Group::Ipv4Address])?;
        let mut connection = Connection::open()?;
        let vip = Address {
            index: index_of(&mut connection, "left")?,
            address: "198.51.100.1/32".parse()?,
            ..Address::default()
        };
        for _ in 0..8000 {
            address::add(&mut connection, &vip)?;
            address::remove(&mut connection, &vip)?;
        }
        wait_for(&mut monitor, "an overrun", |event| {
            (*event == Event::Overrun).then_some(())
        })?;
        while monitor.next()?.is_some() {}
        address::add(&mut connection, &vip)?;
        assert_eq!(wait_for_added(&mut monitor)?.index, vip.index);
        Ok(())
    })
}
