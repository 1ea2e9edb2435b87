//! What follows a flow of IPv6, an ICMP error or a later fragment, is refused where packets of that flow
//! would be, and where it cannot go on itself.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Path, Service};
use lb_common::stats::Reason;

use super::frame::{Extension, frame};
use super::promises::sent_to;
use super::related::{answer, error, quoted};
use super::{image, twins};
use crate::fixture::{desired, in_director, packet, server, service};
use crate::frame::{ETHERNET, Segment, UDP, v4};
use crate::model::{DROP, PASS, REDIRECT, TX};
use crate::network::Network;
use crate::rig::Rig;

/// Number of the gate.
const GATE: u16 = 1;

/// What happens to the service after its flow has begun.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    NotMaster,
    Local,
    NoNeighbour,
    Narrow,
    NoHops,
    OtherServer,
}

/// Service of one server, as one of IPv4 and as its image.
fn dns(network: &Network) -> [Service; 2] {
    let servers = vec![server(network, 11, 53, Dr)];
    twins(&Service {
        gate: GATE,
        ..service(25, 53, UDP, servers)
    })
}

/// Makes the change.
fn change(rig: &mut Rig, network: &Network, change: Change) -> Result<()> {
    let [_, mut theirs] = dns(network);
    let server = theirs.servers.first_mut().context("no server")?;
    match (change, &mut server.path) {
        (Change::Nothing | Change::NoHops, _) => {}
        (Change::NotMaster, _) => rig.gates.set(GATE, false),
        (Change::Local, path) => *path = Path::Local,
        (Change::NoNeighbour, path) => *path = Path::Unknown,
        (Change::Narrow, path) => {
            if let Path::Via(hop) = path {
                hop.mtu = 1300;
            }
        }
        (Change::OtherServer, _) => server.address = image([10, 0, 0, 12].into()).into(),
    }
    rig.configure(&desired(&[&theirs]))?;
    Ok(())
}

/// Every reason that has been counted.
fn counted(rig: &Rig) -> Result<Vec<(Reason, u64)>> {
    let counts = Reason::ALL.map(|reason| Ok((reason, rig.maps.reason(reason)?)));
    let counts: Result<Vec<_>> = counts.into_iter().collect();
    Ok(counts?
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .collect())
}

#[test]
fn an_error_and_a_later_fragment_stop_where_they_cannot_go_on() -> Result<()> {
    for (what, of_an_error, of_a_fragment) in [
        (Change::Nothing, (REDIRECT, None), (REDIRECT, None)),
        (
            Change::NotMaster,
            (PASS, Some(Reason::NotMaster)),
            (PASS, Some(Reason::NotMaster)),
        ),
        (
            Change::Local,
            (PASS, Some(Reason::LocalServer)),
            (PASS, Some(Reason::LocalServer)),
        ),
        (
            Change::NoNeighbour,
            (DROP, Some(Reason::NoNeighbour)),
            (DROP, Some(Reason::NoNeighbour)),
        ),
        (
            Change::Narrow,
            // Nobody is told of an error (RFC 4443 2.4 (e.1)).
            (DROP, Some(Reason::CannotFragment)),
            (TX, Some(Reason::TooBig)),
        ),
        (
            Change::NoHops,
            (PASS, Some(Reason::TimeToLive)),
            (TX, Some(Reason::TimeExceeded)),
        ),
        // Nobody has the flow any more, and nobody has got the first fragment.
        (
            Change::OtherServer,
            (PASS, None),
            (PASS, Some(Reason::Fragment)),
        ),
    ] {
        for (is_error, (verdict, reason)) in [(true, of_an_error), (false, of_a_fragment)] {
            in_director(|network, rig| {
                let [ours, theirs] = dns(network);
                rig.configure(&desired(&[&theirs]))?;
                rig.gates.set(GATE, true);
                let asked = Segment {
                    payload: vec![7; 1320],
                    ..packet(1, &ours, 0)
                };
                let piece = |offset, more| frame(&asked, &[Extension::fragment(offset, more, 7)]);
                ensure!(
                    sent_to(rig, network, &piece(0, true))?.is_some(),
                    "not sent"
                );
                change(rig, network, what)?;
                let mut sent = if is_error {
                    let mut page = quoted(&answer(&asked), &[]);
                    page.resize(1320, 0);
                    error(1, image(v4(ours.key.address)), &page, &[])
                } else {
                    piece(9, false)
                };
                if matches!(what, Change::NoHops) {
                    sent[ETHERNET + 7] = 1;
                }
                let found = rig.send(&sent, network.front.index)?;
                let place = || format!("{what:?}, an error: {is_error}");
                ensure!(found.verdict == verdict, "{}: {}", place(), found.verdict);
                let expected: Vec<_> = reason.map(|reason| (reason, 1)).into_iter().collect();
                ensure!(
                    counted(rig)? == expected,
                    "{}: {:?}",
                    place(),
                    counted(rig)?
                );
                if [PASS, DROP].contains(&verdict) {
                    ensure!(found.frame == sent, "{}: changed", place());
                }
                Ok(())
            })?;
        }
    }
    Ok(())
}

#[test]
fn a_later_fragment_of_ipv6_is_the_kernels_long_after_the_first_one() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = dns(network);
        rig.configure(&desired(&[&theirs]))?;
        rig.gates.set(GATE, true);
        let piece = |offset, more| {
            let segment = packet(1, &ours, 0);
            frame(&segment, &[Extension::fragment(offset, more, 7)])
        };
        ensure!(sent_to(rig, network, &piece(0, true))?.is_some());
        // Thirty seconds at 250 Hz are 29 ticks.
        rig.age(std::iter::empty(), 25)?;
        ensure!(sent_to(rig, network, &piece(9, true))?.is_some());
        rig.age(std::iter::empty(), 6)?;
        ensure!(sent_to(rig, network, &piece(20, false))?.is_none());
        ensure!(rig.maps.reason(Reason::Fragment)? == 1);
        Ok(())
    })
}

#[test]
fn what_can_have_no_ports_is_no_fragment_of_ours() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = dns(network);
        rig.configure(&desired(&[&theirs]))?;
        rig.gates.set(GATE, true);
        let piece = frame(&packet(1, &ours, 0), &[Extension::fragment(9, false, 7)]);
        // TCP, UDP and SCTP, the headers that may stand before them; ICMPv6, ESP, GRE, none.
        let may = [6, 17, 132, 43, 44, 51, 60];
        for next in [58, 50, 47, 59].into_iter().chain(may) {
            let mut sent = piece.clone();
            sent[ETHERNET + 40] = next;
            let before = rig.maps.reason(Reason::Fragment)?;
            ensure!(sent_to(rig, network, &sent)?.is_none(), "{next}");
            let counted = rig.maps.reason(Reason::Fragment)? - before;
            ensure!(counted == u64::from(may.contains(&next)), "{next}");
        }
        Ok(())
    })
}

#[test]
fn an_error_does_not_keep_its_flow_alive() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = dns(network);
        rig.configure(&desired(&[&theirs]))?;
        rig.gates.set(GATE, true);
        let asked = packet(1, &ours, 0);
        ensure!(sent_to(rig, network, &frame(&asked, &[]))?.is_some());
        let before = rig.lives6(5);
        ensure!(before.len() == 1, "{before:?}");
        let page = quoted(&answer(&asked), &[]);
        let error = error(1, image(v4(ours.key.address)), &page, &[]);
        ensure!(sent_to(rig, network, &error)?.is_some());
        ensure!(rig.lives6(0) == before, "{before:?}");
        ensure!(sent_to(rig, network, &frame(&asked, &[]))?.is_some());
        ensure!(rig.lives6(0) != before, "a packet does");
        Ok(())
    })
}
