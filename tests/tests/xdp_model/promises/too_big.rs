//! Packets that do not fit the path to their server.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat, Tun};
use lb_agent::dataplane::desired::Service;
use lb_common::answers::LIMIT;
use lb_common::stats::Reason;

use super::server_of;
use crate::fixture::{CLIENT, SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{ETHERNET, Segment, TCP, UDP, checksum};
use crate::model::{DROP, Outcome, PASS, REDIRECT, TX};
use crate::rig::Agent;

/// A packet with so many bytes of UDP payload.
fn with_payload(segment: Segment, payload: usize) -> Segment {
    Segment {
        payload: vec![1; payload],
        ..segment
    }
}

#[test]
fn a_packet_that_fills_the_path_goes_through_the_tunnel_and_one_byte_more_is_answered() -> Result<()>
{
    in_director(|network, rig| {
        let service = service(21, 53, UDP, vec![server(network, 12, 53, Tun)]);
        rig.configure(&desired(&[&service]))?;
        // 20 bytes outer header, 20 inner header, 8 UDP.
        let fits = with_payload(packet(1, &service, 0), 1452);
        ensure!(server_of(rig, network, &fits)? == Some(12));
        let frame = with_payload(packet(1, &service, 0), 1453).frame();
        let found = rig.send(&frame, network.front.index)?;
        ensure!(found.verdict == TX);
        let (ethernet, ip) = found.frame.split_at(ETHERNET);
        ensure!(ethernet[..6] == frame[6..12] && ethernet[6..12] == frame[..6]);
        let (header, icmp) = ip.split_at(20);
        ensure!(ip.len() == 576 && header[2..4] == 576_u16.to_be_bytes());
        ensure!(header[12..16] == [198, 51, 100, 21] && header[16..20] == CLIENT.octets());
        ensure!(checksum(header) == 0 && checksum(icmp) == 0);
        ensure!(icmp[..2] == [3, 4] && icmp[6..8] == 1480_u16.to_be_bytes());
        ensure!(
            icmp[8..] == frame[ETHERNET..ETHERNET + 548],
            "the quotation"
        );
        ensure!(rig.maps.reason(Reason::TooBig)? == 1);
        let (slot, _) = rig.maps.backends().next().context("no server")?;
        ensure!(rig.maps.traffic(slot)?.in_packets == 1);
        Ok(())
    })
}

#[test]
fn what_may_be_fragmented_is_dropped_and_counted() -> Result<()> {
    in_director(|network, rig| {
        let service = service(21, 53, UDP, vec![server(network, 12, 53, Tun)]);
        rig.configure(&desired(&[&service]))?;
        let segment = Segment {
            fragment: 0,
            ..with_payload(packet(1, &service, 0), 1453)
        };
        let found = rig.send(&segment.frame(), network.front.index)?;
        ensure!((found.verdict, found.frame) == (DROP, segment.frame()));
        ensure!(rig.maps.reason(Reason::CannotFragment)? == 1);
        Ok(())
    })
}

#[test]
fn an_outer_header_without_dont_fragment_has_an_identification_of_its_own() -> Result<()> {
    in_director(|network, rig| {
        let service = service(21, 53, UDP, vec![server(network, 12, 53, Tun)]);
        rig.configure(&desired(&[&service]))?;
        let mut found = Vec::new();
        for last in [10, 11, 12] {
            let mut segment = packet(1, &service, 0);
            segment.fragment = 0;
            segment.source.address = [192, 0, 2, last].into();
            let frame = rig.send(&segment.frame(), network.front.index)?.frame;
            ensure!(frame[ETHERNET + 6] == 0, "don't fragment");
            found.push([frame[ETHERNET + 4], frame[ETHERNET + 5]]);
        }
        ensure!(!found.contains(&[0, 0]), "{found:?}");
        found.dedup();
        ensure!(found.len() == 3, "clients with the same identifications");
        Ok(())
    })
}

#[test]
fn a_cpu_answers_so_often_in_a_tick_and_no_more() -> Result<()> {
    in_director(|network, rig| {
        let service = service(21, 53, UDP, vec![server(network, 12, 53, Tun)]);
        rig.configure(&desired(&[&service]))?;
        let frame = with_payload(packet(1, &service, 0), 1453).frame();
        loop {
            let before = rig.maps.reason(Reason::AnswerLimit)?;
            let first = rig.run(&frame, network.front.index, Agent::Alive)?;
            let mut verdicts = vec![first.outcome.verdict];
            for _ in 0..LIMIT + 20 {
                verdicts.push(rig.send(&frame, network.front.index)?.verdict);
            }
            let last = rig.run(&frame, network.front.index, Agent::Alive)?;
            if first.since != last.until {
                // It has ticked meanwhile.
                continue;
            }
            verdicts.push(last.outcome.verdict);
            let (answered, dropped) = verdicts.split_at(verdicts.partition_point(|it| *it == TX));
            ensure!(
                answered.len() <= LIMIT as usize,
                "{} answers",
                answered.len()
            );
            ensure!(dropped.iter().all(|verdict| *verdict == DROP));
            let counted = rig.maps.reason(Reason::AnswerLimit)? - before;
            ensure!(counted == dropped.len() as u64, "{counted} counted");
            return Ok(());
        }
    })
}

#[test]
fn who_asks_one_service_for_too_many_answers_leaves_those_of_another_alone() -> Result<()> {
    in_director(|network, rig| {
        let one = service(21, 53, UDP, vec![server(network, 12, 53, Tun)]);
        let other = service(22, 53, UDP, vec![server(network, 13, 53, Tun)]);
        rig.configure(&desired(&[&one, &other]))?;
        let frame = |service: &Service| with_payload(packet(1, service, 0), 1453).frame();
        // It may tick meanwhile.
        for _ in 0..LIMIT * 2 {
            rig.send(&frame(&one), network.front.index)?;
        }
        ensure!(rig.send(&frame(&other), network.front.index)?.verdict == TX);
        Ok(())
    })
}

#[test]
fn a_client_learns_that_the_time_to_live_of_its_packet_has_run_out() -> Result<()> {
    for (protocol, method) in [(TCP, Dr), (UDP, Tun), (TCP, Nat)] {
        in_director(|network, rig| {
            let service = service(21, 53, protocol, vec![server(network, 12, 53, method)]);
            rig.configure(&desired(&[&service]))?;
            let segment = |ttl| Segment {
                ttl,
                ..packet(1, &service, SYN)
            };
            ensure!(server_of(rig, network, &segment(2))? == Some(12));
            for ttl in [1, 0] {
                let frame = segment(ttl).frame();
                let found = rig.send(&frame, network.front.index)?;
                ensure!(found.verdict == TX);
                let icmp = &found.frame[ETHERNET + 20..];
                ensure!(icmp[..2] == [11, 0] && icmp[4..8] == [0; 4] && checksum(icmp) == 0);
                ensure!(icmp[8..] == frame[ETHERNET..], "the quotation");
            }
            ensure!(rig.maps.reason(Reason::TimeExceeded)? == 2);
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
fn what_does_not_fit_the_interface_of_a_server_is_answered_unless_it_came_by_it() -> Result<()> {
    in_director(|network, rig| {
        let direct = service(20, 53, UDP, vec![server(network, 11, 53, Dr)]);
        let nat = service(22, 53, UDP, vec![server(network, 13, 5353, Nat)]);
        rig.configure(&desired(&[&direct, &nat]))?;
        for service in [&direct, &nat] {
            // 20 bytes IP header, 8 UDP.
            for (payload, verdict) in [(1472, REDIRECT), (1473, TX)] {
                let frame = with_payload(packet(1, service, 0), payload).frame();
                let found = rig.send(&frame, network.front.index)?;
                ensure!(found.verdict == verdict, "{payload}");
                if verdict == TX {
                    let icmp = &found.frame[ETHERNET + 20..];
                    ensure!(icmp[..2] == [3, 4] && icmp[6..8] == 1500_u16.to_be_bytes());
                    ensure!(found.frame[ETHERNET + 12..][..4] == frame[ETHERNET + 16..][..4]);
                }
                let found = rig.send(&frame, network.back.index)?;
                ensure!(found.verdict == TX && found.frame.len() == frame.len());
            }
        }
        ensure!(rig.maps.reason(Reason::TooBig)? == 2);
        Ok(())
    })
}

#[test]
fn a_reply_that_does_not_fit_is_the_kernels_which_tells_the_server() -> Result<()> {
    in_director(|network, rig| {
        let service = service(22, 53, UDP, vec![server(network, 13, 5353, Nat)]);
        rig.configure(&desired(&[&service]))?;
        // Behind a route with an MTU of 600 bytes.
        let mut question = packet(1, &service, 0);
        question.source.address = [203, 0, 113, 200].into();
        ensure!(server_of(rig, network, &question)? == Some(13));
        for (fragment, verdict, reason) in [
            (0x4000, PASS, Reason::ReplyTooBig),
            (0, DROP, Reason::CannotFragment),
        ] {
            let reply = Segment {
                fragment,
                destination: question.source,
                ..with_payload(reply(1, &service, &service.servers[0]), 573)
            };
            let frame = reply.frame();
            let found = rig.send(&frame, network.back.index)?;
            ensure!(found == Outcome::of(verdict, frame));
            ensure!(rig.maps.reason(reason)? == 1);
        }
        Ok(())
    })
}

#[test]
fn nobody_is_answered_at_an_address_that_is_not_one_host() -> Result<()> {
    in_director(|network, rig| {
        let service = service(21, 80, TCP, vec![server(network, 12, 80, Tun)]);
        rig.configure(&desired(&[&service]))?;
        for address in [
            [0, 0, 0, 0],
            [127, 0, 0, 1],
            [224, 0, 0, 1],
            [240, 0, 0, 1],
            [255, 255, 255, 255],
        ] {
            let mut segment = with_payload(packet(1, &service, SYN), 1500);
            segment.source.address = address.into();
            let frame = segment.frame();
            let found = rig.send(&frame, network.front.index)?;
            ensure!(found == Outcome::of(PASS, frame), "{address:?}");
        }
        ensure!(rig.maps.reason(Reason::BadSource)? == 5);
        Ok(())
    })
}
