//! ICMP "fragmentation needed" about a packet in a tunnel (RFC 1191 4, RFC 2003 4.1), and "packet too big"
//! of IPv6 (RFC 2473 8.1): a router says that the path to the tunnel's other end is too narrow, and what
//! fits it.

use std::net::IpAddr;

use lb_common::checksum::{fold, sum};

use super::{ipv4, ipv6};

/// IP protocol number of ICMP.
pub const ICMP: u8 = 1;

/// Destination unreachable, fragmentation needed and DF set.
pub const KIND_AND_CODE: u16 = 0x0304;

/// Packet too big (RFC 4443 3.2).
pub const PACKET_TOO_BIG: u8 = 2;

/// IP protocol numbers of a packet in a tunnel: of IPv4, of IPv6, behind a header of GRE, and behind one
/// of UDP, which is GUE.
const IPV4_WITHIN: u8 = 4;
const IPV6_WITHIN: u8 = 41;
const GRE: u8 = 47;
const UDP: u8 = 17;

/// What a router that says no size (before RFC 1191) is taken to mean: the next smaller one of
/// those that links have (RFC 1191 7.1).
const PLATEAUS: [u16; 9] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296];

/// What every link takes (RFC 791 3.2).
const LEAST: u16 = 68;

/// What a router says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooNarrow {
    /// The end of the tunnel that has sent the packet.
    pub source: IpAddr,
    /// The other end.
    pub destination: IpAddr,
    /// The largest IP packet that fits, bytes.
    pub mtu: u32,
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
        is_tunnel(quoted.protocol()).then_some(Self {
            source: quoted.source().into(),
            destination: quoted.destination().into(),
            mtu: match u16::from_be_bytes([m0, m1]) {
                0 => below(quoted.total_len()),
                mtu => mtu,
            }
            .into(),
        })
    }

    /// Reads a message of `ICMPv6`, whose checksum the kernel has looked at.
    pub fn parse6(message: &[u8]) -> Option<Self> {
        let [kind, _, _, _, m0, m1, m2, m3] = *message.first_chunk::<8>()?;
        let quoted = ipv6::Packet::parse(message.get(8..)?)?;
        let is_about_us = kind == PACKET_TOO_BIG && is_tunnel(quoted.next_header());
        is_about_us.then_some(Self {
            source: quoted.source().into(),
            destination: quoted.destination().into(),
            mtu: u32::from_be_bytes([m0, m1, m2, m3]),
        })
    }
}

/// Whether it is a protocol that our tunnels have behind the outer header. Who has sent the packet,
/// and to whom, is looked at by [`crate::dataplane::nexthop`].
const fn is_tunnel(protocol: u8) -> bool {
    matches!(protocol, IPV4_WITHIN | IPV6_WITHIN | GRE | UDP)
}

/// The next smaller size.
fn below(length: u16) -> u16 {
    let smaller = PLATEAUS.into_iter().find(|plateau| *plateau < length);
    smaller.unwrap_or(LEAST)
}

#[cfg(test)]
mod tests;
