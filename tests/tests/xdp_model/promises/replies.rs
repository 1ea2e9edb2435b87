//! Replies in NAT mode: in whose name they go.

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Nat;
use lb_common::answers::LIMIT;
use lb_common::stats::Reason;

use super::server_of;
use crate::fixture::{SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{Endpoint, Segment, TCP, UDP, v4};
use crate::model::{DROP, Outcome, PASS, REDIRECT};
use crate::network::UNREACHABLE;
use crate::random::Random;
use crate::world::{bucket_of, buckets_of, mistakable};

#[test]
fn a_reply_to_a_client_that_looks_like_a_virtual_address_is_translated() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 8080, Nat);
        let service = service(10, 80, TCP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        for address in mistakable(&mut Random::from_anywhere()) {
            let client = Endpoint { address, port: 1 };
            let syn = Segment {
                source: client,
                ..packet(1, &service, SYN)
            };
            ensure!(server_of(rig, network, &syn)? == Some(13));
            let reply = Segment {
                destination: client,
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
fn what_a_server_sends_without_a_flow_is_its_own() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 53, Nat);
        let service = service(22, 53, UDP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        // It answers somebody who has asked it directly, and asks somebody itself.
        let answer = reply(1, &service, &nat);
        let question = Segment {
            source: answer.destination,
            destination: answer.source,
            ..answer.clone()
        };
        let elsewhere = Segment {
            source: Endpoint {
                port: 40_000,
                ..answer.source
            },
            ..answer.clone()
        };
        for segment in [&answer, &question, &elsewhere] {
            let untouched = Outcome::of(PASS, segment.frame());
            ensure!(rig.send(&untouched.frame, network.back.index)? == untouched);
        }
        for reason in Reason::ALL {
            ensure!(rig.maps.reason(reason)? == 0, "{}", reason.name());
        }
        // Only what answers a flow is translated, and only as long as that lives.
        ensure!(server_of(rig, network, &packet(1, &service, 0))? == Some(13));
        let found = rig.send(&answer.frame(), network.back.index)?;
        ensure!(found.verdict == REDIRECT && found.frame[26..30] == [198, 51, 100, 22]);
        let [slot] = rig
            .maps
            .backends()
            .map(|(slot, _)| slot)
            .collect::<Vec<_>>()[..]
        else {
            anyhow::bail!("not one server");
        };
        ensure!(rig.maps.traffic(slot)?.out_packets == 1);
        let secret = rig.maps.read_control().secret;
        let buckets = buckets_of(answer.destination, secret);
        rig.age(buckets.into_iter(), 301)?;
        ensure!(rig.send(&answer.frame(), network.back.index)?.verdict == PASS);
        ensure!(rig.maps.traffic(slot)?.out_packets == 1);
        Ok(())
    })
}

#[test]
fn a_reply_whose_next_hop_is_silent_is_translated_and_goes_to_the_agent() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 8080, Nat);
        let service = service(23, 80, TCP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        let [silent, _] = UNREACHABLE;
        let client = Endpoint {
            address: silent.into(),
            port: 1,
        };
        let syn = Segment {
            source: client,
            ..packet(1, &service, SYN)
        };
        server_of(rig, network, &syn)?;
        let reply = Segment {
            destination: client,
            payload: vec![7; 301],
            ..reply(1, &service, &nat)
        };
        let mut answers = 0;
        while rig.maps.reason(Reason::NoWayBack)? == 0 {
            let found = rig.send(&reply.frame(), network.back.index)?;
            ensure!(found.verdict == DROP);
            if let Some((ifindex, packet)) = found.handed {
                ensure!(ifindex == network.front.index);
                // Header, ports, and a checksum that fits both.
                ensure!(packet.len() == 341 && packet[8] == 63);
                ensure!(
                    packet[12..20]
                        == [198, 51, 100, 23, silent[0], silent[1], silent[2], silent[3]]
                );
                ensure!(packet[20..24] == [0, 80, 0, 1]);
                let sent = Segment {
                    source: syn.destination,
                    ttl: 63,
                    ..reply.clone()
                };
                ensure!(packet == sent.frame()[14..]);
                answers += 1;
            }
        }
        // So many in each of two ticks, if the clock has ticked meanwhile.
        ensure!((LIMIT..=2 * LIMIT).contains(&answers), "{answers}");
        ensure!(rig.maps.reason(Reason::Unresolved)? == u64::from(answers));
        Ok(())
    })
}

#[test]
fn without_an_agent_a_reply_whose_next_hop_is_silent_is_dropped() -> Result<()> {
    in_director(|network, rig| {
        let nat = server(network, 13, 8080, Nat);
        let service = service(23, 80, TCP, vec![nat]);
        rig.configure(&desired(&[&service]))?;
        let client = Endpoint {
            address: UNREACHABLE[0].into(),
            port: 1,
        };
        let syn = Segment {
            source: client,
            ..packet(1, &service, SYN)
        };
        server_of(rig, network, &syn)?;
        let reply = Segment {
            destination: client,
            ..reply(1, &service, &nat)
        };
        rig.forget_agent();
        ensure!(rig.send(&reply.frame(), network.back.index)?.verdict == DROP);
        ensure!(rig.maps.reason(Reason::NoWayBack)? == 1);
        ensure!(rig.maps.reason(Reason::Unresolved)? == 0);
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
                found.frame[26..30] == v4(service.key.address).octets(),
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
        ensure!(found.frame[26..30] == v4(new.key.address).octets());
        Ok(())
    })
}
