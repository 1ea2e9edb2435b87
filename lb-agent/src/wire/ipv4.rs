//! The IPv4 header (RFC 791), as far as raw sockets need it.
//!
//! Options are skipped, not read. Fragments never get here: the kernel reassembles before a raw
//! socket sees a packet.

use std::net::Ipv4Addr;

use lb_common::checksum;
use thiserror::Error;

/// Length of a header without options.
pub const HEADER_LEN: usize = 20;

/// Internetwork control, precedence 6 (RFC 791 3.1): what keepalived puts on every advert.
pub const TOS_INTERNETWORK_CONTROL: u8 = 0xc0;

/// Why these bytes are no IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Fewer bytes than the header says, or than any header has.
    #[error("IPv4 packet of {received} bytes is shorter than its header of {header} bytes")]
    Truncated {
        /// Bytes there are.
        received: usize,
        /// Bytes the header needs.
        header: usize,
    },
    /// Not version 4.
    #[error("IP version {0} where 4 was expected")]
    Version(u8),
    /// A header length below the minimum of 20 bytes.
    #[error("IPv4 header length of {0} bytes is below 20")]
    HeaderLength(usize),
}

/// A received packet: a checked header and what follows it.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-------+---------------+-------------------------------+
/// |Version|  IHL  |      TOS      |         Total length          |
/// +-------+-------+---------------+-----+-------------------------+
/// |        Identification         |Flags|     Fragment offset     |
/// +---------------+---------------+-----+-------------------------+
/// |      TTL      |   Protocol    |        Header checksum        |
/// +---------------+---------------+-------------------------------+
/// |                            Source                             |
/// +---------------------------------------------------------------+
/// |                          Destination                          |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
    received_len: usize,
}

impl<'a> Packet<'a> {
    /// Reads the header. The header checksum is not verified: the kernel did before it delivered.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let truncated = |header| Error::Truncated {
            received: bytes.len(),
            header,
        };
        let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or_else(|| truncated(HEADER_LEN))?;
        let [version_ihl, ..] = *header;
        if version_ihl >> 4 != 4 {
            return Err(Error::Version(version_ihl >> 4));
        }
        let header_len = usize::from(version_ihl & 0x0f) * 4;
        if header_len < HEADER_LEN {
            return Err(Error::HeaderLength(header_len));
        }
        let payload = bytes
            .get(header_len..)
            .ok_or_else(|| truncated(header_len))?;
        Ok(Self {
            header,
            payload,
            received_len: bytes.len(),
        })
    }

    /// The total length that the header claims.
    pub const fn total_len(&self) -> u16 {
        let [_, _, high, low, ..] = *self.header;
        u16::from_be_bytes([high, low])
    }

    /// Time to live.
    pub const fn ttl(&self) -> u8 {
        let [_, _, _, _, _, _, _, _, ttl, ..] = *self.header;
        ttl
    }

    /// IP protocol number of the payload.
    pub const fn protocol(&self) -> u8 {
        let [_, _, _, _, _, _, _, _, _, protocol, ..] = *self.header;
        protocol
    }

    /// Source address.
    pub const fn source(&self) -> Ipv4Addr {
        let [_, _, _, _, _, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.header;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Destination address.
    pub const fn destination(&self) -> Ipv4Addr {
        let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, a, b, c, d] = *self.header;
        Ipv4Addr::new(a, b, c, d)
    }

    /// What follows the header and its options.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Bytes that were received, header included, whatever the header claims.
    pub const fn received_len(&self) -> usize {
        self.received_len
    }
}

/// A header without options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Counts up by one for each packet, from 1.
    pub identification: u16,
    /// 255 for VRRP (RFC 3768 5.2.3) unless `unicast_ttl` says otherwise.
    pub ttl: u8,
    /// IP protocol number of the payload.
    pub protocol: u8,
    /// Source address.
    pub source: Ipv4Addr,
    /// Destination address.
    pub destination: Ipv4Addr,
    /// Bytes that follow the header; with the header at most 65535.
    pub payload_len: u16,
}

impl Repr {
    /// As keepalived builds it for an advert: TOS 0xc0, no flags. The bytes, checksum included.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        self.bytes(TOS_INTERNETWORK_CONTROL, 0)
    }

    /// As clients have it: TOS 0, DF. The bytes, checksum included.
    pub fn to_bytes_of_client(&self) -> [u8; HEADER_LEN] {
        const DONT_FRAGMENT: u8 = 0x40;
        self.bytes(0, DONT_FRAGMENT)
    }

    fn bytes(&self, tos: u8, flags: u8) -> [u8; HEADER_LEN] {
        let [total_high, total_low] = self.payload_len.saturating_add(20).to_be_bytes();
        let [id_high, id_low] = self.identification.to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let with_checksum = |[c0, c1]: [u8; 2]| {
            [
                0x45,
                tos,
                total_high,
                total_low, //
                id_high,
                id_low,
                flags,
                0, //
                self.ttl,
                self.protocol,
                c0,
                c1, //
                s0,
                s1,
                s2,
                s3, //
                d0,
                d1,
                d2,
                d3,
            ]
        };
        // RFC 1071 sums are independent of byte order as long as they go back the way they came.
        let checksum = !checksum::fold(checksum::sum(&with_checksum([0, 0])));
        with_checksum(checksum.to_ne_bytes())
    }
}

#[cfg(test)]
mod tests;
