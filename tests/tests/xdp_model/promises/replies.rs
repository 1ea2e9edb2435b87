//! Replies in NAT mode: in whose name they go.

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Nat;

use super::server_of;
use crate::fixture::{SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{Endpoint, Segment, TCP};
use crate::model::{PASS, REDIRECT};
use crate::random::Random;
use crate::world::{bucket_of, mistakable};

#[test]
fn a_reply_to_a_client_that_looks_like_a_virtual_address_is_translated() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 8080, Nat);
        let service = service(10, 80, TCP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        for address in mistakable(&mut Random::from_anywhere()) {
            let destination = Endpoint { address, port: 1 };
            let reply = Segment {
                destination,
                ..reply(1, &service, &nat)
            };
            let found = rig.send(&reply.frame(), network.back.index)?;
            ensure!(found.verdict == REDIRECT, "{address}");
            ensure!(found.frame[26..30] == [198, 51, 100, 10], "{address}");
        }
        Ok(())
    })
}

#[test]
fn a_reply_goes_by_the_flow_when_two_services_share_the_server() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 8080, Nat);
        let one = service(20, 80, TCP, vec![nat]);
        let two = service(21, 80, TCP, vec![nat]);
        rig.configure(&desired(&[&one, &two]))?;
        for (port, service) in [(1, &one), (2, &two)] {
            server_of(rig, network, &packet(port, service, SYN))?;
            let found = rig.send(&reply(port, service, &nat).frame(), network.back.index)?;
            ensure!(
                found.frame[26..30] == service.key.address().octets(),
                "{port}"
            );
        }
        // Nobody can tell whose the reply to a flow is that is not known.
        let stray = reply(3, &one, &nat).frame();
        let found = rig.send(&stray, network.back.index)?;
        ensure!((found.verdict, found.frame) == (PASS, stray));
        Ok(())
    })
}

#[test]
fn a_flow_that_is_over_does_not_claim_the_replies_of_the_next() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 8080, Nat);
        let old = service(20, 80, TCP, vec![nat]);
        let new = service(21, 80, TCP, vec![nat]);
        rig.configure(&desired(&[&old, &new]))?;
        server_of(rig, network, &packet(1, &old, SYN))?;
        let bucket = bucket_of(packet(1, &old, SYN).source, rig.maps.read_control().secret);
        rig.age([bucket].into_iter(), 61)?;
        server_of(rig, network, &packet(1, &new, SYN))?;
        let found = rig.send(&reply(1, &new, &nat).frame(), network.back.index)?;
        ensure!(found.frame[26..30] == new.key.address().octets());
        Ok(())
    })
}
