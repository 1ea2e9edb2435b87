//! Tags on a real wire: what a test run does not show, the program that puts them on what leaves.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Path, Server};
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::xdp::maps::Exit;
use lb_agent::vrrp::socket::{FrameSocket, link_address};
use lb_common::vlan::{CUSTOMER, SERVICE, Tag};
use lb_tests::{Capture, Need, PATIENCE, skipped};
use nix::net::if_::if_nametoindex;

use crate::fixture::{SYN, desired, in_director, packet, server, service};
use crate::frame::{TCP, UDP};
use crate::network::Network;
use crate::tagged::{announce, inserted};

/// Indexes of interfaces that are VLANs of `back`, which need not exist for the program.
const ONE: u32 = 70_001;
const TWO: u32 = 70_002;

/// The tags of a VLAN as they stand in a frame.
fn bytes(tags: [Tag; 2]) -> Vec<u8> {
    let tags = tags.into_iter().filter(|tag| tag.exists());
    tags.flat_map(|tag| tag.word().to_ne_bytes()).collect()
}

/// Has the other end of `front` send a frame.
fn send(network: &Network, frame: &[u8]) -> Result<()> {
    network.wire.enter(|| {
        let index = if_nametoindex("front")?;
        let address = link_address(index)?.context("no address")?;
        Ok(FrameSocket::open()?.send(&address, frame)?)
    })
}

#[test]
fn what_leaves_by_a_vlan_has_its_tags_however_it_came() -> Result<()> {
    if skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    in_director(|network, rig| {
        announce(rig, network)?;
        for name in ["front", "back"] {
            lb_tests::load(&network.wire, name, "pass")?;
        }
        let none = [Tag::NONE; 2];
        let one = [Tag::new(CUSTOMER, 123), Tag::NONE];
        let two = [Tag::new(SERVICE, 7), Tag::new(CUSTOMER, 4094)];
        let back = network.back.index;
        let exits = [(back, none), (ONE, one), (TWO, two)];
        let exits = exits.map(|(index, tags)| (index, Exit { port: back, tags }));
        rig.maps.add_exits(&BTreeMap::from(exits))?;
        // Said again, as another agent would that knows nothing of these.
        rig.maps.add_exits(&BTreeMap::from(exits))?;

        let behind = |index| -> Server {
            let server = server(network, 11, 80, Dr);
            let Path::Via(hop) = server.path else {
                return server;
            };
            let path = Path::Via(Hop { index, ..hop });
            Server { path, ..server }
        };
        let services = [
            service(20, 80, TCP, vec![behind(back)]),
            service(21, 80, TCP, vec![behind(ONE)]),
            service(22, 80, UDP, vec![behind(TWO)]),
        ];
        rig.configure(&desired(&services.iter().collect::<Vec<_>>()))?;
        rig.set_stations(&[]);
        let to_the_server = "ether dst 02:00:00:dd:00:11";
        let capture = Capture::start(&network.wire, "back", "in", to_the_server)?;
        let came_with = [
            none,
            [Tag::new(CUSTOMER, 10), Tag::NONE],
            [Tag::new(SERVICE, 20), Tag::new(CUSTOMER, 30)],
        ];
        for (port, (tags, (service, leaves_with))) in (1..).zip(came_with.iter().flat_map(|tags| {
            let leaves = services.iter().zip([none, one, two]);
            leaves.map(move |it| (*tags, it))
        })) {
            let plain = packet(port, service, SYN).frame();
            rig.send(&plain, network.front.index)?;
            send(network, &inserted(&plain, &bytes(tags)))?;
            let expected = [bytes(leaves_with), vec![0x08, 0x00]].concat();
            let is_it = |frame: &[u8]| {
                let at = 12 + expected.len();
                let ports = frame.get(at + 20..at + 22);
                frame.get(12..at) == Some(&expected[..]) && ports == Some(&port.to_be_bytes()[..])
            };
            capture
                .wait_for(PATIENCE, |frames| frames.iter().any(|it| is_it(&it.bytes)))
                .with_context(|| format!("came with {tags:?}, leaves with {leaves_with:?}"))?;
        }
        let frames = capture.finish()?;
        ensure!(frames.len() == 9, "{frames:?}");
        Ok(())
    })
}
