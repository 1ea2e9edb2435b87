//! Any configuration and its image: each packet and its image fare alike.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_agent::dataplane::desired::Desired;
use lb_common::address6;
use lb_common::flow::{FREE, buckets, state};
use lb_common::limits::FLOW_BUCKETS6;
use lb_common::load::Load;
use lb_common::stats::{Reason, Traffic};
use lb_tests::skipped;

use super::frame::{
    AUTHENTICATION, DESTINATION_OPTIONS, Extension, FRAGMENT, HEADER, HOP_BY_HOP, ROUTING, frame,
};
use super::{image, twins};
use crate::frame::{ETHERNET, Endpoint, SCTP, Segment, opens};
use crate::model::{DROP, PASS};
use crate::network::{Network, REACHABLE};
use crate::random::Random;
use crate::rig::{Agent, Rig, stay_on_this_cpu};
use crate::world::{GATES, World, buckets_of};
use crate::{EPOCH, NEEDS, variable};

/// Packets of one run.
const PACKETS: usize = 16_000;

/// Combinations of TCP flags, as often as they are wanted.
const FLAGS: [u8; 12] = [
    0x02, 0x02, 0x02, 0x02, 0x10, 0x10, 0x10, 0x18, 0x11, 0x04, 0x14, 0x12,
];

/// Types of chunks of SCTP, as often as they are wanted.
const CHUNKS: [u8; 12] = [1, 1, 1, 10, 10, 0, 0, 3, 7, 14, 6, 9];

#[test]
fn a_packet_of_ipv6_fares_as_the_one_of_ipv4_that_it_is_the_image_of() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let seed = variable("LB_MODEL_SEED")?.unwrap_or(0x5eed);
    let packets = variable("LB_MODEL_PACKETS")?.map_or(PACKETS, |number| number as usize);
    println!("LB_MODEL_SEED={seed:#x} replays this run");
    let network = Network::new()?;
    network.director.enter(|| {
        stay_on_this_cpu()?;
        let mut random = Random::new(seed);
        let mut world = World::new(&mut random);
        // Those that share a bucket of IPv4 share none of IPv6.
        world
            .clients
            .retain(|it| REACHABLE.contains(&it.address.octets()));
        let mut rig = Rig::new(&network)?;
        for number in 0..packets {
            let place = || format!("LB_MODEL_SEED={seed:#x}, packet {number}");
            if number % EPOCH == 0 {
                check_counters(&rig).with_context(place)?;
                rig.take_census()?;
                check_counters(&rig).with_context(place)?;
                change(&mut rig, &mut world, &network, &mut random)?;
            }
            let nat = world.nat_servers();
            let is_reply = !nat.is_empty() && random.chance(30);
            let segment = if is_reply {
                reply(&world, random.pick(&nat), &mut random)
            } else {
                segment(&world, &mut random)
            };
            let client = if is_reply {
                segment.destination
            } else {
                segment.source
            };
            let ingress = random.pick(&[network.front.index, network.back.index]);
            let agent = match random.below(40) {
                0 => Agent::Silent,
                1 => Agent::Slow,
                _ => Agent::Alive,
            };
            let extensions = extensions(&mut random);
            let place = || format!("{}, {client:?}", place());
            let sent = (&segment, client, is_reply);
            compare(&mut rig, &world, sent, &extensions, (ingress, agent)).with_context(place)?;
        }
        check_counters(&rig)
    })
}

/// Another configuration, other gates.
fn change(rig: &mut Rig, world: &mut World, network: &Network, random: &mut Random) -> Result<()> {
    world.change(network, random);
    let mut services = world.desired().services;
    for service in &mut services {
        // What is of this tick for the one may be of the next for the other: see `limits`.
        service.new_flow_limit = 0;
        if let Some(persistence) = &mut service.persistence {
            persistence.timeout = Duration::from_hours(1);
        }
    }
    let services = services.iter().flat_map(twins).collect();
    rig.configure(&Desired { services })?;
    // A new service goes on where the last one with its number has stopped.
    rig.begin_turns_anew()?;
    for gate in 0..GATES {
        rig.gates.set(gate as u16, gate == 0 || random.chance(80));
    }
    // Long enough for no flow to time out: that one is another entry than the other is.
    rig.set_control(world.secret, 15_000, &state::TIMEOUTS.map(|_| 900));
    Ok(())
}

fn segment(world: &World, random: &mut Random) -> Segment {
    let (mut destination, mut protocol) = World::some_service(random);
    if let Some(service) = world.service(random)
        && random.chance(90)
    {
        let keys: Vec<_> = service.keys().collect();
        let asked = random.pick(&keys);
        destination.address = crate::frame::v4(asked.address);
        protocol = asked.proto;
        if asked.port != 0 {
            destination.port = asked.port;
        }
    }
    let payload = random.pick(&[0, 0, 1, 60, 700, 2000]);
    Segment {
        protocol,
        source: random.pick(&world.clients),
        destination,
        flags: if protocol == SCTP {
            random.pick(&CHUNKS)
        } else {
            random.pick(&FLAGS)
        },
        tos: random.pick(&[0, 0, 0x2e, 0xff]),
        ttl: random.pick(&[0, 1, 2, 64, 64, 64, 255]),
        fragment: 0x4000,
        options: Vec::new(),
        payload: random.bytes(payload),
    }
}

/// What a server in NAT mode sends a client, who may have asked for it or not.
fn reply(world: &World, (source, protocol): (Endpoint, u8), random: &mut Random) -> Segment {
    // What fits a narrow way of the one family and not of the other is not among them.
    let payload = random.pick(&[0, 0, 1, 60, 1250, 2000]);
    Segment {
        protocol,
        source,
        destination: random.pick(&world.clients),
        payload: random.bytes(payload),
        ..segment(world, random)
    }
}

/// Now and then some that change nothing.
fn extensions(random: &mut Random) -> Vec<Extension> {
    if random.chance(75) {
        return Vec::new();
    }
    let any = [FRAGMENT, ROUTING, DESTINATION_OPTIONS, AUTHENTICATION];
    let mut numbers: Vec<u8> = (0..random.below(4)).map(|_| random.pick(&any)).collect();
    if random.chance(30) {
        numbers.insert(0, HOP_BY_HOP);
    }
    numbers
        .into_iter()
        .map(|number| Extension::harmless(number, random.below(4) as u8))
        .collect()
}

/// One packet and its image, which have to fare alike.
fn compare(
    rig: &mut Rig,
    world: &World,
    (segment, client, is_reply): (&Segment, Endpoint, bool),
    extensions: &[Extension],
    (ingress, agent): (u32, Agent),
) -> Result<()> {
    let buckets = buckets_of(client, world.secret);
    let entries = buckets.into_iter().filter_map(|it| rig.bucket(it));
    if entries.flatten().filter(|it| it.key != FREE).count() > 10 {
        // A flow without room goes by the client's hash as well.
        forget(rig, world, client);
    }
    let chance = !is_reply && goes_by_chance(rig, world, segment);
    rig.wait_for_room_in_a_tick()?;
    let before = reasons(rig)?;
    let of_ipv4 = rig.run(&segment.frame(), ingress, agent)?;
    let between = reasons(rig)?;
    let sent = frame(segment, extensions);
    let of_ipv6 = rig.run(&sent, ingress, agent)?;
    if of_ipv4.since != of_ipv6.until {
        // It has ticked in between: one of them is younger, and others make room for it.
        forget(rig, world, client);
    }
    let (of_ipv4, of_ipv6) = (of_ipv4.outcome, of_ipv6.outcome);
    let after = reasons(rig)?;
    let counted = |before: &[u64], after: &[u64]| {
        let counts = before.iter().zip(after);
        counts
            .map(|(before, after)| after - before)
            .collect::<Vec<_>>()
    };
    let alike = of_ipv4.verdict == of_ipv6.verdict
        && counted(&before, &between) == counted(&between, &after);
    // Of servers that are not alike one may be out of reach.
    ensure!(
        alike || chance,
        "{:?} {extensions:?}: {} and {}, {:?} and {:?}",
        brief(segment),
        of_ipv4.verdict,
        of_ipv6.verdict,
        counted(&before, &between),
        counted(&between, &after)
    );
    if of_ipv6.verdict == PASS {
        ensure!(of_ipv6.frame == sent, "what the kernel gets is changed");
    }
    // What is dropped nobody sees.
    if matches!(of_ipv6.verdict, PASS | DROP) {
        return Ok(());
    }
    if is_answer(&of_ipv6.frame) {
        return Ok(());
    }
    // Without a flow nothing is translated.
    let ends = if chance {
        (segment.source, segment.destination)
    } else {
        ends(&of_ipv4.frame)
    };
    let translated = Segment {
        source: ends.0,
        destination: ends.1,
        ttl: segment.ttl - 1,
        ..segment.clone()
    };
    let mut expected = frame(&translated, extensions);
    expected[..12].copy_from_slice(&of_ipv6.frame[..12]);
    ensure!(of_ipv6.frame == expected, "more than that is changed");
    ensure!(
        chance || of_ipv4.frame[..12] == of_ipv6.frame[..12],
        "{:?}: another server",
        brief(segment)
    );
    Ok(())
}

/// Source and destination of a frame of IPv4 without options.
fn ends(frame: &[u8]) -> (Endpoint, Endpoint) {
    let end = |address: usize, port: usize| Endpoint {
        address: [0, 1, 2, 3].map(|at| frame[address + at]).into(),
        port: u16::from_be_bytes([frame[port], frame[port + 1]]),
    };
    (end(26, 34), end(30, 36))
}

/// Forgets the flows of a client and of its image.
fn forget(rig: &Rig, world: &World, client: Endpoint) {
    let address = address6::words(image(client.address));
    let hash = address6::hash(address, client.port.to_be(), world.secret);
    rig.forget(
        buckets_of(client, world.secret),
        buckets(hash, FLOW_BUCKETS6 - 1),
    );
}

/// The segment without what it carries.
fn brief(segment: &Segment) -> Segment {
    Segment {
        payload: Vec::new(),
        ..segment.clone()
    }
}

/// Whether it is an answer: "packet too big" or "time exceeded".
fn is_answer(frame: &[u8]) -> bool {
    frame[ETHERNET + 6] == 58 && matches!(frame[ETHERNET + HEADER], 2 | 3)
}

/// Whether the packet is the middle of a connection that is not known: its server is chosen by a hash
/// of the client, which is another one in each family.
fn goes_by_chance(rig: &Rig, world: &World, segment: &Segment) -> bool {
    let opens = opens(segment.protocol, segment.flags);
    let known = || {
        let buckets = buckets_of(segment.source, world.secret);
        let entries = buckets.into_iter().filter_map(|bucket| rig.bucket(bucket));
        let mut entries = entries.flatten();
        entries.any(|entry| {
            entry.client() == segment.source.address
                && entry.client_port() == segment.source.port
                && rig.goes_on(&entry, segment.destination, segment.protocol)
        })
    };
    !opens && !known()
}

fn reasons(rig: &Rig) -> Result<Vec<u64>> {
    let reasons = Reason::ALL.into_iter();
    Ok(reasons
        .map(|reason| rig.maps.reason(reason))
        .collect::<Result<_, _>>()?)
}

/// Connections are counted alike for every server and its image.
fn check_counters(rig: &Rig) -> Result<()> {
    let mut counted: BTreeMap<_, Vec<(u64, u32, u32, u32)>> = BTreeMap::new();
    for (slot, backend) in rig.maps.backends() {
        let of_ipv6 = |address| match address {
            IpAddr::V4(address) => image(address),
            IpAddr::V6(address) => address,
        };
        let Traffic { conns, .. } = rig.maps.traffic(slot)?;
        let Load {
            active,
            inactive,
            full,
            ..
        } = rig.maps.load(slot);
        let server = (
            of_ipv6(backend.service_address()),
            (backend.vport, backend.proto),
            (of_ipv6(backend.server()), backend.port),
        );
        counted
            .entry(server)
            .or_default()
            .push((conns, active, inactive, full));
    }
    for (server, counts) in counted {
        ensure!(
            counts.len() == 2 && counts[0] == counts[1],
            "{server:?}: {counts:?}"
        );
    }
    Ok(())
}
