//! NAT of IPv6: what is translated, in both directions, and with which checksums. Every frame that comes out is
//! built anew from what should stand in it. Errors about such packets are in `errors`.

mod errors;

use std::net::Ipv6Addr;

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::Nat;
use lb_agent::dataplane::desired::{Server, Service};
use lb_common::answers::LIMIT;
use lb_common::stats::Reason;

use super::frame::{DESTINATION_OPTIONS, Extension, FRAGMENT, HEADER, HOP_BY_HOP, ROUTING, frame};
use super::related::{error_from, quoted_to};
use super::{image, twins};
use crate::fixture::{ACK, CLIENT, SYN, desired, in_director, packet, reply, server, service};
use crate::frame::{ETHERNET, Endpoint, Segment, TCP, UDP, v4};
use crate::model::{DROP, PASS, REDIRECT};
use crate::network::{Network, UNREACHABLE};
use crate::random::Random;
use crate::rig::Rig;
use crate::tagged;

/// Routers on the side of the clients, and on that of the servers.
const ROUTERS: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfd00, 0xdb8, 0xfffe, 0, 0, 0, 0, 2),
];

/// Port 80 with one server, 10.0.0.13:8080, and a flow of the client's port 1; the service in IPv4, whose
/// image is served.
fn at_work(network: &Network, rig: &mut Rig, protocol: u8) -> Result<(Service, Server)> {
    let server = server(network, 13, 8080, Nat);
    let ours = service(24, 80, protocol, vec![server]);
    let [_, theirs] = twins(&ours);
    rig.configure(&desired(&[&theirs]))?;
    let sent = packet(1, &ours, SYN);
    let found = rig.send(&frame(&sent, &[]), network.front.index)?;
    ensure!(found.verdict == REDIRECT, "{protocol}: {}", found.verdict);
    same(&found.frame, &frame(&at_server(&sent, &server), &[]))?;
    Ok((ours, server))
}

/// A client's packet as the server gets it.
fn at_server(sent: &Segment, server: &Server) -> Segment {
    Segment {
        destination: Endpoint {
            address: v4(server.address),
            port: server.port,
        },
        ttl: sent.ttl - 1,
        ..sent.clone()
    }
}

/// A server's packet as the client gets it.
fn at_client(sent: &Segment, service: &Service) -> Segment {
    Segment {
        source: packet(1, service, 0).destination,
        ttl: sent.ttl - 1,
        ..sent.clone()
    }
}

/// Nothing but the Ethernet addresses differs.
fn same(found: &[u8], expected: &[u8]) -> Result<()> {
    let [one, two] = [found, expected].map(crate::trial::hex);
    ensure!(found[12..] == expected[12..], "{one} instead of {two}");
    Ok(())
}

/// Chains of extension headers that a packet may have and still be a whole one.
fn chains() -> Vec<Vec<Extension>> {
    let one = |number| vec![Extension::harmless(number, 1)];
    vec![
        Vec::new(),
        one(DESTINATION_OPTIONS),
        one(HOP_BY_HOP),
        vec![
            Extension::harmless(ROUTING, 2),
            Extension::harmless(FRAGMENT, 0),
        ],
    ]
}

#[test]
fn any_packet_of_ipv6_and_its_reply_carry_the_checksums_of_what_they_say() -> Result<()> {
    in_director(|network, rig| {
        let mut random = Random::from_anywhere();
        for protocol in [TCP, UDP] {
            let (ours, server) = at_work(network, rig, protocol)?;
            for _ in 0..400 {
                let all = chains();
                let chain = &all[random.below(all.len())];
                // Every sum comes up in time, zero among them.
                let payload = random.below(9);
                let payload = random.bytes(payload);
                let asked = Segment {
                    payload: payload.clone(),
                    tos: random.byte(),
                    ..packet(1, &ours, ACK)
                };
                let found = rig.send(&frame(&asked, chain), network.front.index)?;
                ensure!(found.verdict == REDIRECT, "{chain:?}");
                ensure!(found.frame[5] == 0x13);
                same(&found.frame, &frame(&at_server(&asked, &server), chain))?;
                let answered = Segment {
                    payload,
                    tos: random.byte(),
                    ..reply(1, &ours, &server)
                };
                let found = rig.send(&frame(&answered, chain), network.back.index)?;
                ensure!(found.verdict == REDIRECT, "{chain:?}");
                same(&found.frame, &frame(&at_client(&answered, &ours), chain))?;
            }
            let traffic: Vec<_> = rig.maps.backends().map(|(slot, _)| slot).collect();
            let traffic = rig.maps.traffic(traffic[0])?;
            ensure!((traffic.in_packets, traffic.out_packets) == (401, 400));
            rig.configure(&desired(&[]))?;
        }
        Ok(())
    })
}

#[test]
fn a_datagram_whose_sum_comes_to_zero_says_all_ones_and_one_without_keeps_none() -> Result<()> {
    in_director(|network, rig| {
        let (ours, server) = at_work(network, rig, UDP)?;
        // With these two bytes the sum behind the director is zero.
        let asked = |payload: [u8; 2]| Segment {
            payload: payload.to_vec(),
            ..packet(1, &ours, 0)
        };
        let check = |frame: &[u8]| [frame[ETHERNET + HEADER + 6], frame[ETHERNET + HEADER + 7]];
        let plain = frame(&at_server(&asked([0, 0]), &server), &[]);
        let zero = asked(check(&plain));
        let expected = frame(&at_server(&zero, &server), &[]);
        ensure!(check(&expected) == [0xff, 0xff]);
        let mut sent = frame(&zero, &[]);
        let found = rig.send(&sent, network.front.index)?;
        same(&found.frame, &expected)?;
        sent[ETHERNET + HEADER + 6..][..2].fill(0);
        let found = rig.send(&sent, network.front.index)?;
        let mut expected = expected;
        expected[ETHERNET + HEADER + 6..][..2].fill(0);
        same(&found.frame, &expected)
    })
}

#[test]
fn a_reply_of_ipv6_that_is_cut_off_anywhere_is_the_kernels_as_it_came() -> Result<()> {
    in_director(|network, rig| {
        for protocol in [TCP, UDP] {
            let (ours, server) = at_work(network, rig, protocol)?;
            for chain in chains() {
                let whole = frame(&reply(1, &ours, &server), &chain);
                for length in ETHERNET..whole.len() {
                    let cut = whole[..length].to_vec();
                    let found = rig.send(&cut, network.back.index)?;
                    ensure!((found.verdict, &found.frame) == (PASS, &cut), "{length}");
                    // The header says so, too.
                    let mut short = cut;
                    if length >= ETHERNET + HEADER {
                        let carried = (length - ETHERNET - HEADER) as u16;
                        short[ETHERNET + 4..ETHERNET + 6].copy_from_slice(&carried.to_be_bytes());
                    }
                    let found = rig.send(&short, network.back.index)?;
                    ensure!((found.verdict, &found.frame) == (PASS, &short), "{length}");
                }
                ensure!(rig.send(&whole, network.back.index)?.verdict == REDIRECT);
            }
        }
        Ok(())
    })
}

#[test]
fn what_a_server_of_ipv6_sends_without_a_flow_is_its_own() -> Result<()> {
    in_director(|network, rig| {
        let (ours, server) = at_work(network, rig, TCP)?;
        let answer = reply(1, &ours, &server);
        let elsewhere = Endpoint {
            port: 40_000,
            ..answer.source
        };
        let end = |port| Endpoint {
            port,
            ..answer.destination
        };
        for segment in [
            reply(2, &ours, &server),
            Segment {
                source: elsewhere,
                ..answer.clone()
            },
            Segment {
                source: end(1),
                destination: answer.source,
                ..answer.clone()
            },
            // The kernel tells the server.
            Segment {
                ttl: 1,
                ..answer.clone()
            },
        ] {
            let sent = frame(&segment, &[]);
            let found = rig.send(&sent, network.back.index)?;
            ensure!(
                (found.verdict, &found.frame) == (PASS, &sent),
                "{segment:?}"
            );
        }
        ensure!(rig.maps.reason(Reason::TimeToLive)? == 1);
        // Nobody could translate the replies to this one.
        let middle = frame(&packet(3, &ours, ACK), &[]);
        let found = rig.send(&middle, network.front.index)?;
        ensure!((found.verdict, &found.frame) == (PASS, &middle));
        ensure!(rig.maps.reason(Reason::NoFlow)? == 1);
        Ok(())
    })
}

#[test]
fn a_reply_of_ipv6_that_does_not_fit_is_the_kernels_which_tells_the_server() -> Result<()> {
    in_director(|network, rig| {
        let (ours, server) = at_work(network, rig, UDP)?;
        let narrow = Endpoint {
            address: [203, 0, 113, 200].into(),
            port: 1,
        };
        let syn = Segment {
            source: narrow,
            ..packet(1, &ours, 0)
        };
        ensure!(rig.send(&frame(&syn, &[]), network.front.index)?.verdict == REDIRECT);
        let answer = |payload| Segment {
            destination: narrow,
            payload: vec![7; payload],
            ..reply(1, &ours, &server)
        };
        let fits = frame(&answer(1280 - 48), &[]);
        ensure!(rig.send(&fits, network.back.index)?.verdict == REDIRECT);
        let sent = frame(&answer(1281 - 48), &[]);
        let found = rig.send(&sent, network.back.index)?;
        ensure!((found.verdict, &found.frame) == (PASS, &sent));
        ensure!(rig.maps.reason(Reason::ReplyTooBig)? == 1);
        Ok(())
    })
}

#[test]
fn a_reply_of_ipv6_whose_next_hop_is_silent_is_translated_and_goes_to_the_agent() -> Result<()> {
    in_director(|network, rig| {
        let (ours, server) = at_work(network, rig, TCP)?;
        let silent = Endpoint {
            address: UNREACHABLE[0].into(),
            port: 1,
        };
        let syn = Segment {
            source: silent,
            ..packet(1, &ours, SYN)
        };
        ensure!(rig.send(&frame(&syn, &[]), network.front.index)?.verdict == REDIRECT);
        let reply = Segment {
            destination: silent,
            payload: vec![7; 301],
            ..reply(1, &ours, &server)
        };
        let expected = frame(&at_client(&reply, &ours), &[]);
        let mut answers = 0;
        while rig.maps.reason(Reason::NoWayBack)? == 0 {
            let found = rig.send(&frame(&reply, &[]), network.back.index)?;
            ensure!(found.verdict == DROP);
            if let Some((ifindex, packet)) = found.handed {
                ensure!(ifindex == network.front.index);
                ensure!(packet == expected[ETHERNET..]);
                answers += 1;
            }
        }
        ensure!((LIMIT..=2 * LIMIT).contains(&answers), "{answers}");
        Ok(())
    })
}

#[test]
fn all_fragments_of_ipv6_are_translated_both_ways() -> Result<()> {
    in_director(|network, rig| {
        for (round, protocol) in [TCP, UDP].into_iter().enumerate() {
            let (ours, server) = at_work(network, rig, protocol)?;
            for (number, lead) in [vec![], chains()[1].clone()].into_iter().enumerate() {
                let id = 0x0102_0300 + (2 * round + number) as u32;
                let chain = |offset, more| {
                    let piece = Extension::fragment(offset, more, id);
                    [&lead[..], &[piece]].concat()
                };
                let asked = Segment {
                    payload: vec![7; 64],
                    ..packet(1, &ours, ACK)
                };
                let answered = Segment {
                    payload: vec![9; 64],
                    ..reply(1, &ours, &server)
                };
                let ways = [
                    (&asked, at_server(&asked, &server), network.front.index),
                    (&answered, at_client(&answered, &ours), network.back.index),
                ];
                for (sent, expected, ingress) in ways {
                    for (offset, more) in [(0, true), (9, true), (20, false)] {
                        let chain = chain(offset, more);
                        let (sent, mut expected) = (frame(sent, &chain), frame(&expected, &chain));
                        if offset != 0 {
                            // Not a byte of what it carries is taken for ports, or for a checksum.
                            let carried = sent.len() - 64 - if protocol == TCP { 20 } else { 8 };
                            expected[carried..].copy_from_slice(&sent[carried..]);
                        }
                        let found = rig.send(&sent, ingress)?;
                        ensure!(found.verdict == REDIRECT, "{protocol} {number} {offset}");
                        same(&found.frame, &expected)?;
                    }
                }
            }
            rig.configure(&desired(&[]))?;
        }
        ensure!(rig.maps.reason(Reason::Fragment)? == 0);
        Ok(())
    })
}

#[test]
fn a_server_of_ipv6_answers_in_the_name_of_the_address_of_a_group_that_was_asked() -> Result<()> {
    in_director(|network, rig| {
        let two = [13, 14].map(|last| server(network, last, 8080, Nat));
        let alone = [24, 25].map(|last| service(last, 80, TCP, Vec::new()));
        let group = service(24, 80, TCP, two.to_vec());
        let group = group.of(alone.iter().map(|it| (it.key, 0)).collect());
        let [_, theirs] = twins(&group.context("no group")?);
        rig.configure(&desired(&[&theirs]))?;
        // One port of the client, two addresses: two flows, to a server each.
        for (ours, server) in alone.iter().zip(&two) {
            let asked = packet(7, ours, SYN);
            let found = rig.send(&frame(&asked, &[]), network.front.index)?;
            ensure!(found.verdict == REDIRECT);
            same(&found.frame, &frame(&at_server(&asked, server), &[]))?;
        }
        for (ours, server) in alone.iter().zip(&two) {
            let answered = reply(7, ours, server);
            let found = rig.send(&frame(&answered, &[]), network.back.index)?;
            ensure!(found.verdict == REDIRECT);
            same(&found.frame, &frame(&at_client(&answered, ours), &[]))?;
            let [name, its, client] = [v4(ours.key.address), v4(server.address), CLIENT].map(image);
            // What the server says of a request, and a router of an answer.
            let request = packet(7, ours, ACK);
            let quoted = |segment: &Segment| quoted_to(segment, &[], usize::MAX);
            let sent = error_from(
                1,
                [its, client],
                60,
                &quoted(&at_server(&request, server)),
                &[],
            );
            let before = Segment {
                ttl: request.ttl - 1,
                ..request
            };
            let found = rig.send(&sent, network.back.index)?;
            same(
                &found.frame,
                &error_from(1, [name, client], 59, &quoted(&before), &[]),
            )?;
            let behind = at_client(&answered, ours);
            let before = Segment {
                ttl: behind.ttl,
                ..answered
            };
            let sent = error_from(2, [ROUTERS[0], name], 60, &quoted(&behind), &[]);
            let found = rig.send(&sent, network.front.index)?;
            same(
                &found.frame,
                &error_from(2, [ROUTERS[0], its], 59, &quoted(&before), &[]),
            )?;
        }
        // The later fragments of both go in the name of the first one of theirs.
        for (number, (ours, server)) in alone.iter().zip(&two).enumerate() {
            let answered = Segment {
                payload: vec![9; 64],
                ..reply(7, ours, server)
            };
            for (offset, more) in [(0, true), (9, false)] {
                let chain = [Extension::fragment(offset, more, 77 + number as u32)];
                let found = rig.send(&frame(&answered, &chain), network.back.index)?;
                ensure!(found.verdict == REDIRECT, "{number} {offset}");
                let name = image(v4(ours.key.address)).octets();
                ensure!(found.frame[ETHERNET + 8..ETHERNET + 24] == name);
            }
        }
        Ok(())
    })
}

#[test]
fn what_is_translated_goes_with_vlan_tags_as_it_goes_without() -> Result<()> {
    in_director(|network, rig| {
        tagged::announce(rig, network)?;
        let (ours, server) = at_work(network, rig, TCP)?;
        let its = image(v4(server.address));
        let request = at_server(&packet(1, &ours, ACK), &server);
        let refused = quoted_to(&request, &[], usize::MAX);
        // A router's word comes from an address that nobody knows.
        for (sent, ingress) in [
            (frame(&packet(1, &ours, ACK), &[]), network.front.index),
            (frame(&reply(1, &ours, &server), &[]), network.back.index),
            (
                error_from(1, [its, image(CLIENT)], 60, &refused, &[]),
                network.back.index,
            ),
            (
                error_from(3, [ROUTERS[1], image(CLIENT)], 60, &refused, &[]),
                network.back.index,
            ),
        ] {
            let expected = rig.send(&sent, ingress)?;
            ensure!(expected.verdict == REDIRECT);
            let tagged = tagged::inserted(&sent, &[0x81, 0, 0, 10]);
            let found = rig.send(&tagged, ingress)?;
            ensure!(found == expected, "{found:?} instead of {expected:?}");
        }
        Ok(())
    })
}

#[test]
fn a_packet_is_not_translated_by_what_is_known_of_another() -> Result<()> {
    in_director(|network, rig| {
        let (ours, server) = at_work(network, rig, TCP)?;
        let (other, beside) = {
            let beside = self::server(network, 14, 8081, Nat);
            (service(25, 80, TCP, vec![beside]), beside)
        };
        let [_, theirs] = twins(&Service {
            servers: vec![server],
            ..ours.clone()
        });
        let [_, image_beside] = twins(&other);
        rig.configure(&desired(&[&theirs, &image_beside]))?;
        let opened = frame(&packet(1, &other, SYN), &[]);
        ensure!(rig.send(&opened, network.front.index)?.verdict == REDIRECT);
        let ways = [
            (
                "lb_nat6",
                [(&ours, &server), (&other, &beside)].map(|(ours, server)| {
                    let asked = packet(1, ours, ACK);
                    (asked.clone(), at_server(&asked, server))
                }),
                network.front.index,
            ),
            (
                "lb_return6",
                [(&ours, &server), (&other, &beside)].map(|(ours, server)| {
                    let answered = reply(1, ours, server);
                    (answered.clone(), at_client(&answered, ours))
                }),
                network.back.index,
            ),
        ];
        for (program, [(one, _), (another, expected)], ingress) in ways {
            // The one has left what is known of it; another comes in between.
            ensure!(rig.send(&frame(&one, &[]), ingress)?.verdict == REDIRECT);
            let found = rig.hand_over_to(program, &frame(&another, &[]), ingress)?;
            ensure!(found.verdict == REDIRECT, "{program}");
            same(&found.frame, &frame(&expected, &[]))?;
        }
        Ok(())
    })
}
