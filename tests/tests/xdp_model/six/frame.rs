//! Frames of IPv6, built byte by byte.

use std::net::Ipv6Addr;

use super::image;
use crate::frame::{SCTP, Segment, TCP, UDP, checksum, ethernet};

/// Length of the fixed header.
pub(crate) const HEADER: usize = 40;

/// Numbers of extension headers.
pub(super) const HOP_BY_HOP: u8 = 0;
pub(super) const ROUTING: u8 = 43;
pub(super) const FRAGMENT: u8 = 44;
pub(super) const AUTHENTICATION: u8 = 51;
pub(crate) const DESTINATION_OPTIONS: u8 = 60;

/// An extension header without its first byte, which names the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extension {
    pub(crate) number: u8,
    pub(crate) rest: Vec<u8>,
}

impl Extension {
    /// One that a packet may have and still be a whole one for its destination, so many units longer
    /// than the shortest.
    pub(crate) fn harmless(number: u8, longer: u8) -> Self {
        let (length, bytes) = match number {
            FRAGMENT => (0, 8),
            // In units of four bytes, without the first two (RFC 4302 2.2).
            AUTHENTICATION => (longer.saturating_add(1), (3 + usize::from(longer)) * 4),
            _ => (longer, (1 + usize::from(longer)) * 8),
        };
        let mut rest = vec![0; bytes - 1];
        rest[0] = length;
        Self { number, rest }
    }

    /// A fragment header (RFC 8200 4.5).
    pub(crate) fn fragment(offset: u16, more: bool, identification: u32) -> Self {
        let word = offset << 3 | u16::from(more);
        let rest = [&[0][..], &word.to_be_bytes(), &identification.to_be_bytes()];
        Self {
            number: FRAGMENT,
            rest: rest.concat(),
        }
    }
}

/// The image of a segment, with these extension headers.
pub(crate) fn frame(segment: &Segment, extensions: &[Extension]) -> Vec<u8> {
    let [source, destination] = [segment.source.address, segment.destination.address].map(image);
    built(segment, [source, destination], extensions)
}

/// The segment between these addresses.
pub(super) fn built(
    segment: &Segment,
    [source, destination]: [Ipv6Addr; 2],
    extensions: &[Extension],
) -> Vec<u8> {
    let transport = transport(segment, source, destination);
    let mut carried = Vec::new();
    let mut next = segment.protocol;
    for extension in extensions.iter().rev() {
        carried = [&[next], &extension.rest[..], &carried].concat();
        next = extension.number;
    }
    carried.extend(transport);
    let mut frame = ethernet(0x86dd);
    frame.extend([0x60 | segment.tos >> 4, segment.tos << 4, 0x12, 0x34]);
    frame.extend((carried.len() as u16).to_be_bytes());
    frame.extend([next, segment.ttl]);
    frame.extend(source.octets());
    frame.extend(destination.octets());
    frame.extend(carried);
    frame
}

/// Ports and what follows, with the checksum of IPv6.
fn transport(segment: &Segment, source: Ipv6Addr, destination: Ipv6Addr) -> Vec<u8> {
    let whole = Segment {
        options: Vec::new(),
        ..segment.clone()
    };
    // Behind the headers of Ethernet and IPv4.
    let mut transport = whole.frame().split_off(34);
    if segment.protocol == SCTP {
        return transport;
    }
    let at = if segment.protocol == TCP { 16 } else { 6 };
    transport[at..at + 2].fill(0);
    let mut check = pseudo_checksum(source, destination, segment.protocol, &transport);
    if segment.protocol == UDP && check == 0 {
        check = 0xffff;
    }
    transport[at..at + 2].copy_from_slice(&check.to_be_bytes());
    transport
}

/// The checksum over `bytes` and the pseudo header (RFC 8200 8.1).
pub(crate) fn pseudo_checksum(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    next_header: u8,
    bytes: &[u8],
) -> u16 {
    let mut all = [source.octets(), destination.octets()].concat();
    all.extend((bytes.len() as u32).to_be_bytes());
    all.extend([0, 0, 0, next_header]);
    all.extend(bytes);
    checksum(&all)
}
