//! What names a virtual service: protocol, address and port, or a firewall mark. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::service::{Granularity, kind};
use crate::net::attribute::Writer;

/// A layer-4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// Another, by its number; IPVS schedules none today.
    Other(u16),
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What names a virtual service. No two in the kernel have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceKey {
    /// What is sent to this address and port.
    Address {
        /// Protocol.
        protocol: Protocol,
        /// Virtual address.
        address: IpAddr,
        /// Port; 0: every port, which the kernel takes only with persistence.
        port: u16,
    },
    /// What bears this firewall mark (`virtual_server fwmark N`).
    Mark {
        /// The mark, not 0.
        mark: u32,
        /// Family of the packets.
        family: Family,
    },
}

impl Protocol {
    /// Its number in the IP header.
    pub const fn number(self) -> u16 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
            Self::Other(number) => number,
        }
    }
}

impl From<u16> for Protocol {
    fn from(number: u16) -> Self {
        [Self::Tcp, Self::Udp, Self::Sctp]
            .into_iter()
            .find(|protocol| protocol.number() == number)
            .unwrap_or(Self::Other(number))
    }
}

impl Family {
    /// `AF_INET` or `AF_INET6`.
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }

    pub(super) fn from_number(number: u16) -> Option<Self> {
        [Self::V4, Self::V6]
            .into_iter()
            .find(|family| family.number() == number)
    }

    /// The granularity that tells every client from every other.
    pub const fn finest(self) -> Granularity {
        match self {
            Self::V4 => Granularity::Mask(Ipv4Addr::BROADCAST),
            Self::V6 => Granularity::Prefix(128),
        }
    }
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl ServiceKey {
    /// The family of its packets.
    pub fn family(self) -> Family {
        match self {
            Self::Address { address, .. } => address.into(),
            Self::Mark { family, .. } => family,
        }
    }

    /// Writes what names the service.
    pub(super) fn encode(self, attributes: &mut Writer) {
        attributes.u16(kind::AF, self.family().number());
        match self {
            Self::Mark { mark, .. } => {
                attributes.u32(kind::FWMARK, mark);
            }
            Self::Address {
                protocol,
                address,
                port,
            } => {
                attributes
                    .u16(kind::PROTOCOL, protocol.number())
                    .put(kind::ADDR, &octets(address))
                    .be16(kind::PORT, port);
            }
        }
    }
}

/// `union nf_inet_addr`: 16 bytes, of which an IPv4 address takes the first four.
pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            for (place, octet) in octets.iter_mut().zip(address.octets()) {
                *place = octet;
            }
            octets
        }
    }
}

/// An address of `union nf_inet_addr`.
pub(super) fn address(family: Family, value: &[u8]) -> Option<IpAddr> {
    match family {
        Family::V4 => Some(Ipv4Addr::from(*value.first_chunk::<4>()?).into()),
        Family::V6 => Some(Ipv6Addr::from(*value.first_chunk::<16>()?).into()),
    }
}

/// A port in network byte order.
pub(super) fn port(value: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*value.first_chunk()?))
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("TCP"),
            Self::Udp => f.write_str("UDP"),
            Self::Sctp => f.write_str("SCTP"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

/// `TCP 192.0.2.1:80`, `FWM 7`, `FWM 7 IPv6`.
impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => write!(f, "{protocol} {}", SocketAddr::new(address, port)),
            Self::Mark {
                mark,
                family: Family::V4,
            } => write!(f, "FWM {mark}"),
            Self::Mark {
                mark,
                family: Family::V6,
            } => write!(f, "FWM {mark} IPv6"),
        }
    }
}
