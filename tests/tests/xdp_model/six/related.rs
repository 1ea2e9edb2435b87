//! Packets of IPv6 without ports of their own: errors about packets of a server go to that server, and
//! fragments where the first one of their packet went.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::Service;
use lb_common::stats::Reason;

use super::frame::{
    DESTINATION_OPTIONS, Extension, FRAGMENT, HEADER, HOP_BY_HOP, built, frame, pseudo_checksum,
};
use super::promises::sent_to;
use super::{image, twins};
use crate::fixture::{CLIENT, SYN, desired, in_director, packet, server, service};
use crate::frame::{ETHERNET, Endpoint, Segment, TCP, UDP, ethernet, v4};
use crate::model::{PASS, REDIRECT};
use crate::network::Network;

/// Who tells of a packet that did not get through.
const ROUTER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);

/// A service with two servers, as one of IPv4 and as its image.
fn with_two_servers(network: &Network, last: u8, port: u16, protocol: u8) -> [Service; 2] {
    let servers = vec![server(network, 11, port, Dr), server(network, 12, port, Dr)];
    twins(&service(last, port, protocol, servers))
}

/// What a server answers to a packet of a client.
pub(super) fn answer(asked: &Segment) -> Segment {
    Segment {
        source: asked.destination,
        destination: asked.source,
        payload: vec![3; 1400],
        ..asked.clone()
    }
}

/// An error of a router to `to`, which quotes this.
pub(super) fn error(kind: u8, to: Ipv6Addr, quoted: &[u8], extensions: &[Extension]) -> Vec<u8> {
    error_from(kind, [ROUTER, to], 60, quoted, extensions)
}

/// An error from one to another, which quotes this.
pub(super) fn error_from(
    kind: u8,
    [from, to]: [Ipv6Addr; 2],
    hops: u8,
    quoted: &[u8],
    extensions: &[Extension],
) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(1300_u32.to_be_bytes());
    message.extend(quoted);
    let check = pseudo_checksum(from, to, 58, &message);
    message[2..4].copy_from_slice(&check.to_be_bytes());
    let (mut carried, mut next) = (message, 58);
    for extension in extensions.iter().rev() {
        carried = [&[next], &extension.rest[..], &carried].concat();
        next = extension.number;
    }
    let mut frame = ethernet(0x86dd);
    frame.extend([0x60, 0, 0, 0]);
    frame.extend((carried.len() as u16).to_be_bytes());
    frame.extend([next, hops]);
    frame.extend(from.octets());
    frame.extend(to.octets());
    frame.extend(carried);
    frame
}

/// As much of a packet as an error quotes.
pub(super) fn quoted(segment: &Segment, extensions: &[Extension]) -> Vec<u8> {
    quoted_to(segment, extensions, 1232)
}

/// So many bytes of a packet at most.
pub(super) fn quoted_to(segment: &Segment, extensions: &[Extension], most: usize) -> Vec<u8> {
    let frame = frame(segment, extensions);
    let end = frame.len().min(most.saturating_add(ETHERNET));
    frame[ETHERNET..end].to_vec()
}

#[test]
fn an_error_of_icmp6_about_a_packet_of_a_server_reaches_that_server() -> Result<()> {
    in_director(|network, rig| {
        for protocol in [TCP, UDP] {
            let [ours, theirs] = with_two_servers(network, 20, 80, protocol);
            rig.configure(&desired(&[&theirs]))?;
            let name = image(v4(ours.key.address));
            for port in 1..=4 {
                let asked = packet(port, &ours, SYN);
                let first = sent_to(rig, network, &frame(&asked, &[]))?;
                ensure!(first.is_some(), "not sent");
                let options = Extension::harmless(DESTINATION_OPTIONS, 1);
                let hop_by_hop = Extension::harmless(HOP_BY_HOP, 0);
                let whole = Extension::harmless(FRAGMENT, 0);
                for (kind, outer, inner) in [
                    (1, vec![], vec![]),
                    (2, vec![], vec![]),
                    (3, vec![options.clone()], vec![]),
                    (4, vec![hop_by_hop], vec![options.clone()]),
                    (2, vec![], vec![Extension::fragment(0, true, 5)]),
                    (2, vec![options], vec![whole]),
                ] {
                    let quoted = quoted(&answer(&asked), &inner);
                    let sent = error(kind, name, &quoted, &outer);
                    let found = rig.send(&sent, network.front.index)?;
                    ensure!(
                        found.verdict == REDIRECT,
                        "{protocol} {kind} {outer:?} {inner:?}"
                    );
                    ensure!(Some(found.frame[5]) == first, "another server");
                    let mut expected = sent;
                    expected[ETHERNET + 7] -= 1;
                    expected[..12].copy_from_slice(&found.frame[..12]);
                    ensure!(found.frame == expected, "more than that is changed");
                }
            }
            ensure!(rig.maps.flows().count() == 4, "an error has made a flow");
            rig.configure(&desired(&[]))?;
        }
        Ok(())
    })
}

#[test]
fn an_error_of_icmp6_about_anything_else_is_the_kernels() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = with_two_servers(network, 20, 80, TCP);
        rig.configure(&desired(&[&theirs]))?;
        let asked = packet(1, &ours, SYN);
        ensure!(sent_to(rig, network, &frame(&asked, &[]))?.is_some());
        let name = image(v4(ours.key.address));
        let sound = quoted(&answer(&asked), &[]);
        let changed = |at: usize, value: u8| {
            let mut quoted = sound.clone();
            quoted[at] = value;
            quoted
        };
        let stranger = Segment {
            source: Endpoint {
                address: CLIENT,
                port: 2,
            },
            ..asked.clone()
        };
        let later = Extension::fragment(8, true, 5);
        let in_pieces = Extension::fragment(0, true, 5);
        for (what, sent) in [
            ("an echo", error(128, name, &sound, &[])),
            ("no known error", error(5, name, &sound, &[])),
            ("no type", error(0, name, &sound, &[])),
            (
                "nobody's flow",
                error(2, name, &quoted(&answer(&stranger), &[]), &[]),
            ),
            (
                "another port",
                error(2, name, &changed(HEADER + 1, 81), &[]),
            ),
            ("another protocol", error(2, name, &changed(6, UDP), &[])),
            ("no IPv6", error(2, name, &changed(0, 0x40), &[])),
            ("a server's", error(2, name, &changed(23, 99), &[])),
            (
                "a later fragment",
                error(2, name, &quoted(&answer(&asked), &[later]), &[]),
            ),
            ("in pieces", error(2, name, &sound, &[in_pieces])),
            ("no ports", error(2, name, &sound[..HEADER + 7], &[])),
        ] {
            let found = rig.send(&sent, network.front.index)?;
            ensure!((found.verdict, &found.frame) == (PASS, &sent), "{what}");
        }
        // Ports and no more are enough.
        let least = error(2, name, &sound[..HEADER + 8], &[]);
        ensure!(sent_to(rig, network, &least)?.is_some());
        for length in ETHERNET..least.len() {
            let cut = least[..length].to_vec();
            let found = rig.send(&cut, network.front.index)?;
            ensure!((found.verdict, &found.frame) == (PASS, &cut), "{length}");
        }
        // Nobody is told of an error.
        let mut last = least;
        last[ETHERNET + 7] = 1;
        let found = rig.send(&last, network.front.index)?;
        ensure!((found.verdict, &found.frame) == (PASS, &last));
        ensure!(rig.maps.reason(Reason::TimeToLive)? == 1);
        Ok(())
    })
}

#[test]
fn all_fragments_of_a_packet_of_ipv6_go_to_the_server_of_the_first() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = with_two_servers(network, 25, 53, UDP);
        let [beside, image_beside] = with_two_servers(network, 26, 53, UDP);
        rig.configure(&desired(&[&theirs, &image_beside]))?;
        let neighbour = [192, 0, 2, 11].into();
        let mut served = Vec::new();
        for port in 1..=4_u16 {
            let id = 0x0102_0300 + u32::from(port);
            let options = Extension::harmless(DESTINATION_OPTIONS, 0);
            let between = |[source, destination]: [Ipv4Addr; 2], offset, more, id| {
                let segment = Segment {
                    payload: vec![7; 64],
                    ..packet(port, &ours, 0)
                };
                let chain = [options.clone(), Extension::fragment(offset, more, id)];
                // With a header in front of the fragment's and without.
                let chain = &chain[usize::from(port % 2)..];
                built(&segment, [source, destination].map(image), chain)
            };
            let [from, to] = [CLIENT, v4(ours.key.address)];
            let piece = |offset, more, id| between([from, to], offset, more, id);
            let first = sent_to(rig, network, &piece(0, true, id))?;
            ensure!(first.is_some(), "not sent");
            served.extend(first);
            for (offset, more) in [(9, true), (20, false)] {
                let sent = piece(offset, more, id);
                let found = rig.send(&sent, network.front.index)?;
                ensure!(
                    found.verdict == REDIRECT && Some(found.frame[5]) == first,
                    "{port}"
                );
                let mut expected = sent;
                expected[ETHERNET + 7] -= 1;
                expected[..12].copy_from_slice(&found.frame[..12]);
                ensure!(found.frame == expected, "more than that is changed");
            }
            for (whose, other) in [
                ("another packet's", piece(9, false, id + 16)),
                ("another client's", between([neighbour, to], 9, false, id)),
                (
                    "another service's",
                    between([from, v4(beside.key.address)], 9, false, id),
                ),
            ] {
                let found = rig.send(&other, network.front.index)?;
                ensure!((found.verdict, &found.frame) == (PASS, &other), "{whose}");
            }
        }
        served.sort_unstable();
        ensure!(served == [0x11, 0x11, 0x12, 0x12], "{served:?}");
        ensure!(rig.maps.reason(Reason::Fragment)? == 12);
        Ok(())
    })
}
