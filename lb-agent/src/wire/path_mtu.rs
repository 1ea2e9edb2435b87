//! ICMP "fragmentation needed" about a packet in a tunnel (RFC 1191 4, RFC 2003 4.1): a router says
//! that the path to the tunnel's other end is too narrow, and what fits it.

use std::net::Ipv4Addr;

use lb_common::checksum::{fold, sum};

use super::ipv4;

/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;

/// Destination unreachable, fragmentation needed and DF set.
pub const KIND_AND_CODE: u16 = 0x0304;

/// IP protocol number of IP in IP.
const IP_IN_IP: u8 = 4;

/// What a router that says no size (before RFC 1191) is taken to mean: the next smaller one of
/// those that links have (RFC 1191 7.1).
const PLATEAUS: [u16; 9] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];

/// What every link takes (RFC 791 3.2).
const LEAST: u16 = 68;

/// What a router says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooNarrow {
    /// The end of the tunnel that has sent the packet.
    pub source: Ipv4Addr,
    /// The other end.
    pub destination: Ipv4Addr,
    /// The largest IP packet that fits, bytes.
    pub mtu: u16,
}

impl TooNarrow {
    /// Reads an IPv4 packet; `None` if it says something else, or is damaged. Of the quoted packet
    /// the outer header is enough: many routers quote no more than eight bytes behind it.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let packet = ipv4::Packet::parse(packet).ok()?;
        let length = usize::from(packet.total_len());
        let icmp = packet.payload();
        // A total length within the header leaves less than nothing.
        let end = icmp
            .len()
            .checked_sub(packet.received_len().checked_sub(length)?)?;
        let icmp = icmp.get(..end)?;
        let [a, b, _, _, _, _, m0, m1] = *icmp.first_chunk::<8>()?;
        if packet.protocol() != ICMP || u16::from_be_bytes([a, b]) != KIND_AND_CODE {
            return None;
        }
        if fold(sum(icmp)) != u16::MAX {
            return None;
        }
        let quoted = ipv4::Packet::parse(icmp.get(8..)?).ok()?;
        (quoted.protocol() == IP_IN_IP).then_some(Self {
            source: quoted.source(),
            destination: quoted.destination(),
            mtu: match u16::from_be_bytes([m0, m1]) {
                0 => below(quoted.total_len()),
                mtu => mtu,
            },
        })
    }
}

/// The next smaller size.
fn below(length: u16) -> u16 {
    let smaller = PLATEAUS.into_iter().find(|plateau| *plateau < length);
    smaller.unwrap_or(LEAST)
}

#[cfg(test)]
mod tests;
