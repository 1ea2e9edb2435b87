//! `net::neighbour`: what makes the kernel ask, and what does not.

use anyhow::Result;
use lb_agent::net::monitor::{Event, Group, Monitor};
use lb_agent::net::neighbour::{self, Neighbour, NeighbourState};
use lb_agent::net::netlink::Connection;

use crate::cable::{Cable, RIGHT_MAC, cannot_run, index_of, ip, wait_for};

/// A connection, the number of `left`, and a monitor of the neighbours; from inside the namespace.
fn open() -> Result<(Connection, u32, Monitor)> {
    let mut connection = Connection::open()?;
    let index = index_of(&mut connection, "left")?;
    Ok((connection, index, Monitor::open(&[Group::Neighbour])?))
}

fn wait_for_state(monitor: &mut Monitor, state: NeighbourState) -> Result<Neighbour> {
    wait_for(
        monitor,
        &format!("a neighbour that is {state:?}"),
        |event| match event {
            Event::Neighbour(found) if found.state == state => Some(found.clone()),
            _ => None,
        },
    )
}

fn wait_for_mac(monitor: &mut Monitor, mac: [u8; 6]) -> Result<Neighbour> {
    wait_for(
        monitor,
        "a neighbour with the right MAC",
        |event| match event {
            Event::Neighbour(found) if found.usable_mac() == Some(mac) => Some(found.clone()),
            _ => None,
        },
    )
}

#[test]
fn a_probe_resolves_an_unknown_neighbour_at_once() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    Cable::new()?.left.enter(|| {
        let (mut connection, index, mut monitor) = open()?;
        let right = ip("192.0.2.2");
        assert_eq!(neighbour::get(&mut connection, index, right)?, None);
        neighbour::probe(&mut connection, index, right)?;
        let found = wait_for_mac(&mut monitor, RIGHT_MAC)?;
        assert_eq!((found.index, found.address), (index, right));
        assert_eq!(found.state, NeighbourState::Reachable);
        assert!(neighbour::list(&mut connection)?.contains(&found));
        Ok(())
    })
}

#[test]
fn a_probe_asks_a_known_neighbour_again_at_once_stale_or_not() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    cable.left.enter(|| {
        let (mut connection, index, mut monitor) = open()?;
        let right = ip("192.0.2.2");
        neighbour::probe(&mut connection, index, right)?;
        wait_for_mac(&mut monitor, RIGHT_MAC)?;
        for state in ["stale", "reachable", "delay"] {
            cable
                .left
                .ip(&format!("neigh change 192.0.2.2 dev left nud {state}"))?;
            neighbour::probe(&mut connection, index, right)?;
            let asked = wait_for_state(&mut monitor, NeighbourState::Probe)?;
            assert_eq!(
                asked.usable_mac(),
                Some(RIGHT_MAC),
                "it stays in use meanwhile"
            );
            wait_for_state(&mut monitor, NeighbourState::Reachable)?;
        }
        Ok(())
    })
}

#[test]
fn a_probe_notices_that_the_neighbour_has_another_mac_now() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    cable.left.enter(|| {
        let (mut connection, index, mut monitor) = open()?;
        let right = ip("192.0.2.2");
        neighbour::probe(&mut connection, index, right)?;
        wait_for_mac(&mut monitor, RIGHT_MAC)?;
        cable.right.ip("link set right address 02:00:00:00:00:99")?;
        neighbour::probe(&mut connection, index, right)?;
        // Nobody answers at the old MAC, so the kernel gives up, and then asks everybody.
        wait_for_state(&mut monitor, NeighbourState::Failed)?;
        neighbour::probe(&mut connection, index, right)?;
        wait_for_mac(&mut monitor, [2, 0, 0, 0, 0, 0x99])?;
        Ok(())
    })
}

#[test]
fn a_probe_leaves_an_entry_of_the_operator_alone() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    cable
        .left
        .ip("neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 nud permanent dev left")?;
    cable.left.enter(|| {
        let (mut connection, index, _) = open()?;
        neighbour::probe(&mut connection, index, ip("192.0.2.3"))?;
        let kept = neighbour::get(&mut connection, index, ip("192.0.2.3"))?;
        let kept = kept.expect("it is there");
        assert_eq!(kept.state, NeighbourState::Permanent);
        assert_eq!(kept.usable_mac(), Some([2, 0, 0, 0, 0, 3]));
        Ok(())
    })
}

#[test]
fn a_neighbour_that_does_not_answer_fails_and_can_be_asked_again() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    Cable::new()?.left.enter(|| {
        let (mut connection, index, mut monitor) = open()?;
        let nobody = ip("192.0.2.4");
        neighbour::probe(&mut connection, index, nobody)?;
        let failed = wait_for_state(&mut monitor, NeighbourState::Failed)?;
        assert_eq!(failed.usable_mac(), None);
        neighbour::probe(&mut connection, index, nobody)?;
        let again = neighbour::get(&mut connection, index, nobody)?.expect("it is there");
        assert_eq!(again.state, NeighbourState::Incomplete);
        Ok(())
    })
}

#[test]
fn a_neighbour_of_ipv6_is_resolved_too() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    cable.left.ip("addr add 2001:db8::1/64 dev left nodad")?;
    cable.right.ip("addr add 2001:db8::2/64 dev right nodad")?;
    cable.left.enter(|| {
        let (mut connection, index, mut monitor) = open()?;
        neighbour::probe(&mut connection, index, ip("2001:db8::2"))?;
        let found = wait_for_mac(&mut monitor, RIGHT_MAC)?;
        assert_eq!(found.address, ip("2001:db8::2"));
        Ok(())
    })
}
