//! The trailer of `auth_hmac` behind an advert, as keepalived 2.4 has it: HMAC-SHA-256, cut to 128
//! bits.
//!
//! The digest covers a header of its own, the advert with its checksum read as zero, and the
//! trailer with a digest of zeros. So it holds in either family, whatever the checksum is: that of
//! IPv4 ends before the trailer, that of IPv6 covers it (RFC 8200 8.1: all of the payload).
//!
//! Sequence numbers are judged in [`crate::vrrp::hmac`].

use std::net::IpAddr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Length of the trailer.
pub const TRAILER_LEN: usize = 28;
/// Length of the digest in it.
const DIGEST_LEN: usize = 16;
/// Where the digest stands in it.
const DIGEST_AT: usize = TRAILER_LEN - DIGEST_LEN;
/// The only kind of trailer: HMAC-SHA-256 of 128 bits.
const KIND: u8 = 1;

/// A trailer.
///
/// ```text
/// +---------------+---------------+-------------------------------+
/// |     Kind      |    Key id     |           Reserved            |
/// +---------------+---------------+-------------------------------+
/// |              Sequence number: seconds since 1970              |
/// +-------------------------------+-------------------------------+
/// |        65536ths of one        |            Counter            |
/// +-------------------------------+-------------------------------+
/// |                       Digest (16 bytes)                       |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a>(&'a [u8; TRAILER_LEN]);

impl<'a> View<'a> {
    /// The last bytes of an advert; `None` if there are too few.
    pub fn at_end(bytes: &'a [u8]) -> Option<Self> {
        bytes.last_chunk().map(Self)
    }

    /// Whether it is of the kind that is known here.
    pub const fn is_known(&self) -> bool {
        let [kind, _, r0, r1, ..] = *self.0;
        kind == KIND && r0 == 0 && r1 == 0
    }

    /// Which key it was signed with.
    pub const fn key_id(&self) -> u8 {
        let [_, key_id, ..] = *self.0;
        key_id
    }

    /// The sequence number; seconds are its upper half.
    pub const fn sequence(&self) -> u64 {
        let [_, _, _, _, s0, s1, s2, s3, s4, s5, s6, s7, ..] = *self.0;
        u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7])
    }
}

/// What ties the digest to a sender and a virtual router.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Who sends.
    pub source: IpAddr,
    /// Version of VRRP.
    pub version: u8,
    /// Virtual router id.
    pub vrid: u8,
}

/// Puts a trailer behind the advert that begins at `start`.
pub fn append(
    packet: &mut Vec<u8>,
    start: usize,
    binding: Binding,
    (key_id, key): (u8, &[u8]),
    sequence: u64,
) {
    packet.extend_from_slice(&[KIND, key_id, 0, 0]);
    packet.extend_from_slice(&sequence.to_be_bytes());
    packet.extend_from_slice(&[0; DIGEST_LEN]);
    let digest = packet
        .get(start..)
        .and_then(|signed| digest(signed, binding, key));
    let place = packet.last_chunk_mut::<DIGEST_LEN>();
    if let Some((place, digest)) = place.zip(digest) {
        *place = digest;
    }
}

/// Whether the trailer at the end of `signed`, an advert and nothing else, is that of this key.
/// Takes the same time wherever the first difference is.
pub fn is_signed(signed: &[u8], binding: Binding, key: &[u8]) -> bool {
    let found = signed.last_chunk::<DIGEST_LEN>();
    match (found, digest(signed, binding, key)) {
        (Some(found), Some(expected)) => {
            u128::from_ne_bytes(*found) ^ u128::from_ne_bytes(expected) == 0
        }
        (Some(_) | None, _) => false,
    }
}

fn digest(signed: &[u8], binding: Binding, key: &[u8]) -> Option<[u8; DIGEST_LEN]> {
    let advert_len = signed.len().checked_sub(TRAILER_LEN)?;
    let (advert, trailer) = signed.split_at_checked(advert_len)?;
    // The checksum: bytes 6 and 7.
    let (before, rest) = advert.split_at_checked(6)?;
    let after = rest.get(2..)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(&header(binding));
    for piece in [before, &[0, 0], after] {
        mac.update(piece);
    }
    mac.update(trailer.get(..DIGEST_AT)?);
    mac.update(&[0; DIGEST_LEN]);
    mac.finalize().into_bytes().first_chunk().copied()
}

/// Family, version, virtual router id, 0, and the source in 16 bytes.
fn header(binding: Binding) -> [u8; 20] {
    let Binding {
        source,
        version,
        vrid,
    } = binding;
    let mut bytes = [0; 20];
    let (family, octets): (u8, &[u8]) = match &source {
        IpAddr::V4(source) => (4, &source.octets()),
        IpAddr::V6(source) => (6, &source.octets()),
    };
    let known = [family, version, vrid, 0];
    for (place, byte) in bytes.iter_mut().zip(known.iter().chain(octets)) {
        *place = *byte;
    }
    bytes
}

#[cfg(test)]
mod tests;
