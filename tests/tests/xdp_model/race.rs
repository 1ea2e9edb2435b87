//! Two CPUs at the same four entries of the flow table: no entry may ever pair a client with a
//! server that it was not given.
//!
//! Each client has a service of its own, and each service one server, so a pair that was never
//! given is seen at once: in the table, and on the packet that follows the entry.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::thread;

use anyhow::{Context as _, Result, anyhow, ensure};
use aya::maps::MapData;
use lb_agent::config::model::Forwarding::Dr;
use lb_agent::dataplane::desired::{Desired, Service};
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::flow::{BUSY, FREE, FlowBucket, FlowEntry, WAYS, state};
use lb_common::limits::FLOW_BUCKETS;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use crate::fixture::{ACK, CLIENT, FIN_ACK, RST, SYN, in_director, packet, server, service};
use crate::frame::{Endpoint, Segment, TCP};
use crate::random::Random;
use crate::rig::stay_on_cpu;
use crate::world::{bucket_mate, bucket_of};

/// Packets of each CPU.
const PACKETS: usize = 500_000;

/// Clients, all of one bucket, which has room for four.
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

/// The CPUs that this process may use.
fn cpus() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    Ok((0..CpuSet::count())
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect())
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
fn hammer(pins: &Pins, cpu: usize, pairs: &[Pair], bucket: u32, seed: u64) -> Result<()> {
    stay_on_cpu(cpu)?;
    let mut object = Object::load(pins)?;
    let map = MapData::from_pin(pins.map("FLOWS4"))?;
    let flows = Mapped::new(map.fd(), FLOW_BUCKETS as usize, false)?;
    let mut random = Random::new(seed);
    for _ in 0..PACKETS {
        let pair = &pairs[random.below(pairs.len())];
        let mut frame = pair.frames[random.pick(&[0, 0, 0, 0, 1, 2, 3, 3, 3])].clone();
        object.run(&mut frame)?;
        ensure!(
            frame[5] == pair.mac,
            "{:?} is sent to {:02x}",
            pair.client,
            frame[5]
        );
        for entry in entries(&flows, bucket) {
            check(pairs, &entry)?;
        }
    }
    Ok(())
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

#[test]
fn two_cpus_at_the_same_bucket_never_pair_a_client_with_a_server_it_was_not_given() -> Result<()> {
    let [one, other, ..] = cpus()?[..] else {
        println!("skipped: one CPU cannot race");
        return Ok(());
    };
    in_director(|network, rig| {
        let seed = Random::from_anywhere().number();
        rig.set_control(seed, 0, &state::TIMEOUTS);
        let services: Vec<Service> = (1..=CLIENTS)
            .map(|number| {
                service(
                    20,
                    number.into(),
                    TCP,
                    vec![server(network, number, 80, Dr)],
                )
            })
            .collect();
        let ids = rig.configure(&Desired {
            services: services.clone(),
        })?;
        let slots: BTreeMap<u16, u16> = rig
            .maps
            .backends()
            .map(|(slot, backend)| (backend.service, slot as u16))
            .collect();
        let mut random = Random::new(seed);
        let first = Endpoint {
            address: CLIENT,
            port: 1,
        };
        let clients: Vec<Endpoint> = (0..CLIENTS)
            .map(|_| bucket_mate(first, seed, &mut random))
            .collect();
        let pairs: Vec<Pair> = (1..)
            .zip(clients.iter().zip(&services))
            .map(|(number, (client, service))| {
                let segment = Segment {
                    source: *client,
                    ..packet(1, service, SYN)
                };
                let frame = |flags| {
                    Segment {
                        flags,
                        ..segment.clone()
                    }
                    .frame()
                };
                let id = ids[&(segment.destination, TCP)];
                Pair {
                    client: *client,
                    frames: [SYN, ACK, FIN_ACK, RST].map(frame),
                    mac: number / 10 * 16 + number % 10,
                    service: id,
                    slot: slots[&id],
                }
            })
            .collect();
        let bucket = bucket_of(first, seed);
        let pins = Pins::of(network.director.name());
        let halves = thread::scope(|scope| {
            let start = |cpu, seed| {
                let (pins, pairs) = (&pins, &pairs);
                scope.spawn(move || hammer(pins, cpu, pairs, bucket, seed))
            };
            let halves = [start(one, seed), start(other, !seed)];
            halves.map(|half| {
                half.join()
                    .unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
            })
        });
        for half in halves {
            half?;
        }
        let left: Vec<FlowEntry> = rig.maps.flows().collect();
        ensure!(
            !left.is_empty() && left.len() <= WAYS,
            "{} flows",
            left.len()
        );
        left.iter().try_for_each(|entry| check(&pairs, entry))
    })
}
