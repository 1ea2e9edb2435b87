//! The XDP program against a model of the same decision: same verdict, same bytes, same counters,
//! same flow table.
//!
//! `LB_MODEL_SEED` replays a run, `LB_MODEL_PACKETS` makes it longer or shorter.

#![expect(
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "all of this is a test, says why it cannot run, and cuts numbers to size on purpose"
)]

mod damage;
mod fixture;
mod frame;
mod golden;
mod model;
mod network;
mod promises;
mod races;
mod random;
mod rig;
mod six;
mod tagged;
mod traced;
mod traffic;
mod trial;
mod tunnels;
mod wire;
mod world;

use anyhow::{Context as _, Result};
use lb_common::flow::state;
use lb_tests::{Need, skipped};

use crate::network::Network;
use crate::random::Random;
use crate::rig::{Agent, stay_on_this_cpu};
use crate::traced::Traced;
use crate::trial::Trial;
use crate::world::{GATES, World};

/// What the tests here need.
const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

/// Frames of one run.
const PACKETS: usize = 120_000;

/// Frames of a run that is traced.
const TRACED_PACKETS: usize = 30_000;

/// Frames between two changes of the configuration.
const EPOCH: usize = 400;

/// A number from the environment.
fn variable(name: &str) -> Result<Option<u64>> {
    let Ok(text) = std::env::var(name) else {
        return Ok(None);
    };
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number
        .map(Some)
        .with_context(|| format!("{name}={text} is not a number"))
}

#[test]
fn any_packets_through_any_configurations_fare_as_in_the_model() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let seed = variable("LB_MODEL_SEED")?.unwrap_or_else(|| Random::from_anywhere().number());
    let packets = variable("LB_MODEL_PACKETS")?.map_or(PACKETS, |number| number as usize);
    println!("LB_MODEL_SEED={seed:#x} replays this run");
    compare(seed, packets, false, false)
}

#[test]
fn they_fare_the_same_while_somebody_traces_and_he_is_told_of_each() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let seed = variable("LB_MODEL_SEED")?.unwrap_or_else(|| Random::from_anywhere().number());
    println!("LB_MODEL_SEED={seed:#x} replays this run");
    compare(seed, TRACED_PACKETS, true, false)
}

#[test]
fn they_fare_the_same_with_vlan_tags_and_go_on_without_or_back_with_them() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let seed = variable("LB_MODEL_SEED")?.unwrap_or_else(|| Random::from_anywhere().number());
    println!("LB_MODEL_SEED={seed:#x} replays this run");
    compare(seed, PACKETS / 2, false, true)
}

/// Sends so many frames through program and model, from configuration to configuration.
fn compare(seed: u64, packets: usize, is_traced: bool, is_tagged: bool) -> Result<()> {
    let network = Network::new()?;
    network.director.enter(|| {
        stay_on_this_cpu()?;
        let mut random = Random::new(seed);
        let mut world = World::new(&mut random);
        let mut trial = Trial::new(&network)?;
        if is_tagged {
            tagged::announce(&mut trial.rig, &network)?;
        }
        let mut traced = is_traced
            .then(|| Traced::new(&trial.rig, &network))
            .transpose()?;
        for packet in 0..packets {
            let place = || format!("LB_MODEL_SEED={seed:#x}, packet {packet}");
            if packet % EPOCH == 0 {
                trial.take_census().with_context(place)?;
                new_epoch(&mut trial, &mut world, &network, &mut random).with_context(place)?;
            }
            if random.chance(2) {
                trial.age(random.pick(&[-2, -1, 1, 2, 3, 5, 8, 12]))?;
            }
            let frame = traffic::frame(&world, &mut random);
            let ingress = random.pick(&[network.front.index, network.back.index]);
            let agent = match random.below(40) {
                0 => Agent::Silent,
                1 => Agent::Slow,
                2 => Agent::Ahead,
                _ => Agent::Alive,
            };
            let outcome = if is_tagged {
                tagged::send(&mut trial, &frame, ingress, agent, &mut random)
            } else {
                trial.send(&frame, ingress, agent)
            };
            let outcome = outcome.with_context(place)?;
            if let Some(traced) = &mut traced {
                traced
                    .check(&frame, ingress, &outcome)
                    .with_context(place)?;
            }
        }
        if let Some(traced) = &traced {
            traced.check_all()?;
        }
        trial.check_maps()?;
        trial.check_nothing_else()
    })
}

/// Another configuration, other gates, another clock.
fn new_epoch(
    trial: &mut Trial<'_>,
    world: &mut World,
    network: &Network,
    random: &mut Random,
) -> Result<()> {
    world.change(network, random);
    trial.configure(&world.desired())?;
    for gate in 0..GATES {
        trial.set_gate(gate as u16, gate == 0 || random.chance(80));
    }
    let deadman = random.pick(&[0, 15_000]);
    trial.set_control(
        world.secret,
        deadman,
        random.pick(&[
            [
                1, 3, 20, 8, 2, 6, 7, 9, 5, 4, 20, 6, 0, 0, 0, 0, 1, 3, 20, 8, 2, 0, 7, 9, 5, 4,
                20, 6, 4, 5, 6, 3,
            ],
            state::TIMEOUTS,
        ]),
    );
    Ok(())
}
