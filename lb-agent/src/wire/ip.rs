//! A whole IP packet of either family, as VRRP looks at it: an authentication header counts as
//! part of the headers.

use std::net::IpAddr;

use thiserror::Error;

use super::vrrp::{AddressLen, PROTOCOL_AH};
use super::{ah, ipv4, ipv6};

/// Why these bytes are no packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// IPv4 that cannot be read.
    #[error(transparent)]
    Ipv4(#[from] ipv4::Error),
    /// IPv6 that cannot be read.
    #[error("IPv6 packet of {0} bytes is shorter than its header")]
    Ipv6(usize),
    /// An authentication header that is cut off or of a length that is not ours.
    #[error("authentication header that cannot be read")]
    Ah,
}

/// A received packet.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// All of it.
    pub bytes: &'a [u8],
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: u8,
    /// The length that the IP header claims, headers included.
    pub total_len: usize,
    /// The authentication header, IPv4 only.
    pub ah: Option<ah::View<'a>>,
    /// What follows the headers.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// Reads the headers.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        match bytes.first().map(|first| first >> 4) {
            Some(6) => Self::parse_v6(bytes),
            Some(_) | None => Self::parse_v4(bytes),
        }
    }

    fn parse_v6(bytes: &'a [u8]) -> Result<Self, Error> {
        let packet = ipv6::Packet::parse(bytes).ok_or(Error::Ipv6(bytes.len()))?;
        Ok(Self {
            bytes,
            source: packet.source().into(),
            destination: packet.destination().into(),
            ttl: packet.hop_limit(),
            protocol: packet.next_header(),
            total_len: ipv6::HEADER_LEN + usize::from(packet.payload_len()),
            ah: None,
            payload: packet.payload(),
        })
    }

    fn parse_v4(bytes: &'a [u8]) -> Result<Self, Error> {
        let packet = ipv4::Packet::parse(bytes)?;
        let (ah, protocol, payload) = if packet.protocol() == PROTOCOL_AH {
            let (ah, payload) = ah::View::parse(packet.payload()).ok_or(Error::Ah)?;
            (Some(ah), ah.next_header(), payload)
        } else {
            (None, packet.protocol(), packet.payload())
        };
        Ok(Self {
            bytes,
            source: packet.source().into(),
            destination: packet.destination().into(),
            ttl: packet.ttl(),
            protocol,
            total_len: usize::from(packet.total_len()),
            ah,
            payload,
        })
    }

    /// Bytes in front of the payload.
    pub const fn headers_len(&self) -> usize {
        self.bytes.len() - self.payload.len()
    }

    /// How long the addresses in an advert are that comes in this packet.
    pub const fn address_len(&self) -> AddressLen {
        AddressLen::of(self.source)
    }
}
