//! TCP segments without data (RFC 9293 section 3.1) in IPv4, as far as a handshake goes.

use std::net::{Ipv4Addr, SocketAddrV4};

use lb_common::checksum;

use super::ipv4;

/// IP protocol number.
pub const PROTOCOL: u8 = 6;

/// Length of a header without options.
const HEADER_LEN: usize = 20;

/// What a SYN carries behind its header: a maximum segment size of 1460 (RFC 9293 section 3.7.1), as
/// clients on Ethernet say it.
const MAXIMUM_SEGMENT_SIZE: [u8; 4] = [2, 4, 0x05, 0xb4];

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

/// A segment without data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// From where.
    pub source: SocketAddrV4,
    /// Where to.
    pub destination: SocketAddrV4,
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgment number; means something with ACK.
    pub acknowledgment: u32,
    /// Control bits.
    pub flags: Flags,
}

impl Segment {
    /// The IPv4 packet, checksums included.
    pub fn packet(&self) -> Vec<u8> {
        let options: &[u8] = if self.flags.syn {
            &MAXIMUM_SEGMENT_SIZE
        } else {
            &[]
        };
        let mut tcp = Vec::with_capacity(HEADER_LEN + options.len());
        tcp.extend(self.source.port().to_be_bytes());
        tcp.extend(self.destination.port().to_be_bytes());
        tcp.extend(self.sequence.to_be_bytes());
        tcp.extend(self.acknowledgment.to_be_bytes());
        // Data offset in words of four bytes; at most one word of options.
        tcp.push(if options.is_empty() { 0x50 } else { 0x60 });
        tcp.push(self.flags.byte());
        let window: u16 = if self.flags.rst { 0 } else { 64240 };
        tcp.extend(window.to_be_bytes());
        tcp.extend([0; 4]);
        tcp.extend_from_slice(options);
        let (source, destination) = (*self.source.ip(), *self.destination.ip());
        let check = checksum_of(source, destination, &tcp);
        if let Some(field) = tcp.get_mut(16..18) {
            field.copy_from_slice(&check);
        }
        let header = ipv4::Repr {
            identification: 0,
            ttl: 64,
            protocol: PROTOCOL,
            source,
            destination,
            // At most 24.
            payload_len: u16::try_from(tcp.len()).unwrap_or_default(),
        };
        let mut packet = header.to_bytes_of_client().to_vec();
        packet.extend(tcp);
        packet
    }

    /// Reads an IPv4 packet; `None` if it is no segment of TCP. Data and options are skipped, the
    /// checksum is not verified.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let packet = ipv4::Packet::parse(packet).ok()?;
        if packet.protocol() != PROTOCOL {
            return None;
        }
        let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3, _, flags, ..] =
            *packet.payload().first_chunk::<HEADER_LEN>()?;
        Some(Self {
            source: SocketAddrV4::new(packet.source(), u16::from_be_bytes([s0, s1])),
            destination: SocketAddrV4::new(packet.destination(), u16::from_be_bytes([d0, d1])),
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

/// Over the pseudo-header of RFC 9293 section 3.1 and the segment, whose own field is zero.
fn checksum_of(source: Ipv4Addr, destination: Ipv4Addr, tcp: &[u8]) -> [u8; 2] {
    let length = u16::try_from(tcp.len()).unwrap_or_default();
    let sum = checksum::sum(&source.octets())
        + checksum::sum(&destination.octets())
        + checksum::sum(&[0, PROTOCOL])
        + checksum::sum(&length.to_be_bytes())
        + checksum::sum(tcp);
    (!checksum::fold(sum)).to_ne_bytes()
}

#[cfg(test)]
mod tests;
