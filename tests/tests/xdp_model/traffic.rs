//! Random frames: mostly what clients and servers send, some of it damaged, some of it nobody's.

use std::net::Ipv4Addr;

use lb_agent::config::model::Forwarding;
use lb_agent::dataplane::desired::Service;

use crate::frame::{ABORT, ETHERNET, Endpoint, SCTP, Segment, UDP, checksum, ethernet, v4};
use crate::random::Random;
use crate::world::World;

/// Combinations of TCP flags, as often as they are wanted.
const FLAGS: [u8; 16] = [
    0x02, 0x02, 0x02, 0x02, 0x02, 0x10, 0x10, 0x10, 0x10, 0x18, 0x11, 0x11, 0x04, 0x14, 0x12, 0x00,
];

/// Types of chunks of SCTP, as often as they are wanted: those of a handshake, of data, of an end.
const CHUNKS: [u8; 20] = [
    1, 1, 1, 1, 1, 2, 2, 10, 10, 10, 11, 11, 0, 0, 3, 7, 8, 14, 6, 9,
];

/// IP protocols whose headers are not what they say: ICMP, IP in IP, GRE, AH, VRRP, SCTP.
const OTHER_PROTOCOLS: [u8; 6] = [1, 4, 47, 51, 112, 132];

/// The next frame.
pub(crate) fn frame(world: &World, random: &mut Random) -> Vec<u8> {
    let mut frame = match random.below(100) {
        0..56 => to_service(world, random),
        56..78 => reply(world, random),
        78..86 => error(world, random),
        86..90 => elsewhere(world, random),
        90..95 => return not_ipv4(world, random),
        95..97 => return noise(random),
        _ => other_protocol(world, random),
    };
    match random.below(25) {
        0 => {
            let mac = random.pick(&[[0xff; 6], [1, 0, 0x5e, 0, 0, 18], [2, 0, 0, 0xaa, 0, 2]]);
            frame[..6].copy_from_slice(&mac);
        }
        1 => frame[..6].copy_from_slice(&[0, 0, 0x5e, 0, random.pick(&[1, 2, 3]), 51]),
        _ => {}
    }
    if random.chance(25) {
        damage(&mut frame, random);
    }
    if random.chance(5) {
        damage(&mut frame, random);
    }
    frame
}

fn to_service(world: &World, random: &mut Random) -> Vec<u8> {
    let Some(service) = world.service(random) else {
        return elsewhere(world, random);
    };
    let virtual_server = endpoint(service, random);
    let segment = segment(
        service.key.proto,
        random.pick(&world.clients),
        virtual_server,
        random,
    );
    let mut frame = segment.frame();
    if service.key.proto == UDP {
        let at = ETHERNET + 20 + segment.options.len() + 6;
        let nat = service
            .servers
            .iter()
            .find(|server| server.method == Forwarding::Nat);
        match (random.below(6), nat) {
            (0, _) => put(&mut frame, at, [0, 0]),
            (1, Some(server)) => {
                let server = Endpoint {
                    address: v4(server.address),
                    port: server.port,
                };
                put(&mut frame, at, before_translation(virtual_server, server));
            }
            _ => {}
        }
    }
    frame
}

/// Where a service is asked; one of all ports at any.
fn endpoint(service: &Service, random: &mut Random) -> Endpoint {
    let keys: Vec<_> = service.keys().collect();
    let asked = random.pick(&keys);
    Endpoint {
        address: v4(asked.address),
        port: match asked.port {
            0 => {
                let any = random.short();
                random.pick(&[80, 8443, any])
            }
            port => port,
        },
    }
}

/// The checksum that becomes zero when `from` is replaced by `to`.
fn before_translation(from: Endpoint, to: Endpoint) -> [u8; 2] {
    // In one's complement a sum without its minuend is the sum with its complement.
    let bytes = |it: Endpoint| [&it.address.octets()[..], &it.port.to_be_bytes()].concat();
    let mut words = bytes(to);
    words.extend(bytes(from).iter().map(|byte| !byte));
    (!checksum(&words)).to_be_bytes()
}

fn reply(world: &World, random: &mut Random) -> Vec<u8> {
    let servers = world.nat_servers();
    if servers.is_empty() {
        return elsewhere(world, random);
    }
    let (server, protocol) = random.pick(&servers);
    let segment = segment(protocol, server, random.pick(&world.clients), random);
    let mut frame = segment.frame();
    if protocol == UDP && random.chance(20) {
        put(
            &mut frame,
            ETHERNET + 20 + segment.options.len() + 6,
            [0, 0],
        );
    }
    frame
}

/// An ICMP error about a packet of a server, or of a client.
fn error(world: &World, random: &mut Random) -> Vec<u8> {
    let servers = world.nat_servers();
    let client = random.pick(&world.clients);
    let (protocol, source, destination) = match world.service(random) {
        Some(service) if servers.is_empty() || random.chance(60) => {
            (service.key.proto, endpoint(service, random), client)
        }
        _ if servers.is_empty() => return elsewhere(world, random),
        _ => {
            let (server, protocol) = random.pick(&servers);
            (protocol, client, server)
        }
    };
    let quoted = segment(protocol, source, destination, random).frame();
    let quoted = &quoted[ETHERNET..];
    let enough = random.pick(&[28, 28, 60, 68, 576]);
    let mut icmp = vec![random.pick(&[3, 3, 11, 12, 0, 4, 5, 8]), random.byte() % 16];
    icmp.extend([0, 0, 0, 0, 0x05, 0x78]);
    icmp.extend(&quoted[..quoted.len().min(enough)]);
    let check = checksum(&icmp).to_be_bytes();
    put(&mut icmp, 2, check);
    let to = if random.chance(3) {
        destination
    } else {
        source
    };
    // The packet that carries it: as any other, but for what it carries.
    let around = Segment {
        payload: Vec::new(),
        fragment: random.pick(&[0, 0, 0, 0x4000, 0x2000]),
        ..segment(UDP, random.pick(&world.clients), to, random)
    };
    let header = 20 + around.options.len();
    let mut frame = around.frame();
    frame.truncate(ETHERNET + header);
    let length = (header + icmp.len()) as u16;
    put(&mut frame, ETHERNET + 2, length.to_be_bytes());
    change(&mut frame, ETHERNET + 9, |_| 1);
    put(&mut frame, ETHERNET + 10, [0, 0]);
    let check = checksum(&frame[ETHERNET..]).to_be_bytes();
    put(&mut frame, ETHERNET + 10, check);
    frame.extend(icmp);
    frame
}

/// To a virtual address without a service there, or to nobody.
fn elsewhere(world: &World, random: &mut Random) -> Vec<u8> {
    let (mut destination, protocol) = World::some_service(random);
    match random.below(3) {
        0 => destination.port = random.short(),
        1 => destination.address = Ipv4Addr::from(random.number() as u32),
        _ => {}
    }
    segment(protocol, random.pick(&world.clients), destination, random).frame()
}

fn segment(protocol: u8, source: Endpoint, destination: Endpoint, random: &mut Random) -> Segment {
    let options = if random.chance(10) {
        4 * random.below(11)
    } else {
        0
    };
    let payload = match random.below(50) {
        0 => 500 + random.below(2200),
        1..30 => random.below(120),
        _ => 0,
    };
    let flags = match random.below(20) {
        0 => random.byte(),
        _ if protocol == SCTP => random.pick(&CHUNKS),
        _ => random.pick(&FLAGS),
    };
    let mut payload = random.bytes(payload);
    if protocol == SCTP && random.chance(20) {
        payload.extend(ABORT);
    }
    Segment {
        protocol,
        source,
        destination,
        flags,
        tos: if random.chance(10) { random.byte() } else { 0 },
        ttl: if random.chance(5) {
            random.below(4) as u8
        } else {
            random.pick(&[64, 128, 255])
        },
        // Now and then the first fragment, or one of the others.
        fragment: match random.below(16) {
            0 => 0x2000,
            1 => 0x2000 | (1 + random.below(0x1fff) as u16),
            2 => 1 + random.below(0x1fff) as u16,
            3 => 0x8000,
            4..7 => 0,
            _ => 0x4000,
        },
        options: random.bytes(options),
        payload,
    }
}

/// ARP, IPv6, tags, and whatever else an Ethernet carries.
fn not_ipv4(world: &World, random: &mut Random) -> Vec<u8> {
    let packet = to_service(world, random);
    match random.below(4) {
        0 => [ethernet(0x0806), random.bytes(46)].concat(),
        1 => [ethernet(0x86dd), random.bytes(60)].concat(),
        2 => {
            let tag = random.pick(&[[0x81, 0x00], [0x88, 0xa8]]);
            [&packet[..12], &tag, &[0x00, 0x05], &packet[12..]].concat()
        }
        _ => [&ethernet(random.short() & 0xf7ff)[..], &packet[ETHERNET..]].concat(),
    }
}

fn noise(random: &mut Random) -> Vec<u8> {
    let length = ETHERNET + random.below(120);
    let mut frame = random.bytes(length);
    if random.chance(50) {
        put(&mut frame, 12, [0x08, 0x00]);
    }
    frame
}

fn other_protocol(world: &World, random: &mut Random) -> Vec<u8> {
    let mut frame = to_service(world, random);
    frame[ETHERNET + 9] = random.pick(&OTHER_PROTOCOLS);
    frame
}

/// Changes something about a frame that a sound sender would not.
fn damage(frame: &mut Vec<u8>, random: &mut Random) {
    let [one, two] = [random.byte(), random.byte()];
    match random.below(12) {
        0 | 1 => frame.truncate(ETHERNET + random.below(frame.len() - ETHERNET + 1)),
        2 => {
            let padding = random.below(60);
            frame.extend(random.bytes(padding));
        }
        3 => change(frame, ETHERNET, |old| old & 0xf0 | one & 0x0f),
        4 => change(frame, ETHERNET, |old| old & 0x0f | one & 0xf0),
        5 => put(frame, ETHERNET + 2, [0, one]),
        6 => put(frame, ETHERNET + 2, [one, two]),
        7 => change(frame, ETHERNET + 8, |_| one % 4),
        8 => put(frame, ETHERNET + 6, [one & 0xe0, random.pick(&[0, 0, two])]),
        9 => put(frame, ETHERNET + 10, [one, two]),
        10 => {
            let at = ETHERNET + 20 + random.below(24);
            put(frame, at, [one, two]);
        }
        _ => {
            let at = random.below(frame.len());
            change(frame, at, |old| old ^ 1 << (one & 7));
        }
    }
}

fn change(frame: &mut [u8], at: usize, how: impl FnOnce(u8) -> u8) {
    if let Some(byte) = frame.get_mut(at) {
        *byte = how(*byte);
    }
}

fn put(frame: &mut [u8], at: usize, bytes: [u8; 2]) {
    if let Some(place) = frame.get_mut(at..at + 2) {
        place.copy_from_slice(&bytes);
    }
}
