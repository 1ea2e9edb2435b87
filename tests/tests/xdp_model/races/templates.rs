//! Two connections of one client, each on a CPU of its own, at the same time: a persistent service
//! gives both the same server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Persistence, Service};
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::flow::state;

use super::race;
use crate::fixture::{SYN, desired, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, TCP};
use crate::random::Random;
use crate::rig::Rig;

/// Clients; all of them come in every round.
const CLIENTS: usize = 20_000;
/// In the first round nobody is known, in the others everybody's template has timed out.
const ROUNDS: u16 = 3;

/// One side of the race: its SYNs, and where they went.
struct Side {
    object: Object,
    frames: Vec<Vec<u8>>,
    servers: Vec<u8>,
}

impl Side {
    fn new(pins: &Pins, service: &Service, port: u16) -> Result<Self> {
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
        Ok(Self {
            object: Object::load(pins)?,
            frames: (0..CLIENTS).map(frame).collect(),
            servers: Vec::new(),
        })
    }

    /// Sends a SYN of each client when the other side is about to do the same.
    fn run(&mut self, own: &AtomicUsize, others: &AtomicUsize) -> Result<()> {
        let mut send = |number: usize, frame: &Vec<u8>| {
            let mut out = frame.clone();
            own.store(number, Ordering::SeqCst);
            while others.load(Ordering::SeqCst) < number {
                std::hint::spin_loop();
            }
            self.object.run(&mut out)?;
            self.servers.push(out[5]);
            Ok(())
        };
        let mut numbered = (1..).zip(&self.frames);
        let sent = numbered.try_for_each(|(number, frame)| send(number, frame));
        // Nobody is to wait for us any more, whatever has happened.
        own.store(usize::MAX, Ordering::SeqCst);
        sent
    }
}

/// All clients once; how many have been given two servers.
fn torn(rig: &mut Rig, pins: &Pins, service: &Service, round: u16) -> Result<usize> {
    let mut one = Side::new(pins, service, 2 * round + 1)?;
    let mut other = Side::new(pins, service, 2 * round + 2)?;
    let (ones, others) = (AtomicUsize::new(0), AtomicUsize::new(0));
    race(
        || one.run(&ones, &others),
        || other.run(&others, &ones),
    )?;
    rig.age([].into_iter(), 1000)?;
    let pairs = one.servers.iter().zip(&other.servers);
    Ok(pairs.filter(|(one, other)| one != other).count())
}

#[test]
fn a_client_on_two_cpus_at_once_gets_one_server() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(
            Random::from_anywhere().number(),
            0,
            &state::TIMEOUTS,
        );
        let servers = (11..15).map(|last| server(network, last, 80, Dr));
        let service = Service {
            persistence: Some(Persistence {
                timeout: Duration::from_secs(300),
                mask: [255; 4].into(),
            }),
            ..service(20, 80, TCP, servers.collect())
        };
        rig.configure(&desired(&[&service]))?;
        let pins = Pins::of(network.director.name());
        for round in 0..ROUNDS {
            let torn = torn(rig, &pins, &service, round)?;
            ensure!(torn == 0, "{torn} clients have two servers");
        }
        Ok(())
    })
}
