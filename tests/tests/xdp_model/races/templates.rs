//! Two connections of one client, each on a CPU of its own, at the same time: a persistent service
//! gives both the same server.

use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Persistence, Service};
use lb_common::flow::state;

use super::{Side, race};
use crate::fixture::{SYN, desired, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, TCP};
use crate::network::Network;
use crate::random::Random;
use crate::rig::Rig;

/// Clients; all of them come in every round.
const CLIENTS: usize = 20_000;
/// In the first round nobody is known, in the others everybody's template has timed out.
const ROUNDS: u16 = 3;

/// SYNs of all clients from one port.
fn frames(service: &Service, port: u16) -> Vec<Vec<u8>> {
    let frame = |client: usize| {
        let [.., c, d] = client.to_be_bytes();
        let source = Endpoint {
            address: [172, 16, c, d].into(),
            port,
        };
        let segment = Segment {
            source,
            ..packet(1, service, SYN)
        };
        segment.frame()
    };
    (0..CLIENTS).map(frame).collect()
}

/// All clients once; how many have been given two servers.
fn torn(network: &Network, rig: &mut Rig, service: &Service, round: u16) -> Result<usize> {
    let mut one = Side::new(network, frames(service, 2 * round + 1))?;
    let mut other = Side::new(network, frames(service, 2 * round + 2))?;
    let (ones, others) = (one.place(), other.place());
    race(|| one.run(&others), || other.run(&ones))?;
    rig.age([].into_iter(), 1000)?;
    let pairs = one.servers.iter().zip(&other.servers);
    Ok(pairs.filter(|(one, other)| one != other).count())
}

#[test]
fn a_client_on_two_cpus_at_once_gets_one_server() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(Random::from_anywhere().number(), 0, &state::TIMEOUTS);
        let servers = (11..15).map(|last| server(network, last, 80, Dr));
        let service = Service {
            persistence: Some(Persistence {
                timeout: Duration::from_mins(5),
                mask: [255; 4].into(),
                prefix: 128,
            }),
            ..service(20, 80, TCP, servers.collect())
        };
        rig.configure(&desired(&[&service]))?;
        for round in 0..ROUNDS {
            let torn = torn(network, rig, &service, round)?;
            ensure!(torn == 0, "{torn} clients have two servers");
        }
        Ok(())
    })
}
