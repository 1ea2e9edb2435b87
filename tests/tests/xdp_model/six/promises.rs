//! What the program promises about packets of IPv6, each promise by itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Path, Server, Service};
use lb_common::address6;
use lb_common::answers::LIMIT;
use lb_common::flow::{key6, state};
use lb_common::stats::Reason;

use super::frame::{DESTINATION_OPTIONS, Extension, HEADER, built, frame, pseudo_checksum};
use super::{image, namesake, twins};
use crate::fixture::{ACK, CLIENT, SYN, desired, in_director, packet, server, service};
use crate::frame::{ETHERNET, Segment, TCP, UDP, checksum};
use crate::model::{PASS, REDIRECT, TX};
use crate::network::Network;
use crate::rig::Rig;

/// A TCP service of IPv6 with two servers.
fn web(network: &Network) -> Service {
    let servers = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
    let [_, theirs] = twins(&service(20, 80, TCP, servers));
    theirs
}

/// A packet of a client to [`web`].
fn to_web(port: u16, flags: u8) -> Segment {
    packet(port, &service(20, 80, TCP, Vec::new()), flags)
}

/// The last byte of the MAC address that a frame is sent to; `None`: it is not sent.
pub(super) fn sent_to(rig: &mut Rig, network: &Network, frame: &[u8]) -> Result<Option<u8>> {
    let found = rig.send(frame, network.front.index)?;
    Ok((found.verdict == REDIRECT).then_some(found.frame[5]))
}

#[test]
fn a_flow_of_ipv6_stays_with_its_server_until_that_goes() -> Result<()> {
    in_director(|network, rig| {
        let mut web = web(network);
        rig.configure(&desired(&[&web]))?;
        let first = sent_to(rig, network, &frame(&to_web(1, SYN), &[]))?.context("not sent")?;
        let other = sent_to(rig, network, &frame(&to_web(2, SYN), &[]))?.context("not sent")?;
        ensure!(first != other, "they take turns");
        for _ in 0..3 {
            let again = sent_to(rig, network, &frame(&to_web(1, ACK), &[]))?;
            ensure!(again == Some(first));
        }
        ensure!(rig.maps.flows().count() == 2);
        // Weight 0 drains; without its server it has to have another.
        let stays = image([10, 0, 0, 12].into());
        for server in &mut web.servers {
            server.weight = u32::from(server.address == stays);
        }
        rig.configure(&desired(&[&web]))?;
        ensure!(sent_to(rig, network, &frame(&to_web(1, ACK), &[]))? == Some(first));
        web.servers.retain(|it| it.weight == 1);
        rig.configure(&desired(&[&web]))?;
        for port in [1, 2] {
            let left = sent_to(rig, network, &frame(&to_web(port, ACK), &[]))?;
            ensure!(left == Some(0x12), "{port}: {left:?}");
        }
        Ok(())
    })
}

#[test]
fn clients_whose_keys_and_buckets_are_the_same_are_told_apart() -> Result<()> {
    in_director(|network, rig| {
        let secret = 0x5eed;
        rig.set_control(secret, 0, &state::TIMEOUTS);
        rig.configure(&desired(&[&web(network)]))?;
        let service = image([198, 51, 100, 20].into());
        let mut clients = [0, 1, 2].map(|number| namesake(number, secret));
        let keys = clients.map(|it| key6(address6::words(it), 1, 1, secret));
        ensure!(keys == [keys[0]; 3]);
        let mut servers = Vec::new();
        for client in &clients {
            let syn = built(&to_web(1, SYN), [*client, service], &[]);
            servers.push(sent_to(rig, network, &syn)?);
        }
        ensure!(
            servers[0] != servers[1] && servers[0] == servers[2],
            "{servers:?}"
        );
        for (client, server) in clients.iter().zip(&servers) {
            let ack = built(&to_web(1, ACK), [*client, service], &[]);
            ensure!(sent_to(rig, network, &ack)? == *server, "{client}");
        }
        let mut known: Vec<_> = rig.maps.flows().map(|flow| flow.client).collect();
        known.sort();
        clients.sort();
        ensure!(known == clients, "{known:?}");
        Ok(())
    })
}

#[test]
fn what_does_not_fit_the_way_to_the_server_is_answered_in_the_name_of_the_service() -> Result<()> {
    in_director(|network, rig| {
        let [_, mut dns] = twins(&service(21, 53, UDP, vec![server(network, 12, 53, Dr)]));
        narrow(&mut dns.servers, 1400);
        rig.configure(&desired(&[&dns]))?;
        let segment = |payload| Segment {
            payload: vec![1; payload],
            ..packet(1, &service(21, 53, UDP, Vec::new()), 0)
        };
        let fits = frame(&segment(1400 - 48), &[]);
        ensure!(sent_to(rig, network, &fits)? == Some(0x12));
        let sent = frame(&segment(1401 - 48), &[]);
        let found = rig.send(&sent, network.front.index)?;
        ensure!(found.verdict == TX);
        let (ethernet, ip) = found.frame.split_at(ETHERNET);
        ensure!(ethernet[..6] == sent[6..12] && ethernet[6..12] == sent[..6]);
        ensure!(ethernet[12..] == [0x86, 0xdd]);
        let (header, icmp) = ip.split_at(HEADER);
        let [client, name] = [CLIENT, [198, 51, 100, 21].into()].map(image);
        ensure!(ip.len() == 1280 && header[..4] == [0x60, 0, 0, 0]);
        ensure!(header[4..8] == [1240_u16.to_be_bytes(), [58, 64]].concat());
        ensure!(header[8..24] == name.octets() && header[24..] == client.octets());
        ensure!(icmp[..2] == [2, 0] && icmp[4..8] == 1400_u32.to_be_bytes());
        ensure!(pseudo_checksum(name, client, 58, icmp) == 0, "the checksum");
        ensure!(
            icmp[8..] == sent[ETHERNET..ETHERNET + 1232],
            "the quotation"
        );
        ensure!(rig.maps.reason(Reason::TooBig)? == 1);
        Ok(())
    })
}

#[test]
fn who_asks_one_service_of_ipv6_for_too_many_answers_leaves_those_of_another_alone() -> Result<()> {
    in_director(|network, rig| {
        let services = [21, 22].map(|last| {
            let [_, mut theirs] = twins(&service(last, 53, UDP, vec![server(network, 12, 53, Dr)]));
            narrow(&mut theirs.servers, 1400);
            theirs
        });
        rig.configure(&desired(&services.each_ref()))?;
        let to = |last| {
            let segment = Segment {
                payload: vec![1; 1401],
                ..packet(1, &service(last, 53, UDP, Vec::new()), 0)
            };
            frame(&segment, &[])
        };
        // It may tick meanwhile, and then there are as many again.
        for _ in 0..20 {
            for _ in 0..=LIMIT {
                rig.send(&to(21), network.front.index)?;
            }
            if rig.maps.reason(Reason::AnswerLimit)? > 0 {
                break;
            }
        }
        ensure!(rig.maps.reason(Reason::AnswerLimit)? > 0, "no limit");
        ensure!(rig.send(&to(22), network.front.index)?.verdict == TX);
        Ok(())
    })
}

#[test]
fn a_client_of_ipv6_learns_that_the_hop_limit_of_its_packet_has_run_out() -> Result<()> {
    in_director(|network, rig| {
        rig.configure(&desired(&[&web(network)]))?;
        let with = |ttl| {
            let segment = Segment {
                ttl,
                ..to_web(1, SYN)
            };
            frame(&segment, &[])
        };
        ensure!(sent_to(rig, network, &with(2))?.is_some());
        let [client, name] = [CLIENT, [198, 51, 100, 20].into()].map(image);
        for hops in [1, 0] {
            let sent = with(hops);
            let found = rig.send(&sent, network.front.index)?;
            ensure!(found.verdict == TX, "{hops}: {}", found.verdict);
            let (header, icmp) = found.frame[ETHERNET..].split_at(HEADER);
            ensure!(header[8..24] == name.octets() && header[24..] == client.octets());
            ensure!(icmp[..2] == [3, 0] && icmp[4..8] == [0; 4]);
            ensure!(pseudo_checksum(name, client, 58, icmp) == 0, "the checksum");
            ensure!(icmp[8..] == sent[ETHERNET..], "the quotation");
        }
        ensure!(rig.maps.reason(Reason::TimeExceeded)? == 2);
        Ok(())
    })
}

#[test]
fn a_short_packet_is_quoted_to_its_last_byte() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = twins(&service(21, 53, UDP, vec![server(network, 12, 53, Dr)]));
        rig.configure(&desired(&[&ours, &theirs]))?;
        let [client, name] = [CLIENT, [198, 51, 100, 21].into()].map(image);
        for payload in 0..9 {
            let segment = Segment {
                ttl: 1,
                payload: vec![0xa5; payload],
                ..packet(1, &ours, 0)
            };
            let sent = segment.frame();
            let found = rig.send(&sent, network.front.index)?;
            let icmp = &found.frame[ETHERNET + 20..];
            ensure!(found.verdict == TX && icmp[8..] == sent[ETHERNET..], "IPv4");
            ensure!(checksum(icmp) == 0, "IPv4, {payload}: the checksum");
            let sent = frame(&segment, &[]);
            let found = rig.send(&sent, network.front.index)?;
            let icmp = &found.frame[ETHERNET + HEADER..];
            ensure!(found.verdict == TX && icmp[8..] == sent[ETHERNET..], "IPv6");
            ensure!(
                pseudo_checksum(name, client, 58, icmp) == 0,
                "IPv6, {payload}: the checksum"
            );
        }
        Ok(())
    })
}

#[test]
fn a_sender_of_ipv6_that_nobody_could_answer_is_left_to_the_kernel() -> Result<()> {
    in_director(|network, rig| {
        let mut web = web(network);
        narrow(&mut web.servers, 1280);
        rig.configure(&desired(&[&web]))?;
        let itself = image([198, 51, 100, 20].into());
        let bad = [
            Ipv6Addr::UNSPECIFIED,
            Ipv6Addr::LOCALHOST,
            Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped(),
            Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0xfebf, 0xffff, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1),
            itself,
        ];
        for address in bad {
            // As it is, with no hop left, and too long: nobody is told either.
            for (flags, ttl, payload) in [(SYN, 64, 0), (ACK, 64, 0), (SYN, 1, 0), (SYN, 64, 1400)]
            {
                let segment = Segment {
                    ttl,
                    payload: vec![1; payload],
                    ..to_web(53, flags)
                };
                let frame = built(&segment, [address, itself], &[]);
                let found = rig.send(&frame, network.front.index)?;
                ensure!((found.verdict, found.frame) == (PASS, frame), "{address}");
            }
        }
        let counted = rig.maps.reason(Reason::BadSource)?;
        ensure!(counted == 4 * bad.len() as u64, "{counted}");
        ensure!(rig.maps.flows().count() == 0);
        // Those next to them are clients.
        for address in [
            Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0xfe7f, 0, 0, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0, 0, 0, 1, 0, 0, 0, 1),
        ] {
            let frame = built(&to_web(1, SYN), [address, itself], &[]);
            ensure!(sent_to(rig, network, &frame)?.is_some(), "{address}");
        }
        Ok(())
    })
}

#[test]
fn a_chain_of_eight_extension_headers_is_walked_and_one_of_nine_is_the_kernels() -> Result<()> {
    in_director(|network, rig| {
        rig.configure(&desired(&[&web(network)]))?;
        for (count, is_walked) in [(7, true), (8, true), (9, false)] {
            let chain = vec![Extension::harmless(DESTINATION_OPTIONS, 0); count];
            let sent = sent_to(rig, network, &frame(&to_web(1, SYN), &chain))?;
            ensure!(sent.is_some() == is_walked, "{count}");
        }
        Ok(())
    })
}

/// Sets the size of what fits the way to the servers.
fn narrow(servers: &mut [Server], mtu: u32) {
    for server in servers {
        if let Path::Via(hop) = &mut server.path {
            hop.mtu = mtu;
        }
    }
}

#[test]
fn fragments_without_a_first_one_discovery_and_echo_are_the_kernels() -> Result<()> {
    in_director(|network, rig| {
        rig.configure(&desired(&[&web(network)]))?;
        let segment = to_web(1, SYN);
        for piece in [
            Extension::fragment(3, true, 1),
            Extension::fragment(4, false, 1),
        ] {
            let frame = frame(&segment, &[piece]);
            let found = rig.send(&frame, network.front.index)?;
            ensure!((found.verdict, &found.frame) == (PASS, &frame));
        }
        ensure!(rig.maps.reason(Reason::Fragment)? == 2);
        // Echo request, router and neighbour solicitation, neighbour advertisement.
        for kind in [128, 133, 135, 136] {
            let mut frame = frame(&segment, &[]);
            frame[ETHERNET + 6] = 58;
            frame[ETHERNET + HEADER] = kind;
            let found = rig.send(&frame, network.front.index)?;
            ensure!((found.verdict, &found.frame) == (PASS, &frame), "{kind}");
        }
        Ok(())
    })
}

#[test]
fn a_service_of_ipv4_and_one_of_ipv6_know_nothing_of_each_other() -> Result<()> {
    in_director(|network, rig| {
        let servers = vec![server(network, 11, 80, Dr)];
        let [ours, theirs] = twins(&service(20, 80, TCP, servers));
        let (of_ipv4, of_ipv6) = (to_web(1, SYN).frame(), frame(&to_web(1, SYN), &[]));
        for (service, is_ipv6) in [(&ours, false), (&theirs, true)] {
            rig.configure(&desired(&[service]))?;
            ensure!(sent_to(rig, network, &of_ipv4)?.is_some() != is_ipv6);
            ensure!(sent_to(rig, network, &of_ipv6)?.is_some() == is_ipv6);
        }
        Ok(())
    })
}
