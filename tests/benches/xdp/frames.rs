//! The frames of the cases, byte by byte.

use std::net::IpAddr;

use etherparse::PacketBuilder;
use lb_agent::config::model::Forwarding;
use lb_common::bench::{Case, HEADER_WORDS};

use crate::scenario::Family;
use crate::subject::{PORT, clients, low, server, service};

/// Bytes of payload: a frame of IPv4 has 64 bytes, one of IPv6 84.
const PAYLOAD: usize = 10;

/// A TCP packet's one flag.
#[derive(Clone, Copy)]
pub(crate) enum Flag {
    Syn,
    Ack,
}

/// To an address that is none of ours.
pub(crate) fn foreign(family: Family) -> Vec<u8> {
    let other = match family {
        Family::Ipv4 => IpAddr::from([192, 0, 2, 99]),
        Family::Ipv6 => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x99]),
    };
    frame((clients(family), 0), (other, PORT), Flag::Ack)
}

/// From a NAT server's port to clients.
pub(crate) fn from_server(family: Family, port: u16) -> Vec<u8> {
    let server = (server(family, Forwarding::Nat, 1), port);
    frame(server, (clients(family), 0), Flag::Ack)
}

/// From clients to the service with this `lb_kind`.
pub(crate) fn request(family: Family, method: Forwarding, flag: Flag) -> Vec<u8> {
    request_to(family, method, PORT, flag)
}

/// The same to another port of its address.
pub(crate) fn request_to(family: Family, method: Forwarding, port: u16, flag: Flag) -> Vec<u8> {
    frame((clients(family), 0), (service(family, method), port), flag)
}

fn frame(from: (IpAddr, u16), to: (IpAddr, u16), flag: Flag) -> Vec<u8> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1]);
    let ip = match (from.0, to.0) {
        (IpAddr::V4(from), IpAddr::V4(to)) => ethernet.ipv4(from.octets(), to.octets(), 64),
        (from, to) => ethernet.ipv6(octets(from), octets(to), 64),
    };
    let builder = ip.tcp(from.1, to.1, 1, 1024);
    let builder = match flag {
        Flag::Syn => builder.syn(),
        Flag::Ack => builder.ack(1),
    };
    let mut frame = Vec::new();
    // Writing to a vector does not fail.
    let _written = builder.write(&mut frame, &[0; PAYLOAD]);
    frame
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// What the harness is to do with `frame`.
pub(crate) fn case(frame: &[u8], side: u32, flows: u32) -> Case {
    let mut headers = [0; HEADER_WORDS];
    for (word, bytes) in headers.iter_mut().zip(frame.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    Case {
        headers,
        length: u32::try_from(frame.len()).unwrap_or(0),
        flows,
        side,
        clients: u32::from_ne_bytes(low()),
    }
}
