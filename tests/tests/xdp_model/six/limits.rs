//! Who counts as one client: networks of `persistence_granularity`, and the limits of a service.

use std::net::Ipv6Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Persistence, Service};
use lb_common::stats::Reason;

use super::frame::built;
use super::promises::sent_to;
use super::{image, twins};
use crate::fixture::{ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::{TCP, v4};
use crate::network::Network;

/// A client whose words are all different.
const CLIENT: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6);

/// A service of IPv4 with two servers, and its image.
fn web(network: &Network, last: u8) -> [Service; 2] {
    let servers = vec![server(network, 11, 80, Dr), server(network, 12, 80, Dr)];
    twins(&service(last, 80, TCP, servers))
}

/// A packet from a port of a client to the image of a service.
fn frame(client: Ipv6Addr, port: u16, service: &Service, flags: u8) -> Vec<u8> {
    let name = image(v4(service.key.address));
    built(&packet(port, service, flags), [client, name], &[])
}

/// The address that differs from [`CLIENT`] in one bit, the first of which is 0.
fn with_bit(bit: u8) -> Ipv6Addr {
    Ipv6Addr::from_bits(CLIENT.to_bits() ^ 1 << (127 - bit))
}

#[test]
fn a_network_of_any_length_stays_with_its_server_and_another_one_does_not() -> Result<()> {
    const PREFIXES: [u8; 11] = [0, 1, 31, 32, 48, 63, 64, 65, 96, 127, 128];
    in_director(|network, rig| {
        let services = (20..).zip(PREFIXES).map(|(last, prefix)| {
            web(network, last).map(|service| Service {
                persistence: Some(Persistence {
                    timeout: Duration::from_mins(5),
                    mask: [255; 4].into(),
                    prefix,
                }),
                ..service
            })
        });
        let services: Vec<[Service; 2]> = services.collect();
        let theirs: Vec<&Service> = services.iter().map(|[_, theirs]| theirs).collect();
        rig.configure(&desired(&theirs))?;
        for ([ours, _], prefix) in services.iter().zip(PREFIXES) {
            let mut ask = |client| sent_to(rig, network, &frame(client, 1, ours, SYN));
            let first = ask(CLIENT)?;
            ensure!(first.is_some(), "/{prefix}: not sent");
            if prefix < 128 {
                let mate = ask(with_bit(prefix))?;
                ensure!(mate == first, "/{prefix}: {mate:?} and {first:?}");
            }
            if prefix > 0 {
                let stranger = ask(with_bit(prefix - 1))?;
                ensure!(
                    stranger.is_some() && stranger != first,
                    "/{prefix}: a stranger"
                );
            }
        }
        Ok(())
    })
}

#[test]
fn a_client_of_ipv6_gets_no_more_connections_than_it_may() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = web(network, 20).map(|service| Service {
            source_limit: 3,
            ..service
        });
        rig.configure(&desired(&[&theirs]))?;
        let mut ask = |client, port, flags| -> Result<bool> {
            Ok(sent_to(rig, network, &frame(client, port, &ours, flags))?.is_some())
        };
        for port in 1..11 {
            // All that can come in anybody's name.
            ensure!(ask(CLIENT, port, SYN)? && ask(CLIENT, port, ACK)?, "{port}");
        }
        let mut served = Vec::new();
        for port in 1..11 {
            served.push(ask(CLIENT, port, ACK)?);
        }
        ensure!(
            served == [[true; 3].as_slice(), &[false; 7]].concat(),
            "{served:?}"
        );
        // Those that there are go on, another one does not begin, not by another address of the
        // client's network either, and nobody else's is in the way.
        ensure!(ask(CLIENT, 3, ACK)? && !ask(CLIENT, 11, SYN)?);
        for bit in [64, 96, 127] {
            ensure!(!ask(with_bit(bit), 1, SYN)?, "{}", with_bit(bit));
        }
        for bit in [0, 31, 63] {
            ensure!(ask(with_bit(bit), 1, SYN)?, "{}", with_bit(bit));
        }
        rig.take_census()?;
        let another = sent_to(rig, network, &frame(CLIENT, 12, &ours, SYN))?;
        ensure!(another.is_none(), "the agent counts fewer");
        ensure!(rig.maps.reason(Reason::SourceLimit)? == 12);
        Ok(())
    })
}

#[test]
fn more_new_flows_of_ipv6_than_allowed_are_dropped_and_counted() -> Result<()> {
    in_director(|network, rig| {
        let [ours, theirs] = web(network, 20).map(|service| Service {
            new_flow_limit: 10,
            ..service
        });
        rig.configure(&desired(&[&theirs]))?;
        for (flags, asked, least) in [(SYN, 250_u16, 10), (ACK, 2500, 100)] {
            let before = rig.maps.reason(Reason::NewFlowLimit)?;
            let mut let_in = 0;
            for number in 0..asked {
                let client = Ipv6Addr::from_bits(CLIENT.to_bits() + u128::from(number) + 1);
                let found = sent_to(rig, network, &frame(client, flags.into(), &ours, flags))?;
                let_in += u64::from(found.is_some());
            }
            let refused = rig.maps.reason(Reason::NewFlowLimit)? - before;
            ensure!(let_in + refused == u64::from(asked), "{let_in} {refused}");
            ensure!(refused > 0 && let_in >= least, "{let_in}");
        }
        Ok(())
    })
}
