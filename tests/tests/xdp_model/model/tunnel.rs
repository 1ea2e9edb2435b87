//! What a packet looks like in a tunnel, by the documents: IP in IP (RFC 2003, 2473, 4213), GRE (RFC 2784)
//! and GUE (draft-ietf-intarea-gue).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_agent::config::model::{Tunnel, TunnelChecksum};
use lb_agent::dataplane::desired::Server;
use lb_agent::dataplane::nexthop::Hop;
use lb_common::address6;
use lb_common::hash::mix;

use super::packet::{address_to, hop_less, put, short};
use crate::frame::{ETHERNET, TCP, UDP, checksum};

/// Bytes in front of a packet.
pub(crate) fn overhead(server: &Server) -> u32 {
    let outer = if server.address.is_ipv6() { 40 } else { 20 };
    outer
        + match server.tunnel {
            Tunnel::Ipip => 0,
            Tunnel::Gre {
                checksum: TunnelChecksum::None,
            } => 4,
            Tunnel::Gre { .. } => 8,
            Tunnel::Gue { .. } => 12,
        }
}

/// The packet of a frame with one hop less in a tunnel. What the program makes of chance, the
/// identification of some packets, is 0 here.
pub(crate) fn tunnelled(frame: &[u8], server: &Server, hop: &Hop, secret: u64) -> Vec<u8> {
    let mut packet = frame[ETHERNET..].to_vec();
    let hash = flow_hash(&packet, secret);
    let is_ipv6 = packet[0] >> 4 == 6;
    let (length, protocol, tos, ttl, flags, id) = if is_ipv6 {
        packet[7] -= 1;
        let length = 40 + usize::from(short(&packet[4..6]));
        let flags = if length > 1280 { 0x40 } else { 0 };
        let class = packet[0] << 4 | packet[1] >> 4;
        (length, 41, class, packet[7], flags, [0, 0])
    } else {
        hop_less(&mut packet);
        let flags = packet[6] & 0x40;
        let id = match flags {
            0 => identification(&packet),
            _ => [0, 0],
        };
        let length = short(&packet[2..4]).into();
        (length, 4, packet[1], packet[8], flags, id)
    };
    let source = source(server.address, hop);
    let summed = as_it_says(&packet[..length]);
    let shim = shim(server, (source, server.address), &summed, protocol, hash);
    let next = match server.tunnel {
        Tunnel::Ipip => protocol,
        Tunnel::Gre { .. } => 47,
        Tunnel::Gue { .. } => UDP,
    };
    let carried = ((shim.len() + length) as u16).to_be_bytes();
    let (ether_type, outer) = match (source, server.address) {
        (IpAddr::V6(source), IpAddr::V6(server)) => {
            let label = (hash & 0xf_ffff) | u32::from(tos) << 20 | 0x6000_0000;
            let mut outer = label.to_be_bytes().to_vec();
            outer.extend(carried);
            outer.extend([next, ttl]);
            outer.extend(source.octets());
            outer.extend(server.octets());
            ([0x86, 0xdd], outer)
        }
        (source, server) => {
            let mut outer = vec![0x45, tos];
            outer.extend(((20 + shim.len() + length) as u16).to_be_bytes());
            outer.extend(id);
            outer.extend([flags, 0, ttl, next, 0, 0]);
            outer.extend(octets(source));
            outer.extend(octets(server));
            let check = checksum(&outer);
            put(&mut outer, 10, &check.to_be_bytes());
            ([0x08, 0x00], outer)
        }
    };
    let mut result = vec![0; 12];
    address_to(&mut result, hop.dst_mac, hop.src_mac);
    result.extend(ether_type);
    [result, outer, shim, packet].concat()
}

/// Our end of the tunnel.
fn source(server: IpAddr, hop: &Hop) -> IpAddr {
    let none: IpAddr = if server.is_ipv6() {
        Ipv6Addr::UNSPECIFIED.into()
    } else {
        Ipv4Addr::UNSPECIFIED.into()
    };
    hop.source
        .filter(|it| it.is_ipv6() == server.is_ipv6())
        .unwrap_or(none)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// What stands between the outer header and the packet.
fn shim(
    server: &Server,
    (source, destination): (IpAddr, IpAddr),
    packet: &[u8],
    protocol: u8,
    hash: u32,
) -> Vec<u8> {
    match server.tunnel {
        Tunnel::Ipip => Vec::new(),
        Tunnel::Gre { checksum: it } => {
            let ether_type: [u8; 2] = if protocol == 4 {
                [0x08, 0x00]
            } else {
                [0x86, 0xdd]
            };
            if it == TunnelChecksum::None {
                return [[0, 0], ether_type].concat();
            }
            let mut header = [[0x80, 0], ether_type, [0, 0], [0, 0]].concat();
            let check = checksum(&[&header, packet].concat());
            put(&mut header, 4, &check.to_be_bytes());
            header
        }
        Tunnel::Gue { port, checksum: it } => {
            let length = (12 + packet.len()) as u16;
            let port_of_flow = 0xc000 | (hash & 0x3fff) as u16;
            let words = [port_of_flow, port, length, 0].map(u16::to_be_bytes);
            let mut header = words.concat();
            header.extend([0, protocol, 0, 0]);
            if it != TunnelChecksum::None {
                let mut pseudo = [octets(source), octets(destination)].concat();
                pseudo.extend([0, UDP]);
                pseudo.extend(length.to_be_bytes());
                let check = match checksum(&[&pseudo, &header, packet].concat()) {
                    0 => 0xffff,
                    check => check,
                };
                put(&mut header, 6, &check.to_be_bytes());
            }
            header
        }
    }
}

/// A packet whose checksums are right, if it has one that covers all of it: that one is taken at its
/// word, since what it is wrong by the receiver finds out a layer earlier.
fn as_it_says(packet: &[u8]) -> Vec<u8> {
    let mut packet = packet.to_vec();
    let is_ipv6 = packet[0] >> 4 == 6;
    let Some((protocol, start)) = ports(&packet) else {
        return packet;
    };
    let at = start + if protocol == TCP { 16 } else { 6 };
    if protocol == UDP {
        let own = usize::from(short(&packet[start + 4..start + 6]));
        if own != packet.len() - start || packet[at..at + 2] == [0, 0] {
            return packet;
        }
    }
    let addresses = if is_ipv6 { 8..40 } else { 12..20 };
    let mut pseudo = packet[addresses].to_vec();
    pseudo.extend([0, protocol]);
    pseudo.extend(((packet.len() - start) as u16).to_be_bytes());
    put(&mut packet, at, &[0, 0]);
    let check = checksum(&[&pseudo, &packet[start..]].concat());
    put(&mut packet, at, &check.to_be_bytes());
    if !is_ipv6 {
        put(&mut packet, 10, &[0, 0]);
        let check = checksum(&packet[..start]);
        put(&mut packet, 10, &check.to_be_bytes());
    }
    packet
}

/// Protocol and place of the ports of a packet that has some right behind its first header.
fn ports(packet: &[u8]) -> Option<(u8, usize)> {
    let (protocol, start) = if packet[0] >> 4 == 6 {
        (packet[6], 40)
    } else {
        if short(&packet[6..8]) & 0x3fff != 0 {
            return None;
        }
        (packet[9], usize::from(packet[0] % 16) * 4)
    };
    matches!(protocol, TCP | UDP).then_some((protocol, start))
}

/// The hash that stands in a source port or a flow label: of addresses and ports as they lie in memory.
fn flow_hash(packet: &[u8], secret: u64) -> u32 {
    let word = |at: usize| u32::from_ne_bytes([0, 1, 2, 3].map(|byte| packet[at + byte]));
    let ends = if packet[0] >> 4 == 6 {
        let address = |at: usize| {
            let octets: [u8; 16] = std::array::from_fn(|byte| packet[at + byte]);
            address6::words(octets.into())
        };
        address6::mixed(address(8), address6::mixed(address(24), 0))
    } else {
        u64::from(word(12)) | u64::from(word(16)) << 32
    };
    let ports = ports(packet).map_or(0, |(_, start)| word(start));
    (mix(mix(ends, secret) ^ u64::from(ports), secret) >> 32) as u32
}

/// Of an outer header that may be fragmented: the inner one's, in a dialect of each client.
fn identification(inner: &[u8]) -> [u8; 2] {
    // A sum is the complement of its checksum.
    let dialect = (!checksum(&inner[12..16])).to_be_bytes();
    match [inner[4] ^ dialect[0], inner[5] ^ dialect[1]] {
        [0, 0] => [0xff, 0xff],
        id => id,
    }
}
