//! What the flow table remembers, and whom it gives up.

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::Service;
use lb_common::flow::STAMP_AHEAD;
use lb_common::flow::state::TIMEOUTS;

use super::server_of;
use crate::fixture::{ACK, CLIENT, RST, SYN, desired, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, TCP, UDP};
use crate::random::Random;
use crate::rig::Rig;
use crate::world::{bucket_mate, bucket_of};

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
fn nobody_is_stuck_to_a_server_that_is_gone_or_has_come_back() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 53, Dr), server(network, 12, 53, Dr)];
        let both = service(20, 53, UDP, two.clone());
        rig.configure(&desired(&[&both]))?;
        ensure!(server_of(rig, network, &packet(1, &both, 0))? == Some(11));
        rig.configure(&desired(&[&Service {
            servers: two[1..].to_vec(),
            ..both.clone()
        }]))?;
        ensure!(server_of(rig, network, &packet(1, &both, 0))? == Some(12));
        rig.configure(&desired(&[&both]))?;
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
        rig.configure(&desired(&[&tcp, &udp]))?;
        for _ in 0..2 {
            ensure!(server_of(rig, network, &packet(1, &tcp, SYN))? == Some(11));
            ensure!(server_of(rig, network, &packet(1, &udp, 0))? == Some(13));
        }
        Ok(())
    })
}

#[test]
fn a_flood_of_syns_pushes_out_no_established_connection() -> Result<()> {
    in_director(|network, rig| {
        let secret = 0x1234_5678_9abc_def0;
        rig.set_control(secret, 0, &TIMEOUTS);
        let two = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
        let service = service(20, 80, TCP, two);
        rig.configure(&desired(&[&service]))?;
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
            let first = send(rig, client, SYN)?;
            ensure!(first.is_some() && send(rig, client, ACK)? == first);
        }
        for (client, server) in established.iter().zip(&given) {
            ensure!(send(rig, client, ACK)? == *server);
        }
        // One of the four ends: its place is taken by the next.
        send(rig, &established[0], RST)?;
        let mate = bucket_mate(flood[0], secret, &mut Random::new(7));
        let next = send(rig, &mate, SYN)?;
        ensure!(send(rig, &mate, ACK)? == next);
        let bucket = rig.bucket(bucket_of(mate, secret)).context("no bucket")?;
        let clients = bucket.map(|flow| flow.client());
        ensure!(clients.contains(&mate.address), "{clients:?}");
        Ok(())
    })
}

#[test]
fn what_another_cpu_has_stamped_ahead_of_our_clock_is_young() -> Result<()> {
    in_director(|network, rig| {
        let two = vec![server(network, 11, 53, Dr), server(network, 12, 53, Dr)];
        let service = service(20, 53, UDP, two);
        rig.configure(&desired(&[&service]))?;
        let first = packet(1, &service, 0);
        let secret = rig.maps.read_control().secret;
        for ahead in [1, 2, STAMP_AHEAD - 1] {
            ensure!(server_of(rig, network, &first)? == Some(11));
            rig.age(
                [bucket_of(first.source, secret)].into_iter(),
                0_u32.wrapping_sub(ahead),
            )?;
        }
        ensure!(server_of(rig, network, &first)? == Some(11));
        Ok(())
    })
}

#[test]
fn a_service_of_all_ports_has_those_without_one_of_their_own() -> Result<()> {
    in_director(|network, rig| {
        let all = service(20, 0, TCP, vec![server(network, 11, 0, Dr)]);
        let web = service(20, 80, TCP, vec![server(network, 12, 80, Dr)]);
        let at = |port| {
            let mut segment = packet(1, &web, SYN);
            segment.destination.port = port;
            segment
        };
        rig.configure(&desired(&[&all, &web]))?;
        for (port, server) in [(80, 12), (81, 11), (0, 11), (8443, 11)] {
            ensure!(
                server_of(rig, network, &at(port))? == Some(server),
                "{port}"
            );
        }
        // TCP it is, and nothing else.
        let udp = Segment {
            protocol: UDP,
            ..at(81)
        };
        ensure!(server_of(rig, network, &udp)?.is_none());
        rig.configure(&desired(&[&all]))?;
        ensure!(server_of(rig, network, &at(80))? == Some(11));
        rig.configure(&desired(&[&web]))?;
        ensure!(server_of(rig, network, &at(81))?.is_none());
        Ok(())
    })
}
