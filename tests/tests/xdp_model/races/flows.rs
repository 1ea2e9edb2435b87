//! Two CPUs at the same four entries of the flow table: no entry may ever pair a client with a
//! server that it was not given, and when both are done no flow stands twice in a bucket.
//!
//! Each client has a service of its own, and each service one server, so a pair that was never
//! given is seen at once: in the table, and on the packet that follows the entry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use anyhow::{Context as _, Result, ensure};
use aya::maps::MapData;
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Desired, Service};
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::flow::{BUSY, FREE, FlowBucket, FlowEntry, WAYS, state};
use lb_common::limits::FLOW_BUCKETS;

use super::race;
use crate::fixture::{ACK, CLIENT, FIN_ACK, RST, SYN, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, TCP};
use crate::model::Ids;
use crate::network::Network;
use crate::random::Random;
use crate::rig::Rig;
use crate::world::{bucket_mate, bucket_of};

/// How often both CPUs come to rest.
const ROUNDS: usize = 100;

/// Packets of each CPU between.
const PACKETS: usize = 5000;

/// Clients, all of one first bucket, which has room for four.
const CLIENTS: u8 = 7;

/// Where a client's packets go, and what its entry in the table must say.
#[derive(Clone, Debug)]
struct Pair {
    client: Endpoint,
    /// SYN, ACK, FIN, RST.
    frames: [Vec<u8>; 4],
    mac: u8,
    service: u16,
    slot: u16,
}

impl Pair {
    /// The client of the service with this number.
    fn new(
        client: Endpoint,
        (number, service): (u8, &Service),
        ids: &Ids,
        slots: &BTreeMap<u16, u16>,
    ) -> Self {
        let segment = Segment {
            source: client,
            ..packet(1, service, SYN)
        };
        let frame = |flags| {
            Segment {
                flags,
                ..segment.clone()
            }
            .frame()
        };
        let (id, pool) = ids[&(segment.destination, TCP)];
        Self {
            client,
            frames: [SYN, ACK, FIN_ACK, RST].map(frame),
            mac: number / 10 * 16 + number % 10,
            service: id,
            slot: slots[&pool],
        }
    }
}

/// The entries of a bucket, each as a reader of the program sees it.
fn entries(flows: &Mapped<FlowBucket>, bucket: u32) -> impl Iterator<Item = FlowEntry> {
    (0..WAYS).filter_map(move |way| {
        let word =
            |half: usize| flows.word(bucket as usize, way * size_of::<FlowEntry>() + half * 8);
        let key = word(0)?.load(Ordering::SeqCst);
        let value = word(1)?.load(Ordering::SeqCst);
        let still = word(0)?.load(Ordering::SeqCst) == key;
        let [target, life]: [u32; 2] = bytemuck::cast(value);
        (still && key != FREE && key != BUSY).then_some(FlowEntry { key, target, life })
    })
}

/// Half of the work: random packets of all clients, and a look at the table after each.
struct Half {
    object: Object,
    flows: Mapped<FlowBucket>,
    random: Random,
}

impl Half {
    fn new(pins: &Pins, seed: u64) -> Result<Self> {
        let map = MapData::from_pin(pins.map("FLOWS4"))?;
        Ok(Self {
            object: Object::load(pins)?,
            flows: Mapped::new(map.fd(), FLOW_BUCKETS as usize, false)?,
            random: Random::new(seed),
        })
    }

    fn hammer(&mut self, pairs: &[Pair], bucket: u32) -> Result<()> {
        for _ in 0..PACKETS {
            let pair = &pairs[self.random.below(pairs.len())];
            let frame = self.random.pick(&[0, 0, 0, 0, 1, 2, 3, 3, 3]);
            let mut frame = pair.frames[frame].clone();
            self.object.run(&mut frame)?;
            ensure!(
                frame[5] == pair.mac,
                "{:?} is sent to {:02x}",
                pair.client,
                frame[5]
            );
            entries(&self.flows, bucket).try_for_each(|entry| check(pairs, &entry))?;
        }
        Ok(())
    }
}

fn check(pairs: &[Pair], entry: &FlowEntry) -> Result<()> {
    let client = Endpoint {
        address: entry.client(),
        port: entry.client_port(),
    };
    let pair = pairs
        .iter()
        .find(|pair| pair.client == client && pair.service == entry.service());
    let pair = pair.with_context(|| format!("nobody has sent what made {entry:?}"))?;
    ensure!(
        pair.slot == entry.slot(),
        "{client:?} is paired with the server of {}",
        entry.slot()
    );
    Ok(())
}

/// Configures a service for each client.
fn pairs(network: &Network, rig: &mut Rig, seed: u64) -> Result<Vec<Pair>> {
    let services: Vec<Service> = (1..=CLIENTS)
        .map(|number| {
            let servers = vec![server(network, number, 80, Dr)];
            service(20, number.into(), TCP, servers)
        })
        .collect();
    let ids = rig.configure(&Desired {
        services: services.clone(),
    })?;
    let slots: BTreeMap<u16, u16> = rig
        .maps
        .backends()
        .map(|(slot, backend)| (backend.pool, slot as u16))
        .collect();
    let mut random = Random::new(seed);
    let client = |numbered| {
        let client = bucket_mate(FIRST, seed, &mut random);
        Pair::new(client, numbered, &ids, &slots)
    };
    Ok((1..).zip(&services).map(client).collect())
}

/// Whose first bucket all clients share.
const FIRST: Endpoint = Endpoint {
    address: CLIENT,
    port: 1,
};

#[test]
fn two_cpus_at_the_same_bucket_pair_no_client_with_a_wrong_server_and_make_no_flow_twice()
-> Result<()> {
    in_director(|network, rig| {
        let seed = Random::from_anywhere().number();
        rig.set_control(seed, 0, &state::TIMEOUTS);
        let pairs = pairs(network, rig, seed)?;
        let bucket = bucket_of(FIRST, seed);
        let pins = Pins::of(network.director.name());
        let (mut one, mut other) = (Half::new(&pins, seed)?, Half::new(&pins, !seed)?);
        for round in 0..ROUNDS {
            race(
                || one.hammer(&pairs, bucket),
                || other.hammer(&pairs, bucket),
            )?;
            let left: Vec<FlowEntry> = entries(&one.flows, bucket).collect();
            let keys: BTreeSet<u64> = left.iter().map(|entry| entry.key).collect();
            ensure!(keys.len() == left.len(), "round {round}: twice in {left:?}");
        }
        rig.maps
            .flows()
            .try_for_each(|flow| check(&pairs, &flow.entry))
    })
}
