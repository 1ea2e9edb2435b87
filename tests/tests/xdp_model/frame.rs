//! Frames, built byte by byte: Ethernet, IPv4, TCP, UDP or SCTP.

use std::net::{IpAddr, Ipv4Addr};

/// An address, which is one of IPv4.
pub(crate) fn v4(address: IpAddr) -> Ipv4Addr {
    match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    }
}

/// Length of an Ethernet header.
pub(crate) const ETHERNET: usize = 14;

/// IP protocol number of TCP.
pub(crate) const TCP: u8 = 6;
/// IP protocol number of UDP.
pub(crate) const UDP: u8 = 17;

/// IP protocol number of SCTP.
pub(crate) const SCTP: u8 = 132;

/// What stands behind a cookie to end an association: ABORT, without a cause.
pub(crate) const ABORT: [u8; 4] = [6, 0, 0, 4];

/// Whether a packet may be the first of a connection; `flags` as in [`Segment`].
pub(crate) const fn opens(protocol: u8, flags: u8) -> bool {
    match protocol {
        TCP => flags & 0x06 == 0x02,
        SCTP => flags == 1,
        _ => true,
    }
}

/// Address and port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Endpoint {
    pub(crate) address: Ipv4Addr,
    /// Host byte order.
    pub(crate) port: u16,
}

/// A TCP, UDP or SCTP packet over IPv4, whole and sound.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) protocol: u8,
    pub(crate) source: Endpoint,
    pub(crate) destination: Endpoint,
    /// TCP flags; of SCTP the type of the first chunk, whose value is the payload, but for an
    /// [`ABORT`] at its end if it is a cookie or its answer.
    pub(crate) flags: u8,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    /// Flags and offset of the fragment.
    pub(crate) fragment: u16,
    /// IP options, a multiple of four bytes, 40 at most.
    pub(crate) options: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl Segment {
    /// The packet as a frame.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut transport = [
            self.source.port.to_be_bytes(),
            self.destination.port.to_be_bytes(),
        ]
        .concat();
        if self.protocol == SCTP {
            transport.extend(self.sctp());
            let check = crc32c(&transport);
            transport[8..12].copy_from_slice(&check.to_le_bytes());
            return self.around(&transport);
        }
        let checksum_at = if self.protocol == TCP {
            // Sequence and acknowledgment, five words of header, a window, no urgent pointer.
            transport.extend([
                1, 2, 3, 4, 5, 6, 7, 8, 0x50, self.flags, 0x20, 0, 0, 0, 0, 0,
            ]);
            16
        } else {
            transport.extend((8 + self.payload.len() as u16).to_be_bytes());
            transport.extend([0, 0]);
            6
        };
        transport.extend(&self.payload);
        let check = self.transport_checksum(&transport);
        transport[checksum_at..checksum_at + 2].copy_from_slice(&check.to_be_bytes());
        self.around(&transport)
    }

    /// What stands behind the ports of SCTP: a tag, no checksum yet, a chunk.
    fn sctp(&self) -> Vec<u8> {
        let behind = matches!(self.flags, 10 | 11) && self.payload.ends_with(&ABORT);
        let length = 4 + self.payload.len() - if behind { ABORT.len() } else { 0 };
        let mut bytes = vec![9, 8, 7, 6, 0, 0, 0, 0, self.flags, 0];
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// The frame around what an IP packet carries.
    fn around(&self, transport: &[u8]) -> Vec<u8> {
        let mut frame = ethernet(0x0800);
        frame.extend(self.ip_header(transport.len()));
        frame.extend(transport);
        frame
    }

    fn ip_header(&self, carried: usize) -> Vec<u8> {
        let length = 20 + self.options.len();
        let mut header = vec![0x40 | (length / 4) as u8, self.tos];
        header.extend(((length + carried) as u16).to_be_bytes());
        header.extend([0x12, 0x34]);
        header.extend(self.fragment.to_be_bytes());
        header.extend([self.ttl, self.protocol, 0, 0]);
        header.extend(self.source.address.octets());
        header.extend(self.destination.address.octets());
        header.extend(&self.options);
        let check = checksum(&header);
        header[10..12].copy_from_slice(&check.to_be_bytes());
        header
    }

    fn transport_checksum(&self, transport: &[u8]) -> u16 {
        let check = pseudo_checksum(
            self.source.address,
            self.destination.address,
            self.protocol,
            transport,
        );
        // RFC 768: a UDP checksum of zero would mean none.
        if self.protocol == UDP && check == 0 {
            0xffff
        } else {
            check
        }
    }
}

/// An Ethernet header of a frame to the director.
pub(crate) fn ethernet(ether_type: u16) -> Vec<u8> {
    let mut header = vec![0x02, 0, 0, 0xaa, 0, 1, 0x02, 0, 0, 0xcc, 0, 9];
    header.extend(ether_type.to_be_bytes());
    header
}

/// The checksum over `bytes` and the pseudo header (RFC 9293 3.1, RFC 768).
pub(crate) fn pseudo_checksum(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    transport: &[u8],
) -> u16 {
    let mut bytes = [source.octets(), destination.octets()].concat();
    bytes.extend([0, protocol]);
    bytes.extend((transport.len() as u16).to_be_bytes());
    bytes.extend(transport);
    checksum(&bytes)
}

/// The Internet checksum by its definition (RFC 1071): words of the network, carries added back
/// as they come.
pub(crate) fn checksum(bytes: &[u8]) -> u16 {
    let mut total = 0_u16;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = total.overflowing_add(word);
        total = sum + u16::from(carry);
    }
    !total
}

/// `CRC32c` by its definition (RFC 9260 appendix A), bit by bit.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0x82f6_3b78;
            }
        }
    }
    !crc
}
