//! The IPv6 header (RFC 8200 section 3), as far as VRRP over raw sockets needs it.
//!
//! Extension headers are not walked: the kernel hands over what follows them. A raw IPv6 socket
//! delivers no header at all; [`crate::vrrp::socket`] writes one from what the kernel tells beside
//! the packet, so that packets of both families are read alike.

use std::net::Ipv6Addr;

/// Length of the header.
pub const HEADER_LEN: usize = 40;

/// Traffic class of adverts: precedence 6, as in IPv4.
pub const TRAFFIC_CLASS_INTERNETWORK_CONTROL: u8 = 0xc0;

/// A received packet: its header and what follows.
///
/// ```text
/// +-------+---------------+---------------------------------------+
/// |Version| Traffic class |              Flow label               |
/// +-------+---------------+-------+---------------+---------------+
/// |         Payload length        |  Next header  |   Hop limit   |
/// +-------------------------------+---------------+---------------+
/// |                     Source (16 bytes)                         |
/// |                   Destination (16 bytes)                      |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads the header; `None` if there is none, or one of another version.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [first, ..] = *header;
        (first >> 4 == 6).then_some(Self { header, payload })
    }

    /// Length of the payload that the header claims.
    pub const fn payload_len(&self) -> u16 {
        let [_, _, _, _, high, low, ..] = *self.header;
        u16::from_be_bytes([high, low])
    }

    /// Protocol number of the payload.
    pub const fn next_header(&self) -> u8 {
        let [_, _, _, _, _, _, next, ..] = *self.header;
        next
    }

    /// Hop limit.
    pub const fn hop_limit(&self) -> u8 {
        let [_, _, _, _, _, _, _, hops, ..] = *self.header;
        hops
    }

    /// Source address.
    pub fn source(&self) -> Ipv6Addr {
        self.address(8)
    }

    /// Destination address.
    pub fn destination(&self) -> Ipv6Addr {
        self.address(24)
    }

    fn address(&self, at: usize) -> Ipv6Addr {
        let octets = self.header.get(at..).and_then(|rest| rest.first_chunk());
        octets.map_or(Ipv6Addr::UNSPECIFIED, |octets: &[u8; 16]| {
            Ipv6Addr::from_octets(*octets)
        })
    }

    /// What follows the header.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// A header to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// 0xc0 for adverts.
    pub traffic_class: u8,
    /// 255 for multicast (RFC 9568 5.1.2.3).
    pub hop_limit: u8,
    /// Protocol number of the payload.
    pub next_header: u8,
    /// Source address.
    pub source: Ipv6Addr,
    /// Destination address.
    pub destination: Ipv6Addr,
    /// Bytes that follow the header.
    pub payload_len: u16,
}

impl Repr {
    /// The header's bytes; flow label zero.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let [length_high, length_low] = self.payload_len.to_be_bytes();
        let fixed = [
            0x60 | (self.traffic_class >> 4),
            self.traffic_class << 4,
            0,
            0,
            length_high,
            length_low,
            self.next_header,
            self.hop_limit,
        ];
        let all = fixed.into_iter();
        let all = all
            .chain(self.source.octets())
            .chain(self.destination.octets());
        for (place, byte) in bytes.iter_mut().zip(all) {
            *place = byte;
        }
        bytes
    }
}

#[cfg(test)]
mod tests;
