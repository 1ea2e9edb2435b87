//! What a tunnel puts in front of a client's packet. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::wire::{ipv4, ipv6};

/// IP protocol number of IPv4 in IPv4 (RFC 2003), and in IPv6 (RFC 2473).
const IPIP: u8 = 4;

/// Of IPv6 in IPv4 (RFC 4213), and in IPv6 (RFC 2473).
const IPV6: u8 = 41;

/// From this host to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outer {
    /// In IPv4.
    V4 {
        /// An address of this host.
        source: Ipv4Addr,
        /// The server.
        server: Ipv4Addr,
    },
    /// In IPv6.
    V6 {
        /// An address of this host.
        source: Ipv6Addr,
        /// The server.
        server: Ipv6Addr,
    },
}

impl Outer {
    /// `None`: the addresses are of two families.
    pub(super) const fn new(source: IpAddr, server: IpAddr) -> Option<Self> {
        match (source, server) {
            (IpAddr::V4(source), IpAddr::V4(server)) => Some(Self::V4 { source, server }),
            (IpAddr::V6(source), IpAddr::V6(server)) => Some(Self::V6 { source, server }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
        }
    }

    /// Where it goes.
    pub(super) const fn server(&self) -> IpAddr {
        match self {
            Self::V4 { server, .. } => IpAddr::V4(*server),
            Self::V6 { server, .. } => IpAddr::V6(*server),
        }
    }

    /// `packet` of at most 64 bytes, of either family, as it goes to the server.
    pub(super) fn around(&self, packet: &[u8]) -> Vec<u8> {
        let protocol = if is_ipv6(packet) { IPV6 } else { IPIP };
        let payload_len = u16::try_from(packet.len()).unwrap_or_default();
        let mut bytes = match *self {
            Self::V4 { source, server } => ipv4::Repr {
                identification: 0,
                ttl: 64,
                protocol,
                source,
                destination: server,
                payload_len,
            }
            .to_bytes_of_client()
            .to_vec(),
            Self::V6 { source, server } => ipv6::Repr {
                traffic_class: 0,
                hop_limit: 64,
                next_header: protocol,
                source,
                destination: server,
                payload_len,
            }
            .to_bytes()
            .to_vec(),
        };
        bytes.extend_from_slice(packet);
        bytes
    }
}

/// By the version in its first byte; else it is IPv4.
pub(super) fn is_ipv6(packet: &[u8]) -> bool {
    packet.first().is_some_and(|first| first >> 4 == 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUR: [&str; 2] = ["10.0.0.1", "10.0.0.2"];
    const SIX: [&str; 2] = ["2001:db8::1", "2001:db8::2"];

    fn outer(ends: [&str; 2]) -> Outer {
        let [source, server] = ends.map(|end| end.parse().unwrap());
        let outer = Outer::new(source, server).unwrap();
        assert_eq!(outer.server(), server);
        outer
    }

    #[test]
    fn each_family_goes_in_each() {
        let inner = [[0x45, 1, 2, 3], [0x60, 1, 2, 3]];
        for (packet, protocol) in inner.iter().zip([4, 41]) {
            let four = outer(FOUR).around(packet);
            let read = ipv4::Packet::parse(&four).unwrap();
            assert_eq!(read.protocol(), protocol);
            assert_eq!(usize::from(read.total_len()), four.len());
            assert_eq!(
                [read.source(), read.destination()].map(|it| it.to_string()),
                FOUR
            );
            assert_eq!(read.payload(), packet);

            let six = outer(SIX).around(packet);
            let read = ipv6::Packet::parse(&six).unwrap();
            assert_eq!(read.next_header(), protocol);
            assert_eq!((read.payload_len(), read.hop_limit()), (4, 64));
            assert_eq!(
                [read.source(), read.destination()].map(|it| it.to_string()),
                SIX
            );
            assert_eq!(read.payload(), packet);
        }
    }

    #[test]
    fn a_tunnel_has_both_ends_in_one_family() {
        let [four, six] = [FOUR[0], SIX[1]].map(|end| end.parse().unwrap());
        assert_eq!(Outer::new(four, six), None);
        assert_eq!(Outer::new(six, four), None);
    }
}
