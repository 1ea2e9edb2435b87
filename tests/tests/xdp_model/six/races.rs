//! Two CPUs at the same four entries of the flow table of IPv6, with clients whose keys are one word:
//! none of them ever gets the server of another one.
//!
//! The scheduler goes by the client's address, so that who is not known gets the server that he had. A
//! packet that goes elsewhere has found the entry of another client.

use anyhow::{Result, bail, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::config::model::Scheduler;
use lb_agent::dataplane::desired::Service;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::flow::state;

use super::frame::built;
use super::{image, namesake, twins};
use crate::fixture::{ACK, FIN_ACK, RST, SYN, desired, in_director, packet, server, service};
use crate::frame::TCP;
use crate::model::REDIRECT;
use crate::network::Network;
use crate::races::race;
use crate::random::Random;
use crate::rig::Rig;

/// Packets of each CPU.
const PACKETS: usize = 300_000;

/// Clients, all of one first bucket, which has room for four.
const CLIENTS: usize = 5;

/// A client, and where its packets go.
struct Client {
    /// SYN, ACK, FIN, RST.
    frames: [Vec<u8>; 4],
    mac: u8,
}

/// Clients with one key, each with a server of its own.
fn clients(network: &Network, rig: &mut Rig, secret: u64) -> Result<Vec<Client>> {
    let (service, name) = (
        service(20, 80, TCP, Vec::new()),
        image([198, 51, 100, 20].into()),
    );
    let mut clients: Vec<Client> = Vec::new();
    for number in 0..1000 {
        let client = namesake(number, secret);
        let frame = |flags| built(&packet(1, &service, flags), [client, name], &[]);
        let frames = [SYN, ACK, FIN_ACK, RST].map(frame);
        let found = rig.send(&frames[0], network.front.index)?;
        ensure!(found.verdict == REDIRECT, "not sent");
        let mac = found.frame[5];
        if clients.iter().all(|it| it.mac != mac) {
            clients.push(Client { frames, mac });
        }
        if clients.len() == CLIENTS {
            return Ok(clients);
        }
    }
    bail!("no {CLIENTS} clients with different servers")
}

/// Half of the work: random packets of all clients.
fn hammer(object: &mut Object, random: &mut Random, clients: &[Client]) -> Result<()> {
    for _ in 0..PACKETS {
        let client = &clients[random.below(clients.len())];
        // Those who end make room for the others.
        let mut frame = client.frames[random.pick(&[0, 0, 0, 0, 1, 2, 3, 3, 3])].clone();
        object.run(&mut frame)?;
        ensure!(
            frame[5] == client.mac,
            "a packet for {:02x} is sent to {:02x}",
            client.mac,
            frame[5]
        );
    }
    Ok(())
}

#[test]
fn two_cpus_at_one_bucket_pair_no_client_with_the_server_of_one_whose_key_is_the_same() -> Result<()>
{
    in_director(|network, rig| {
        let secret = Random::from_anywhere().number();
        rig.set_control(secret, 0, &state::TIMEOUTS);
        let servers = (11..19).map(|last| server(network, last, 80, Dr));
        let [_, theirs] = twins(&Service {
            scheduler: Scheduler::Sh,
            ..service(20, 80, TCP, servers.collect())
        });
        rig.configure(&desired(&[&theirs]))?;
        let clients = clients(network, rig, secret)?;
        let pins = Pins::of(network.director.name());
        let (mut one, mut other) = (Object::load(&pins)?, Object::load(&pins)?);
        let [mut ones, mut others] = [secret, !secret].map(Random::new);
        race(
            || hammer(&mut one, &mut ones, &clients),
            || hammer(&mut other, &mut others, &clients),
        )
    })
}
