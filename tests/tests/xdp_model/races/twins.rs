//! Two packets that open one flow, each on a CPU of its own, at the same time: the flow stands in
//! the table once.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use lb_agent::config::model::Forwarding::Dr;
use lb_common::flow::{FlowEntry, state};

use super::{Side, race};
use crate::fixture::{desired, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, UDP};
use crate::network::Network;
use crate::random::Random;
use crate::rig::Rig;

/// Flows of one round.
const FLOWS: usize = 20_000;
/// Each with flows that nobody knows.
const ROUNDS: u8 = 3;

/// Every flow of a round on both CPUs, and how often each stands in the table then.
fn round(network: &Network, rig: &mut Rig, round: u8) -> Result<()> {
    let two = vec![server(network, 11, 53, Dr), server(network, 12, 53, Dr)];
    let service = service(20, 53, UDP, two);
    rig.configure(&desired(&[&service]))?;
    let frame = |flow: usize| {
        let [.., c, d] = flow.to_be_bytes();
        let source = Endpoint {
            address: [172, 16 + round, c, d].into(),
            port: 1,
        };
        let segment = Segment {
            source,
            ..packet(1, &service, 0)
        };
        segment.frame()
    };
    let frames: Vec<Vec<u8>> = (0..FLOWS).map(frame).collect();
    let (mut one, mut other) = (
        Side::new(network, frames.clone())?,
        Side::new(network, frames)?,
    );
    let (ones, others) = (one.place(), other.place());
    race(|| one.run(&others), || other.run(&ones))?;
    let mut found: BTreeMap<u64, Vec<FlowEntry>> = BTreeMap::new();
    for flow in rig.maps.flows() {
        found.entry(flow.entry.key).or_default().push(flow.entry);
    }
    let twice: Vec<_> = found.values().filter(|flows| flows.len() > 1).collect();
    ensure!(twice.is_empty(), "{} flows twice", twice.len());
    Ok(())
}

#[test]
fn a_flow_that_two_cpus_open_at_once_stands_in_the_table_once() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(Random::from_anywhere().number(), 0, &state::TIMEOUTS);
        (0..ROUNDS).try_for_each(|number| round(network, rig, number))
    })
}
