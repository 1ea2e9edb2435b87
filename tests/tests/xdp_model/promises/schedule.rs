//! Who gets a new flow, and for how long a client keeps its server.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Persistence, Service};
use lb_common::limits::MAX_AFFINITIES;

use super::{server_of, weigh};
use crate::fixture::{ACK, FIN_ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, TCP, UDP};
use crate::network::Network;
use crate::rig::Rig;
use crate::world::buckets_of;

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

#[test]
fn weights_of_two_to_one_are_met_exactly_in_every_round() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = weigh(&service(20, 80, TCP, two), &[2, 1]);
        rig.configure(&desired(&[&service]))?;
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
        rig.configure(&desired(&[&service]))?;
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        rig.configure(&desired(&[&weigh(&service, &[0, 1])]))?;
        ensure!(server_of(rig, network, &packet(1, &service, ACK))? == Some(11));
        let found = shares(rig, network, &service, 2..100)?;
        ensure!(found == BTreeMap::from([(Some(12), 98)]), "{found:?}");
        ensure!(server_of(rig, network, &packet(1, &service, FIN_ACK))? == Some(11));
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
                prefix: 128,
            }),
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired(&[&service]))?;
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
        rig.configure(&desired(&[&weigh(&service, &[0, 1])]))?;
        ensure!(server_of(rig, network, &from(10, 100))? == Some(11));
        let servers = service.servers[1..].to_vec();
        rig.configure(&desired(&[&Service {
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
            prefix: 128,
        };
        let service = Service {
            persistence: Some(persistence),
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired(&[&service]))?;
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

#[test]
fn a_connection_keeps_its_template_alive() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let persistence = Persistence {
            // Nine ticks, by the clock of the rig.
            timeout: Duration::from_secs(9),
            mask: [255; 4].into(),
            prefix: 128,
        };
        let service = Service {
            persistence: Some(persistence),
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired(&[&service]))?;
        let secret = rig.maps.read_control().secret;
        let (syn, ack) = (packet(1, &service, SYN), packet(1, &service, ACK));
        ensure!(server_of(rig, network, &syn)? == Some(11));
        for _ in 0..5 {
            rig.age(buckets_of(syn.source, secret).into_iter(), 4)?;
            ensure!(server_of(rig, network, &ack)? == Some(11));
        }
        ensure!(server_of(rig, network, &packet(2, &service, SYN))? == Some(11));
        // One that was silent for longer than that finds it again, too.
        rig.age(buckets_of(syn.source, secret).into_iter(), 20)?;
        ensure!(server_of(rig, network, &ack)? == Some(11));
        ensure!(server_of(rig, network, &packet(3, &service, SYN))? == Some(11));
        Ok(())
    })
}

#[test]
fn a_flood_of_first_packets_makes_no_client_forgotten_that_was_seen_again() -> Result<()> {
    in_director(|network, rig| {
        let servers = |port| (11..16).map(move |last| server(network, last, port, Dr));
        let persistence = Some(Persistence {
            timeout: Duration::from_mins(5),
            mask: [255; 4].into(),
            prefix: 128,
        });
        let tcp = Service {
            persistence,
            ..service(20, 80, TCP, servers(80).collect())
        };
        let udp = Service {
            persistence,
            ..service(20, 53, UDP, servers(53).collect())
        };
        rig.configure(&desired(&[&tcp, &udp]))?;
        let from = |service: &Service, client: u32, port, flags| {
            let source = Endpoint {
                address: client.into(),
                port,
            };
            Segment {
                source,
                ..packet(port, service, flags)
            }
        };
        let known = |client: u32| 0x0a07_0000 + client;
        let mut given = Vec::new();
        for client in 0..4 {
            for flags in [SYN, ACK, ACK] {
                server_of(rig, network, &from(&tcp, known(client), 1, flags))?;
            }
            given.push(server_of(rig, network, &from(&tcp, known(client), 2, SYN))?);
            for port in [1, 2] {
                server_of(rig, network, &from(&udp, known(client), port, 0))?;
            }
            given.push(server_of(rig, network, &from(&udp, known(client), 3, 0))?);
        }
        for client in 0..MAX_AFFINITIES {
            for (service, flags) in [(&tcp, SYN), (&udp, 0)] {
                let frame = from(service, 0x6400_0000 + client, 9, flags).frame();
                rig.send(&frame, network.front.index)?;
            }
        }
        let mut kept = Vec::new();
        for client in 0..4 {
            kept.push(server_of(rig, network, &from(&tcp, known(client), 7, SYN))?);
            kept.push(server_of(rig, network, &from(&udp, known(client), 7, 0))?);
        }
        ensure!(kept == given, "{kept:?} {given:?}");
        Ok(())
    })
}

#[test]
fn a_template_that_another_cpu_has_stamped_ahead_of_our_clock_is_young() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let persistence = Persistence {
            timeout: Duration::from_secs(9),
            mask: [255; 4].into(),
            prefix: 128,
        };
        let service = Service {
            persistence: Some(persistence),
            ..service(20, 80, TCP, two)
        };
        rig.configure(&desired(&[&service]))?;
        ensure!(server_of(rig, network, &packet(1, &service, SYN))? == Some(11));
        rig.age([].into_iter(), 0_u32.wrapping_sub(2))?;
        ensure!(server_of(rig, network, &packet(2, &service, SYN))? == Some(11));
        Ok(())
    })
}
