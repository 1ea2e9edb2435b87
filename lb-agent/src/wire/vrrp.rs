//! The VRRP advertisement, version 2 (RFC 3768 section 5, RFC 2338 5.3.6 for authentication);
//! [`v3`] has version 3.
//!
//! The eight bytes of the fixed header have the same place in version 3; what differs
//! ([`View::adver_int`], [`View::checksum_fits`], the trailer) says so by its version.

pub mod v3;

use std::net::Ipv4Addr;

use lb_common::checksum;

/// IP protocol number of VRRP (RFC 3768 5.2.4).
pub const PROTOCOL: u8 = 112;
/// IP protocol number of AH, in front of VRRP with `auth_type AH`.
pub const PROTOCOL_AH: u8 = 51;
/// The only TTL a multicast advert may arrive with (RFC 3768 5.2.3).
pub const TTL: u8 = 255;
/// The version this codec speaks.
pub const VERSION_2: u8 = 2;
/// The only packet type (RFC 3768 5.3.2).
pub const TYPE_ADVERTISEMENT: u8 = 1;
/// Priority of a master that releases its duty (RFC 3768 5.3.4).
pub const PRIORITY_RELEASE: u8 = 0;
/// Priority of the owner of the addresses (RFC 3768 5.3.4).
pub const PRIORITY_OWNER: u8 = 255;

/// Length of the fixed header.
pub const HEADER_LEN: usize = 8;
/// Length of the authentication data, present in every version-2 advert (RFC 3768 5.3.10).
pub const AUTH_DATA_LEN: usize = 8;
/// `auth_type` on the wire: none.
pub const AUTH_NONE: u8 = 0;
/// `auth_type` on the wire: simple text password, keepalived's `PASS`.
pub const AUTH_PASS: u8 = 1;
/// `auth_type` on the wire: IP authentication header, keepalived's `AH`.
pub const AUTH_AH: u8 = 2;

/// An advert that holds at least the fixed header; nothing else is promised.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-------+-------+---------------+---------------+---------------+
/// |Version| Type  |     VRID      |   Priority    | Count IP addrs|
/// +-------+-------+---------------+---------------+---------------+
/// |   Auth type   |   Adver int   |           Checksum            |
/// +---------------+---------------+-------------------------------+
/// |                    IP address (1) … (n)                       |
/// +---------------------------------------------------------------+
/// |              Authentication data (1), (2)                     |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    bytes: &'a [u8],
}

impl<'a> View<'a> {
    /// `None` if there are fewer than the eight bytes of the fixed header.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            header: bytes.first_chunk()?,
            bytes,
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

    /// Version 2: authentication type.
    pub const fn auth_type(&self) -> u8 {
        let [_, _, _, _, auth_type, ..] = *self.header;
        auth_type
    }

    /// Version 2: advertisement interval in seconds.
    pub const fn adver_int(&self) -> u8 {
        let [_, _, _, _, _, adver_int, ..] = *self.header;
        adver_int
    }

    /// Length of a version-2 advert with as many addresses as the header claims.
    pub fn expected_len(&self) -> usize {
        HEADER_LEN + usize::from(self.address_count()) * 4 + AUTH_DATA_LEN
    }

    /// The addresses that are there, at most as many as the header claims.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> + 'a {
        let (addresses, _) = self
            .bytes
            .get(HEADER_LEN..)
            .unwrap_or_default()
            .as_chunks::<4>();
        addresses
            .iter()
            .take(usize::from(self.address_count()))
            .map(|octets| Ipv4Addr::from_octets(*octets))
    }

    /// Version 2: the authentication data, if the advert is long enough to have it.
    pub fn auth_data(&self) -> Option<&'a [u8; AUTH_DATA_LEN]> {
        let start = self.expected_len() - AUTH_DATA_LEN;
        self.bytes.get(start..)?.first_chunk()
    }

    /// Version 2: whether the checksum over header, addresses and authentication data fits
    /// (RFC 3768 5.3.8; no pseudo-header). False if bytes are missing.
    pub fn checksum_fits(&self) -> bool {
        self.bytes
            .get(..self.expected_len())
            .is_some_and(|advert| checksum::fold(checksum::sum(advert)) == 0xffff)
    }
}

/// A version-2 advert to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Virtual router id, 1–255.
    pub vrid: u8,
    /// 1–255, or 0 to release the duty.
    pub priority: u8,
    /// `auth_type` number.
    pub auth_type: u8,
    /// Seconds.
    pub adver_int: u8,
    /// In the order of `virtual_ipaddress`; those beyond 255 are left out.
    pub addresses: &'a [Ipv4Addr],
    /// The padded password, or zeros: the bytes are there even without authentication.
    pub auth_data: [u8; AUTH_DATA_LEN],
}

impl Repr<'_> {
    /// Appends the advert, checksum included, to `buffer`.
    pub fn emit(&self, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        let count = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        buffer.extend_from_slice(&[
            (VERSION_2 << 4) | TYPE_ADVERTISEMENT,
            self.vrid,
            self.priority,
            count,
            self.auth_type,
            self.adver_int,
            0,
            0,
        ]);
        for address in self.addresses.iter().take(usize::from(count)) {
            buffer.extend_from_slice(&address.octets());
        }
        buffer.extend_from_slice(&self.auth_data);

        let Some(advert) = buffer.get_mut(start..) else {
            return;
        };
        let checksum = !checksum::fold(checksum::sum(advert));
        if let Some(field) = advert.get_mut(6..8) {
            field.copy_from_slice(&checksum.to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
