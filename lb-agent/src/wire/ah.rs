//! The authentication header (RFC 4302) with HMAC-MD5-96 (RFC 2403), as keepalived puts it in
//! front of a version-2 advert: `auth_type AH`.
//!
//! The digest covers the whole IP packet with what routers change set to zero (RFC 4302 3.3.3.1.1):
//! TOS, flags and offset, header checksum, the digest itself, and the TTL; but keepalived leaves
//! the TTL of a multicast packet in, which no router may forward.
//!
//! Sequence numbers are judged in [`crate::vrrp::receive`].

use std::net::Ipv4Addr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;

use super::ipv4;
use super::vrrp::PROTOCOL;

/// Length of the header, digest included.
pub const HEADER_LEN: usize = 24;
/// Length of the digest: the first 96 bits.
pub const ICV_LEN: usize = 12;
/// Where the digest stands in the header.
const ICV_AT: usize = 12;
/// Length in 32-bit words, minus two (RFC 4302 2.2).
const PAYLOAD_LEN: u8 = 4;

/// An authentication header.
///
/// ```text
/// +---------------+---------------+-------------------------------+
/// |  Next header  |  Payload len  |           Reserved            |
/// +---------------+---------------+-------------------------------+
/// |            Security parameters index: the source              |
/// +---------------------------------------------------------------+
/// |                       Sequence number                         |
/// +---------------------------------------------------------------+
/// |              Integrity check value (12 bytes)                 |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a [u8; HEADER_LEN]);

impl<'a> View<'a> {
    /// The header and what follows it; `None` if it is cut off or of another length.
    pub fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (header, payload) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [_, length, ..] = *header;
        (length == PAYLOAD_LEN).then_some((Self(header), payload))
    }

    /// What follows.
    pub const fn next_header(&self) -> u8 {
        let [next, ..] = *self.0;
        next
    }

    /// keepalived's is the source address.
    pub const fn spi(&self) -> Ipv4Addr {
        let [_, _, _, _, a, b, c, d, ..] = *self.0;
        Ipv4Addr::new(a, b, c, d)
    }

    /// Sequence number.
    pub const fn sequence(&self) -> u32 {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

/// The header with a digest of zeros.
pub fn header(source: Ipv4Addr, sequence: u32) -> [u8; HEADER_LEN] {
    let [s0, s1, s2, s3] = source.octets();
    let [n0, n1, n2, n3] = sequence.to_be_bytes();
    let mut bytes = [0; HEADER_LEN];
    let known = [PROTOCOL, PAYLOAD_LEN, 0, 0, s0, s1, s2, s3, n0, n1, n2, n3];
    for (place, byte) in bytes.iter_mut().zip(known) {
        *place = byte;
    }
    bytes
}

/// Writes the digest into `packet`, which begins with an IP header without options and an
/// authentication header. A shorter packet is left alone.
pub fn sign(packet: &mut [u8], key: &[u8]) {
    let Some(digest) = digest(packet, key) else {
        return;
    };
    let at = ipv4::HEADER_LEN + ICV_AT;
    if let Some(icv) = packet.get_mut(at..at + ICV_LEN) {
        icv.copy_from_slice(&digest);
    }
}

/// Whether the digest in `packet` is that of this key. Takes the same time wherever the first
/// difference is.
pub fn is_signed(packet: &[u8], key: &[u8]) -> bool {
    let at = ipv4::HEADER_LEN + ICV_AT;
    let found = packet.get(at..).and_then(|rest| rest.first_chunk());
    let expected = digest(packet, key);
    match (found, expected) {
        (Some(found), Some(expected)) => {
            let found: &[u8; ICV_LEN] = found;
            let differences = found
                .iter()
                .zip(expected)
                .map(|(ours, theirs)| ours ^ theirs);
            differences.fold(0, |all, one| all | one) == 0
        }
        (Some(_) | None, _) => false,
    }
}

fn digest(packet: &[u8], key: &[u8]) -> Option<[u8; ICV_LEN]> {
    let (ip, rest) = packet.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let (ah, payload) = rest.split_first_chunk::<HEADER_LEN>()?;
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    let [
        version,
        _,
        l0,
        l1,
        i0,
        i1,
        _,
        _,
        ttl,
        protocol,
        _,
        _,
        addresses @ ..,
    ] = *ip;
    let [.., d0, _, _, _] = addresses;
    let is_multicast = d0 & 0xf0 == 0xe0;
    let ttl = if is_multicast { ttl } else { 0 };
    mac.update(&[version, 0, l0, l1, i0, i1, 0, 0, ttl, protocol, 0, 0]);
    mac.update(&addresses);
    mac.update(ah.get(..ICV_AT)?);
    mac.update(&[0; ICV_LEN]);
    mac.update(payload);
    mac.finalize().into_bytes().first_chunk().copied()
}

#[cfg(test)]
mod tests;
