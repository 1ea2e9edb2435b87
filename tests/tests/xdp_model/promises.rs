//! What the program promises about more than one packet, each promise by itself, without the
//! model.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Nat, Tun};
use lb_agent::dataplane::desired::{Persistence, Server, Service};
use lb_common::stats::Reason;

use crate::fixture::{
    ACK, CLIENT, FIN_ACK, RST, SYN, desired, in_director, packet, server, service,
};
use crate::frame::{Endpoint, Segment, TCP, UDP};
use crate::model::{DROP, Outcome, PASS, REDIRECT};
use crate::network::{Network, UNREACHABLE};
use crate::random::Random;
use crate::rig::{Agent, Rig};
use crate::world::{bucket_mate, bucket_of, mistakable};

/// The last byte of the MAC address that the packet is sent to, as the digits that it is written
/// with; `None`: it is not sent.
fn server_of(rig: &mut Rig, network: &Network, segment: &Segment) -> Result<Option<u8>> {
    let outcome = rig.send(&segment.frame(), network.front.index)?;
    let digits = outcome.frame[5] / 16 * 10 + outcome.frame[5] % 16;
    Ok((outcome.verdict == REDIRECT).then_some(digits))
}

/// How many new flows from ports of the client each server gets.
fn shares(
    rig: &mut Rig,
    network: &Network,
    service: &Service,
    ports: std::ops::Range<u16>,
) -> Result<BTreeMap<Option<u8>, usize>> {
    let mut shares = BTreeMap::new();
    for port in ports {
        let server = server_of(rig, network, &packet(port, service, SYN))?;
        *shares.entry(server).or_default() += 1;
    }
    Ok(shares)
}

fn weigh(service: &Service, weights: &[u32]) -> Service {
    let servers = service.servers.iter().zip(weights);
    let servers = servers
        .map(|(server, weight)| Server {
            weight: *weight,
            ..*server
        })
        .collect();
    Service {
        servers,
        ..service.clone()
    }
}

#[test]
fn weights_of_two_to_one_are_met_exactly_in_every_round() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = weigh(&service(20, 80, TCP, two), &[2, 1]);
        rig.configure(&desired([service.clone()]))?;
        for round in 0..100 {
            let found = shares(rig, network, &service, round * 3 + 1..round * 3 + 4)?;
            ensure!(
                found == BTreeMap::from([(Some(11), 2), (Some(12), 1)]),
                "{round}: {found:?}"
            );
        }
        Ok(())
    })
}

#[test]
fn a_server_of_weight_zero_keeps_its_flows_and_gets_no_new_ones() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = service(20, 80, TCP, two);
        rig.configure(&desired([service.clone()]))?;
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        rig.configure(&desired([weigh(&service, &[0, 1])]))?;
        ensure!(server_of(rig, network, &packet(1, &service, ACK))? == Some(11));
        let found = shares(rig, network, &service, 2..100)?;
        ensure!(found == BTreeMap::from([(Some(12), 98)]), "{found:?}");
        ensure!(server_of(rig, network, &packet(1, &service, FIN_ACK))? == Some(11));
        Ok(())
    })
}

#[test]
fn nobody_is_stuck_to_a_server_that_is_gone_or_has_come_back() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 53, Dr), server(network, 12, 53, Dr)];
        let both = service(20, 53, UDP, two.clone());
        rig.configure(&desired([both.clone()]))?;
        ensure!(server_of(rig, network, &packet(1, &both, 0))? == Some(11));
        rig.configure(&desired([Service {
            servers: two[1..].to_vec(),
            ..both
        }]))?;
        ensure!(server_of(rig, network, &packet(1, &both, 0))? == Some(12));
        rig.configure(&desired([both.clone()]))?;
        // Its flow is with the other server now, and stays there.
        ensure!(server_of(rig, network, &packet(1, &both, 0))? == Some(12));
        Ok(())
    })
}

#[test]
fn tcp_and_udp_from_one_port_to_one_port_are_two_flows() -> Result<()> {
    in_director(|network, rig| {
        let servers = |first: u8| {
            vec![
                server(network, first, 53, Dr),
                server(network, first + 1, 53, Dr),
            ]
        };
        let (tcp, udp) = (
            service(20, 53, TCP, servers(11)),
            service(20, 53, UDP, servers(13)),
        );
        rig.configure(&desired([tcp.clone(), udp.clone()]))?;
        for _ in 0..2 {
            ensure!(server_of(rig, network, &packet(1, &tcp, SYN))? == Some(11));
            ensure!(server_of(rig, network, &packet(1, &udp, 0))? == Some(13));
        }
        Ok(())
    })
}

#[test]
fn persistence_keeps_the_clients_of_one_network_on_one_server() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = Service {
            persistence: Some(Persistence {
                // Ticks, by the clock of the rig.
                timeout: Duration::from_secs(50),
                mask: [255, 255, 255, 0].into(),
            }),
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired([service.clone()]))?;
        let from = |last: u8, port: u16| {
            let source = Endpoint {
                address: [192, 0, 2, last].into(),
                port,
            };
            Segment {
                source,
                ..packet(port, &service, SYN)
            }
        };
        for port in 1..20 {
            ensure!(
                server_of(rig, network, &from(port as u8, port))? == Some(11),
                "{port}"
            );
        }
        let stranger = Endpoint {
            address: [203, 0, 113, 7].into(),
            port: 1,
        };
        let stranger = Segment {
            source: stranger,
            ..packet(1, &service, SYN)
        };
        ensure!(server_of(rig, network, &stranger)? == Some(12));
        // A server that is drained keeps its clients, one that is gone does not.
        rig.configure(&desired([weigh(&service, &[0, 1])]))?;
        ensure!(server_of(rig, network, &from(10, 100))? == Some(11));
        let servers = service.servers[1..].to_vec();
        rig.configure(&desired([Service {
            servers,
            ..service.clone()
        }]))?;
        ensure!(server_of(rig, network, &from(10, 101))? == Some(12));
        Ok(())
    })
}

#[test]
fn a_template_that_has_timed_out_binds_nobody() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let persistence = Persistence {
            timeout: Duration::from_secs(9),
            mask: [255; 4].into(),
        };
        let service = Service {
            persistence: Some(persistence),
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired([service.clone()]))?;
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        rig.age([].into_iter(), 5)?;
        ensure!(server_of(rig, network, &packet(2, &service, SYN))? == Some(11));
        // A new flow has made it young again.
        rig.age([].into_iter(), 8)?;
        ensure!(server_of(rig, network, &packet(3, &service, SYN))? == Some(11));
        rig.age([].into_iter(), 10)?;
        ensure!(server_of(rig, network, &packet(4, &service, SYN))? == Some(12));
        Ok(())
    })
}

/// Clients whose flows share a bucket.
fn bucket_mates(secret: u64, count: usize) -> Vec<Endpoint> {
    let mut random = Random::new(secret);
    let first = Endpoint {
        address: CLIENT,
        port: 1,
    };
    std::iter::repeat_with(|| bucket_mate(first, secret, &mut random))
        .take(count)
        .collect()
}

#[test]
fn a_flood_of_syns_pushes_out_no_established_connection() -> Result<()> {
    in_director(|network, rig| {
        let secret = 0x1234_5678_9abc_def0;
        rig.set_control(secret, 0, &lb_common::flow::state::TIMEOUTS);
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = service(20, 80, TCP, two);
        rig.configure(&desired([service.clone()]))?;
        let clients = bucket_mates(secret, 12);
        let send = |rig: &mut Rig, client: &Endpoint, flags| {
            server_of(
                rig,
                network,
                &Segment {
                    source: *client,
                    ..packet(0, &service, flags)
                },
            )
        };
        let (established, flood) = clients.split_at(4);
        let mut given = Vec::new();
        for client in established {
            given.push(send(rig, client, SYN)?);
            send(rig, client, ACK)?;
        }
        for client in flood.iter().cycle().take(200) {
            // Without room in the table all packets of a flow still go to one server.
            let first = send(rig, client, SYN)?;
            ensure!(first.is_some() && send(rig, client, ACK)? == first);
        }
        for (client, server) in established.iter().zip(&given) {
            ensure!(send(rig, client, ACK)? == *server);
        }
        // One of the four ends: its place is taken by the next.
        send(rig, &established[0], RST)?;
        let next = send(rig, &flood[0], SYN)?;
        ensure!(send(rig, &flood[0], ACK)? == next);
        let flows: Vec<_> = rig.maps.flows().map(|flow| flow.client()).collect();
        ensure!(
            flows.len() == 4 && flows.contains(&flood[0].address),
            "{flows:?}"
        );
        Ok(())
    })
}

#[test]
fn a_gate_that_closes_passes_everything_untouched_and_opens_to_the_same_flows() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = Service {
            gate: 1,
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired([service.clone()]))?;
        let syn = packet(1, &service, SYN).frame();
        let passed = Outcome {
            verdict: PASS,
            frame: syn.clone(),
        };
        ensure!(rig.send(&syn, network.front.index)? == passed);
        rig.gates.set(1, true);
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        rig.gates.set(1, false);
        ensure!(rig.send(&syn, network.front.index)? == passed);
        rig.gates.set(1, true);
        ensure!(server_of(rig, network, &packet(1, &service, ACK))? == Some(11));
        ensure!(rig.maps.reason(Reason::NotMaster)? == 2);
        Ok(())
    })
}

#[test]
fn an_agent_that_is_silent_for_too_long_stops_the_program_and_one_that_speaks_starts_it()
-> Result<()> {
    in_director(|network, rig| {
        let service = service(20, 80, TCP, vec![server(network, 11, 80, Dr)]);
        rig.configure(&desired([service.clone()]))?;
        rig.set_control(1, 5000, &lb_common::flow::state::TIMEOUTS);
        let syn = packet(1, &service, SYN).frame();
        for (agent, verdict) in [
            (Agent::Alive, REDIRECT),
            (Agent::Slow, REDIRECT),
            (Agent::Silent, PASS),
            (Agent::Alive, REDIRECT),
        ] {
            let ran = rig.run(&syn, network.front.index, agent)?;
            ensure!(ran.outcome.verdict == verdict, "{agent:?}");
        }
        ensure!(rig.maps.reason(Reason::AgentSilent)? == 1);
        Ok(())
    })
}

#[test]
fn a_packet_that_fills_the_path_goes_through_the_tunnel_and_one_byte_more_is_passed() -> Result<()>
{
    in_director(|network, rig| {
        let service = service(21, 53, UDP, vec![server(network, 12, 53, Tun)]);
        rig.configure(&desired([service.clone()]))?;
        // 20 bytes outer header, 20 inner header, 8 UDP.
        for (payload, verdict) in [(1452, REDIRECT), (1453, PASS)] {
            let frame = Segment {
                payload: vec![1; payload],
                ..packet(1, &service, 0)
            }
            .frame();
            let found = rig.send(&frame, network.front.index)?;
            ensure!(found.verdict == verdict, "{payload}");
            ensure!(
                verdict != PASS || found.frame == frame,
                "it was changed on the way"
            );
        }
        ensure!(rig.maps.reason(Reason::TooBig)? == 1);
        let (slot, _) = rig.maps.backends().next().context("no server")?;
        ensure!(rig.maps.traffic(slot)?.in_packets == 1);
        Ok(())
    })
}

#[test]
fn a_reply_to_a_client_that_looks_like_a_virtual_address_is_translated() -> Result<()> {
    in_director(|network, rig| {
        let service = service(10, 80, TCP, vec![server(network, 13, 8080, Nat)]);
        rig.configure(&desired([service.clone()]))?;
        let mut random = Random::from_anywhere();
        for client in mistakable(&mut random) {
            let reply = Segment {
                source: Endpoint {
                    address: [10, 0, 0, 13].into(),
                    port: 8080,
                },
                destination: Endpoint {
                    address: client,
                    port: 1,
                },
                ..packet(1, &service, ACK)
            };
            let found = rig.send(&reply.frame(), network.back.index)?;
            ensure!(found.verdict == REDIRECT, "{client}");
            ensure!(found.frame[26..30] == [198, 51, 100, 10], "{client}");
        }
        Ok(())
    })
}

#[test]
fn a_reply_goes_by_the_flow_when_two_services_share_the_server() -> Result<()> {
    in_director(|network, rig| {
        let shared = || vec![server(network, 13, 8080, Nat)];
        let (one, two) = (
            service(20, 80, TCP, shared()),
            service(21, 80, TCP, shared()),
        );
        rig.configure(&desired([one.clone(), two.clone()]))?;
        let reply = |port| {
            let server = Endpoint {
                address: [10, 0, 0, 13].into(),
                port: 8080,
            };
            let client = packet(port, &one, ACK);
            Segment {
                source: server,
                destination: client.source,
                ..client
            }
            .frame()
        };
        for (port, service) in [(1, &one), (2, &two)] {
            server_of(rig, network, &packet(port, service, SYN))?;
            let found = rig.send(&reply(port), network.back.index)?;
            ensure!(
                found.frame[26..30] == service.key.address().octets(),
                "{port}"
            );
        }
        // Nobody can tell whose the reply to a flow is that is not known.
        let stray = reply(3);
        let passed = Outcome {
            verdict: PASS,
            frame: stray.clone(),
        };
        ensure!(rig.send(&stray, network.back.index)? == passed);
        Ok(())
    })
}

#[test]
fn a_flow_that_is_over_does_not_claim_the_replies_of_the_next() -> Result<()> {
    in_director(|network, rig| {
        let shared = || vec![server(network, 13, 8080, Nat)];
        let (old, new) = (
            service(20, 80, TCP, shared()),
            service(21, 80, TCP, shared()),
        );
        rig.configure(&desired([old.clone(), new.clone()]))?;
        server_of(rig, network, &packet(1, &old, SYN))?;
        let bucket = bucket_of(packet(1, &old, SYN).source, rig.maps.read_control().secret);
        rig.age([bucket].into_iter(), 61)?;
        server_of(rig, network, &packet(1, &new, SYN))?;
        let client = packet(1, &new, ACK);
        let reply = Segment {
            source: Endpoint {
                address: [10, 0, 0, 13].into(),
                port: 8080,
            },
            destination: client.source,
            ..client
        };
        let found = rig.send(&reply.frame(), network.back.index)?;
        ensure!(found.frame[26..30] == new.key.address().octets());
        Ok(())
    })
}

#[test]
fn what_is_dropped_or_passed_is_not_counted_as_carried() -> Result<()> {
    in_director(|network, rig| {
        let service = service(22, 80, TCP, vec![server(network, 13, 8080, Nat)]);
        rig.configure(&desired([service.clone()]))?;
        let [unreachable, _] = UNREACHABLE;
        let segment = packet(1, &service, ACK);
        let reply = Segment {
            source: Endpoint {
                address: [10, 0, 0, 13].into(),
                port: 8080,
            },
            destination: Endpoint {
                address: unreachable.into(),
                port: 1,
            },
            ..segment.clone()
        };
        ensure!(rig.send(&reply.frame(), network.back.index)?.verdict == DROP);
        let last_hop = Segment { ttl: 1, ..segment };
        ensure!(rig.send(&last_hop.frame(), network.front.index)?.verdict == PASS);
        let (slot, _) = rig.maps.backends().next().context("no server")?;
        let traffic = rig.maps.traffic(slot)?;
        ensure!(
            (traffic.in_packets, traffic.out_packets) == (0, 0),
            "{traffic:?}"
        );
        Ok(())
    })
}
