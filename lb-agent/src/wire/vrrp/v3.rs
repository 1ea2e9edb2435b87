//! The VRRP advertisement, version 3 (RFC 9568 section 5, which obsoletes RFC 5798), for IPv4 and
//! IPv6.
//!
//! keepalived's checksum for IPv4 covers a pseudo-header, as RFC 5798 could be read; RFC 9568 5.2.8
//! has none. `v3_checksum_as_v2` follows the RFC. Releases of keepalived before 1.3.6 put the
//! multicast group into the pseudo-header of unicast adverts, too: give it as the destination.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_common::checksum;

use super::{HEADER_LEN, PROTOCOL, TYPE_ADVERTISEMENT};

/// The version this codec speaks.
pub const VERSION_3: u8 = 3;

/// The longest interval, centiseconds: 12 bits (RFC 9568 5.2.7).
pub const MAX_ADVER_INT: u16 = 0x0fff;

/// What the checksum covers besides the advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// A pseudo-header of these addresses (RFC 8200 section 8.1; for IPv4 as in TCP, RFC 9293 3.1).
    PseudoHeader {
        /// The sender.
        source: IpAddr,
        /// Whom it is for.
        destination: IpAddr,
    },
    /// Nothing: IPv4 with `v3_checksum_as_v2`.
    AsVersion2,
}

impl Checksum {
    fn sum(self, advert: &[u8]) -> u32 {
        let own = checksum::sum(advert);
        let Self::PseudoHeader {
            source,
            destination,
        } = self
        else {
            return own;
        };
        let length = u32::try_from(advert.len()).unwrap_or(u32::MAX);
        let tail = [length.to_be_bytes(), u32::from(PROTOCOL).to_be_bytes()];
        own.saturating_add(sum_of(source))
            .saturating_add(sum_of(destination))
            .saturating_add(checksum::sum(tail.as_flattened()))
    }
}

fn sum_of(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => checksum::sum(&address.octets()),
        IpAddr::V6(address) => checksum::sum(&address.octets()),
    }
}

/// Which addresses an advert holds: those of the protocol it came over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Four bytes each.
    V4,
    /// Sixteen bytes each.
    V6,
}

impl Family {
    const fn address_len(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }
}

/// An advert that holds at least the fixed header; nothing else is promised.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-------+---------------+---------------+---------------+
/// |Version| Type  |     VRID      |   Priority    | Count IP addrs|
/// +-------+-------+---------------+---------------+---------------+
/// |Reserve|  Max advertise int    |           Checksum            |
/// +-------+-----------------------+-------------------------------+
/// |                IPv4 or IPv6 address (1) … (n)                 |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    bytes: &'a [u8],
    family: Family,
}

impl<'a> View<'a> {
    /// `None` if there are fewer than the eight bytes of the fixed header.
    pub fn parse(bytes: &'a [u8], family: Family) -> Option<Self> {
        Some(Self {
            header: bytes.first_chunk()?,
            bytes,
            family,
        })
    }

    /// Version, the high half of the first byte.
    pub const fn version(&self) -> u8 {
        let [version_type, ..] = *self.header;
        version_type >> 4
    }

    /// Packet type, the low half of the first byte.
    pub const fn packet_type(&self) -> u8 {
        let [version_type, ..] = *self.header;
        version_type & 0x0f
    }

    /// Virtual router id.
    pub const fn vrid(&self) -> u8 {
        let [_, vrid, ..] = *self.header;
        vrid
    }

    /// Priority.
    pub const fn priority(&self) -> u8 {
        let [_, _, priority, ..] = *self.header;
        priority
    }

    /// Number of addresses that the header claims.
    pub const fn address_count(&self) -> u8 {
        let [_, _, _, count, ..] = *self.header;
        count
    }

    /// Advertisement interval, centiseconds, 0–4095; the reserved bits are ignored (RFC 9568 5.2.6).
    pub const fn max_adver_int(&self) -> u16 {
        let [_, _, _, _, high, low, ..] = *self.header;
        u16::from_be_bytes([high, low]) & MAX_ADVER_INT
    }

    /// Length of an advert with as many addresses as the header claims.
    pub fn expected_len(&self) -> usize {
        HEADER_LEN + usize::from(self.address_count()) * self.family.address_len()
    }

    /// The addresses that are there, at most as many as the header claims.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + 'a {
        let addresses = self.bytes.get(HEADER_LEN..).unwrap_or_default();
        let family = self.family;
        addresses
            .chunks_exact(family.address_len())
            .take(usize::from(self.address_count()))
            .filter_map(move |octets| match family {
                Family::V4 => Some(Ipv4Addr::from(*octets.first_chunk::<4>()?).into()),
                Family::V6 => Some(Ipv6Addr::from(*octets.first_chunk::<16>()?).into()),
            })
    }

    /// Whether the checksum fits. False if bytes are missing.
    pub fn checksum_fits(&self, over: Checksum) -> bool {
        self.bytes
            .get(..self.expected_len())
            .is_some_and(|advert| checksum::fold(over.sum(advert)) == 0xffff)
    }
}

/// The addresses of an advert, in the order of `virtual_ipaddress`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addresses<'a> {
    /// Over IPv4.
    V4(&'a [Ipv4Addr]),
    /// Over IPv6; the first must be link-local (RFC 9568 5.2.9).
    V6(&'a [Ipv6Addr]),
}

/// A version-3 advert to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Virtual router id, 1–255.
    pub vrid: u8,
    /// 1–255, or 0 to release the duty.
    pub priority: u8,
    /// Centiseconds; what 12 bits do not hold becomes [`MAX_ADVER_INT`].
    pub max_adver_int: u16,
    /// Those beyond 255 are left out.
    pub addresses: Addresses<'a>,
}

impl Repr<'_> {
    /// Appends the advert, checksum included, to `buffer`. Over IPv6 the kernel writes the checksum
    /// again where the socket has `IPV6_CHECKSUM` set (to 6).
    pub fn emit(&self, over: Checksum, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        let count = match self.addresses {
            Addresses::V4(addresses) => addresses.len(),
            Addresses::V6(addresses) => addresses.len(),
        };
        let count = u8::try_from(count).unwrap_or(u8::MAX);
        let [high, low] = self.max_adver_int.min(MAX_ADVER_INT).to_be_bytes();
        let version_type = (VERSION_3 << 4) | TYPE_ADVERTISEMENT;
        buffer.extend_from_slice(&[
            version_type,
            self.vrid,
            self.priority,
            count,
            high,
            low,
            0,
            0,
        ]);
        match self.addresses {
            Addresses::V4(addresses) => {
                for address in addresses.iter().take(count.into()) {
                    buffer.extend_from_slice(&address.octets());
                }
            }
            Addresses::V6(addresses) => {
                for address in addresses.iter().take(count.into()) {
                    buffer.extend_from_slice(&address.octets());
                }
            }
        }
        let Some(advert) = buffer.get_mut(start..) else {
            return;
        };
        let checksum = !checksum::fold(over.sum(advert));
        if let Some(field) = advert.get_mut(6..8) {
            field.copy_from_slice(&checksum.to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
