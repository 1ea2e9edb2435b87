//! TCP segments without data (RFC 9293 section 3.1) in IPv4 and IPv6, as far as a handshake goes.

use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};

use lb_common::checksum;

use super::{ipv4, ipv6};

/// IP protocol number.
pub const PROTOCOL: u8 = 6;

/// Length of a header without options.
const HEADER_LEN: usize = 20;

/// What a SYN carries behind its header: a maximum segment size of 1460 (RFC 9293 section 3.7.1), as
/// clients on Ethernet say it; over IPv6 1440.
const MAXIMUM_SEGMENT_SIZE: [u8; 4] = [2, 4, 0x05, 0xb4];
const MAXIMUM_SEGMENT_SIZE_V6: [u8; 4] = [2, 4, 0x05, 0xa0];

/// The control bits that we look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// SYN.
    pub syn: bool,
    /// ACK.
    pub ack: bool,
    /// RST.
    pub rst: bool,
}

/// From where a segment comes, and where it goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// In IPv4.
    V4 {
        /// From where.
        source: SocketAddrV4,
        /// Where to.
        destination: SocketAddrV4,
    },
    /// In IPv6. Scopes are no part of a packet: they are 0.
    V6 {
        /// From where.
        source: SocketAddrV6,
        /// Where to.
        destination: SocketAddrV6,
    },
}

impl Ends {
    /// `None`: the addresses are of two families.
    pub fn new(source: SocketAddr, destination: SocketAddr) -> Option<Self> {
        let bare = |it: SocketAddrV6| SocketAddrV6::new(*it.ip(), it.port(), 0, 0);
        match (source, destination) {
            (SocketAddr::V4(source), SocketAddr::V4(destination)) => Some(Self::V4 {
                source,
                destination,
            }),
            (SocketAddr::V6(source), SocketAddr::V6(destination)) => Some(Self::V6 {
                source: bare(source),
                destination: bare(destination),
            }),
            (SocketAddr::V4(_), SocketAddr::V6(_)) | (SocketAddr::V6(_), SocketAddr::V4(_)) => None,
        }
    }

    /// Of the answer.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::V4 {
                source,
                destination,
            } => Self::V4 {
                source: destination,
                destination: source,
            },
            Self::V6 {
                source,
                destination,
            } => Self::V6 {
                source: destination,
                destination: source,
            },
        }
    }

    const fn ports(&self) -> (u16, u16) {
        match self {
            Self::V4 {
                source,
                destination,
            } => (source.port(), destination.port()),
            Self::V6 {
                source,
                destination,
            } => (source.port(), destination.port()),
        }
    }

    const fn maximum_segment_size(&self) -> &'static [u8] {
        match self {
            Self::V4 { .. } => &MAXIMUM_SEGMENT_SIZE,
            Self::V6 { .. } => &MAXIMUM_SEGMENT_SIZE_V6,
        }
    }

    /// The header in front of a segment of `length` bytes; at most 24.
    fn header(&self, length: usize) -> Vec<u8> {
        let payload_len = u16::try_from(length).unwrap_or_default();
        match self {
            Self::V4 {
                source,
                destination,
            } => ipv4::Repr {
                identification: 0,
                ttl: 64,
                protocol: PROTOCOL,
                source: *source.ip(),
                destination: *destination.ip(),
                payload_len,
            }
            .to_bytes_of_client()
            .to_vec(),
            Self::V6 {
                source,
                destination,
            } => ipv6::Repr {
                traffic_class: 0,
                hop_limit: 64,
                next_header: PROTOCOL,
                source: *source.ip(),
                destination: *destination.ip(),
                payload_len,
            }
            .to_bytes()
            .to_vec(),
        }
    }

    /// The addresses of the pseudo-header (RFC 9293 section 3.1, RFC 8200 section 8.1).
    fn sum(&self) -> u32 {
        match self {
            Self::V4 {
                source,
                destination,
            } => checksum::sum(&source.ip().octets()) + checksum::sum(&destination.ip().octets()),
            Self::V6 {
                source,
                destination,
            } => checksum::sum(&source.ip().octets()) + checksum::sum(&destination.ip().octets()),
        }
    }
}

/// A segment without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From where, and where to.
    pub ends: Ends,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number; means something with ACK.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: Flags,
}

impl Segment {
    /// The packet from its IP header on, checksums included.
    pub fn packet(&self) -> Vec<u8> {
        let options: &[u8] = if self.flags.syn {
            self.ends.maximum_segment_size()
        } else {
            &[]
        };
        let (source, destination) = self.ends.ports();
        let mut tcp = Vec::with_capacity(HEADER_LEN + options.len());
        tcp.extend(source.to_be_bytes());
        tcp.extend(destination.to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgment.to_be_bytes());
        // Data offset in words of four bytes; at most one word of options.
        tcp.push(if options.is_empty() { 0x50 } else { 0x60 });
        tcp.push(self.flags.byte());
        let window: u16 = if self.flags.rst { 0 } else { 64240 };
        tcp.extend(window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend_from_slice(options);
        let check = checksum_of(&self.ends, &tcp);
        if let Some(field) = tcp.get_mut(16..18) {
            field.copy_from_slice(&check);
        }
        let mut packet = self.ends.header(tcp.len());
        packet.extend(tcp);
        packet
    }

    /// Reads a packet from its IP header on; `None` if it is no segment of TCP, or stands behind extension
    /// headers of IPv6. Data and options are skipped, the checksum is not verified.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let (source, destination, protocol, tcp): (IpAddr, IpAddr, u8, &[u8]) =
            if let Ok(v4) = ipv4::Packet::parse(packet) {
                let (source, destination) = (v4.source().into(), v4.destination().into());
                (source, destination, v4.protocol(), v4.payload())
            } else {
                let v6 = ipv6::Packet::parse(packet)?;
                let (source, destination) = (v6.source().into(), v6.destination().into());
                (source, destination, v6.next_header(), v6.payload())
            };
        if protocol != PROTOCOL {
            return None;
        }
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, _, flags, ..] =
            *tcp.first_chunk::<HEADER_LEN>()?;
        let source = SocketAddr::new(source, u16::from_be_bytes([s0, s1]));
        let destination = SocketAddr::new(destination, u16::from_be_bytes([d0, d1]));
        Some(Self {
            ends: Ends::new(source, destination)?,
            sequence: u32::from_be_bytes([q0, q1, q2, q3]),
            acknowledgment: u32::from_be_bytes([a0, a1, a2, a3]),
            flags: Flags::from_byte(flags),
        })
    }
}

impl Flags {
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;

    const fn byte(self) -> u8 {
        let mut byte = 0;
        if self.syn {
            byte |= Self::SYN;
        }
        if self.rst {
            byte |= Self::RST;
        }
        if self.ack {
            byte |= Self::ACK;
        }
        byte
    }

    const fn from_byte(byte: u8) -> Self {
        Self {
            syn: byte & Self::SYN != 0,
            ack: byte & Self::ACK != 0,
            rst: byte & Self::RST != 0,
        }
    }
}

/// Over the pseudo-header and the segment, whose own field is zero.
fn checksum_of(ends: &Ends, tcp: &[u8]) -> [u8; 2] {
    let length = u16::try_from(tcp.len()).unwrap_or_default();
    let sum = ends.sum()
        + checksum::sum(&[0, PROTOCOL])
        + checksum::sum(&length.to_be_bytes())
        + checksum::sum(tcp);
    (!checksum::fold(sum)).to_ne_bytes()
}

#[cfg(test)]
mod tests;
