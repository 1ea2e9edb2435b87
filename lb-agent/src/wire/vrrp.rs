//! The VRRP advertisement: version 2 (RFC 3768 section 5, RFC 2338 5.3.6 for authentication) and
//! version 3 (RFC 9568 section 5).
//!
//! The eight bytes of the fixed header have the same place in both; what differs
//! ([`View::adver_int`] and [`View::max_advertise_interval`], the checksum, the trailer) says so by
//! its version. The authentication header in front of an advert is [`super::ah`]'s.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use lb_common::checksum;

/// IP protocol number of VRRP (RFC 3768 5.2.4).
pub const PROTOCOL: u8 = 112;
/// IP protocol number of AH, in front of VRRP with `auth_type AH`.
pub const PROTOCOL_AH: u8 = 51;
/// The only TTL a multicast advert may arrive with (RFC 3768 5.2.3).
pub const TTL: u8 = 255;
/// Version 2 on the wire.
pub const VERSION_2: u8 = 2;
/// Version 3 on the wire.
pub const VERSION_3: u8 = 3;
/// The longest interval of version 3, centiseconds: 12 bits (RFC 9568 5.2.7).
pub const MAX_ADVERTISE_INTERVAL: u16 = 0x0fff;
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

    /// Version 3: maximum advertisement interval in centiseconds, 12 bits (RFC 9568 5.2.7).
    pub const fn max_advertise_interval(&self) -> u16 {
        let [_, _, _, _, high, low, ..] = *self.header;
        u16::from_be_bytes([high, low]) & MAX_ADVERTISE_INTERVAL
    }

    /// Length of an advert with as many addresses as the header claims, of this family.
    pub fn expected_len(&self, addresses: AddressLen) -> usize {
        let trailer = match self.version() {
            VERSION_3 => 0,
            _ => AUTH_DATA_LEN,
        };
        self.end_of_addresses(addresses) + trailer
    }

    fn end_of_addresses(&self, addresses: AddressLen) -> usize {
        HEADER_LEN + usize::from(self.address_count()) * addresses.bytes()
    }

    /// The addresses that are there, at most as many as the header claims.
    pub fn addresses(&self, of: AddressLen) -> impl Iterator<Item = IpAddr> + 'a {
        let bytes = self.bytes.get(HEADER_LEN..).unwrap_or_default();
        let address = move |octets: &'a [u8]| match of {
            AddressLen::V4 => Some(IpAddr::V4(Ipv4Addr::from_octets(octets.try_into().ok()?))),
            AddressLen::V6 => Some(IpAddr::V6(Ipv6Addr::from_octets(octets.try_into().ok()?))),
        };
        bytes
            .chunks_exact(of.bytes())
            .take(usize::from(self.address_count()))
            .filter_map(address)
    }

    /// Version 2: the authentication data, if the advert is long enough to have it.
    pub fn auth_data(&self) -> Option<&'a [u8; AUTH_DATA_LEN]> {
        let start = self.end_of_addresses(AddressLen::V4);
        self.bytes.get(start..)?.first_chunk()
    }

    /// Whether the checksum fits: over the whole advert, in version 3 over `pseudo` as well (RFC
    /// 3768 5.3.8; RFC 9568 5.2.8). False if bytes are missing.
    pub fn checksum_fits(&self, addresses: AddressLen, pseudo: Option<&PseudoHeader>) -> bool {
        self.checksum_fits_over(self.expected_len(addresses), pseudo)
    }

    /// The same over so many bytes.
    pub fn checksum_fits_over(&self, length: usize, pseudo: Option<&PseudoHeader>) -> bool {
        let Some(advert) = self.bytes.get(..length) else {
            return false;
        };
        let pseudo = pseudo.map_or(0, |pseudo| pseudo.sum(length));
        checksum::fold(checksum::sum(advert) + pseudo) == 0xffff
    }
}

/// How long the addresses of an advert are: it does not say so itself, the IP header does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressLen {
    /// 4 bytes each.
    V4,
    /// 16 bytes each.
    V6,
}

impl AddressLen {
    /// Bytes of one address.
    pub const fn bytes(self) -> usize {
        match self {
            Self::V4 => 4,
            Self::V6 => 16,
        }
    }

    /// That of the family of this address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// What the checksum of version 3 covers besides the advert (RFC 9568 5.2.8; RFC 8200 8.1 for
/// IPv6, and the same fields for IPv4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PseudoHeader {
    /// Source of the packet.
    pub source: IpAddr,
    /// Destination of the packet, of the same family.
    pub destination: IpAddr,
}

impl PseudoHeader {
    /// The sum of its words for an advert of this length, not folded.
    fn sum(&self, length: usize) -> u32 {
        let of = |address| match address {
            IpAddr::V4(address) => checksum::sum(&Ipv4Addr::octets(&address)),
            IpAddr::V6(address) => checksum::sum(&Ipv6Addr::octets(&address)),
        };
        // Neither reaches 16 bits: what stands in front of them is zero in either family.
        let length = u16::try_from(length).unwrap_or(u16::MAX);
        of(self.source)
            + of(self.destination)
            + u32::from(u16::from(PROTOCOL).to_be())
            + u32::from(length.to_be())
    }
}

/// An advert to build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr<'a> {
    /// Virtual router id, 1–255.
    pub vrid: u8,
    /// 1–255, or 0 to release the duty.
    pub priority: u8,
    /// In the order of `virtual_ipaddress`, of one family; those beyond 255 are left out.
    pub addresses: &'a [IpAddr],
    /// What the versions have of their own.
    pub version: VersionRepr,
}

/// What an advert of one version has and the other has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionRepr {
    /// RFC 3768.
    V2 {
        /// `auth_type` number.
        auth_type: u8,
        /// Seconds.
        adver_int: u8,
        /// The padded password, or zeros: the bytes are there even without authentication.
        auth_data: [u8; AUTH_DATA_LEN],
    },
    /// RFC 9568.
    V3 {
        /// Centiseconds, 1–4095.
        max_advertise_interval: u16,
        /// What the checksum covers besides; `None`: nothing, as in version 2
        /// (`v3_checksum_as_v2`).
        pseudo: Option<PseudoHeader>,
    },
}

impl Repr<'_> {
    /// Appends the advert, checksum included, to `buffer`.
    pub fn emit(&self, buffer: &mut Vec<u8>) {
        let start = buffer.len();
        let count = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        let (version, interval) = match self.version {
            VersionRepr::V2 {
                auth_type,
                adver_int,
                ..
            } => (VERSION_2, [auth_type, adver_int]),
            VersionRepr::V3 {
                max_advertise_interval,
                ..
            } => {
                let interval = max_advertise_interval.min(MAX_ADVERTISE_INTERVAL);
                (VERSION_3, interval.to_be_bytes())
            }
        };
        let version_type = (version << 4) | TYPE_ADVERTISEMENT;
        buffer.extend_from_slice(&[version_type, self.vrid, self.priority, count]);
        buffer.extend_from_slice(&interval);
        buffer.extend_from_slice(&[0, 0]);
        for address in self.addresses.iter().take(usize::from(count)) {
            match address {
                IpAddr::V4(address) => buffer.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => buffer.extend_from_slice(&address.octets()),
            }
        }
        let pseudo = match self.version {
            VersionRepr::V2 { auth_data, .. } => {
                buffer.extend_from_slice(&auth_data);
                None
            }
            VersionRepr::V3 { pseudo, .. } => pseudo,
        };
        if let Some(advert) = buffer.get_mut(start..) {
            write_checksum(advert, pseudo.as_ref());
        }
    }
}

/// Writes the checksum into an advert and whatever stands behind it.
pub fn write_checksum(advert: &mut [u8], pseudo: Option<&PseudoHeader>) {
    let pseudo = pseudo.map_or(0, |pseudo| pseudo.sum(advert.len()));
    if let Some(field) = advert.get_mut(6..8) {
        field.fill(0);
    }
    let checksum = !checksum::fold(checksum::sum(advert) + pseudo);
    if let Some(field) = advert.get_mut(6..8) {
        field.copy_from_slice(&checksum.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests;
