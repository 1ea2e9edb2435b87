//! The IP Authentication Header in front of a version-2 advert (`auth_type AH`): RFC 2402 with
//! HMAC-MD5-96 (RFC 2403), as keepalived does it.
//!
//! The digest covers the whole IP packet with TOS, fragment field, header checksum and the digest
//! itself zero. RFC 2402 3.3.3.1.1 has the TTL zero, too; keepalived does that for unicast only and
//! leaves a multicast packet's 255 as it is.

use std::net::Ipv4Addr;

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;

use super::ipv4;
use super::vrrp::{PROTOCOL, PROTOCOL_AH};

/// Length of the header with its digest.
pub const HEADER_LEN: usize = 24;
/// Length of the digest: the first 96 bits of the HMAC (RFC 2403 section 2).
pub const ICV_LEN: usize = 12;

/// Length of the header in words, less two (RFC 2402 2.2).
const PAYLOAD_LEN: u8 = 4;

/// Where the digest begins within the header.
const ICV_AT: usize = 12;

/// Where the fields of the IPv4 header are that the digest does not cover.
const TOS: usize = 1;
const FRAGMENT: std::ops::Range<usize> = 6..8;
const TTL: usize = 8;
const CHECKSUM: std::ops::Range<usize> = 10..12;

/// A received header, and what follows it.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +---------------+---------------+-------------------------------+
/// |  Next header  |  Payload len  |           Reserved            |
/// +---------------+---------------+-------------------------------+
/// |        Security parameters index (the source address)         |
/// +---------------------------------------------------------------+
/// |                        Sequence number                        |
/// +---------------------------------------------------------------+
/// |                 Digest, HMAC-MD5-96 (12 bytes)                |
/// +---------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    header: &'a [u8; HEADER_LEN],
    payload: &'a [u8],
}

impl<'a> View<'a> {
    /// `None` if there are fewer than the 24 bytes of the header.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = bytes.split_first_chunk()?;
        Some(Self { header, payload })
    }

    /// The protocol of what follows, 112 with VRRP.
    pub const fn next_header(&self) -> u8 {
        let [next, ..] = *self.header;
        next
    }

    /// Whether the header says that it is as long as one with HMAC-MD5-96 is.
    pub const fn has_expected_len(&self) -> bool {
        let [_, length, ..] = *self.header;
        length == PAYLOAD_LEN
    }

    /// The security parameters index: keepalived's is the address of the sender.
    pub const fn spi(&self) -> u32 {
        let [_, _, _, _, a, b, c, d, ..] = *self.header;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The sequence number.
    pub const fn sequence(&self) -> u32 {
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = *self.header;
        u32::from_be_bytes([a, b, c, d])
    }

    /// What follows.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

/// The one counter of an instance for its AH packets, sent and heard (RFC 2402 2.5, 3.3.2, 3.4.3):
/// whoever becomes master goes on where the master before has stopped. Not a part of the packet;
/// the instance keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence(u32);

impl Sequence {
    /// The number for the next packet that is sent, from 1. It ends at 2³² − 1, after 136 years of
    /// adverts, instead of beginning anew (RFC 2402 3.3.2).
    pub const fn next(&mut self) -> u32 {
        self.0 = self.0.saturating_add(1);
        self.0
    }

    /// Whether a packet of this number, whose digest fits, is new; then nothing older is, from now
    /// on (RFC 2402 3.4.3, with a window of one packet).
    pub const fn hear(&mut self, sequence: u32) -> bool {
        let new = sequence > self.0;
        if new {
            self.0 = sequence;
        }
        new
    }

    /// A master has heard a worse one, which may be further: it overtakes, or the other side would
    /// take its packets for old ones. keepalived logs
    /// `IPSEC-AH : Syncing seq_num - Increment seq`.
    pub const fn overtake(&mut self, sequence: u32) {
        let beyond = sequence.saturating_add(1);
        if beyond > self.0 {
            self.0 = beyond;
        }
    }
}

/// Whether the digest of a whole received IP packet is the one that `key` makes. Takes as long
/// whatever the digest is. False for a packet that has no AH header behind an IPv4 header without
/// options: keepalived sends none.
pub fn digest_fits(packet: &[u8], key: &[u8]) -> bool {
    let icv_at = ipv4::HEADER_LEN + ICV_AT;
    let icv = packet.get(icv_at..icv_at + ICV_LEN);
    match (icv, digest(packet, key)) {
        (Some(icv), Some(mac)) => mac.verify_truncated_left(icv).is_ok(),
        (None, _) | (_, None) => false,
    }
}

/// Appends a packet: IPv4 header, AH header, `advert`. `ip` says everything but the protocol and
/// the length; `sequence` is the number, from 1, that no packet of this sender had before
/// (RFC 2402 3.3.2).
pub fn emit(ip: &ipv4::Repr, sequence: u32, key: &[u8], advert: &[u8], buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let length = HEADER_LEN.saturating_add(advert.len());
    let header = ipv4::Repr {
        protocol: PROTOCOL_AH,
        payload_len: u16::try_from(length).unwrap_or(u16::MAX),
        ..*ip
    };
    buffer.extend_from_slice(&header.to_bytes());
    buffer.extend_from_slice(&[PROTOCOL, PAYLOAD_LEN, 0, 0]);
    buffer.extend_from_slice(&ip.source.octets());
    buffer.extend_from_slice(&sequence.to_be_bytes());
    buffer.extend_from_slice(&[0; ICV_LEN]);
    buffer.extend_from_slice(advert);
    let icv = buffer
        .get(start..)
        .and_then(|packet| digest(packet, key))
        .map(|mac| mac.finalize().into_bytes());
    let at = start + ipv4::HEADER_LEN + ICV_AT;
    if let (Some(icv), Some(field)) = (icv, buffer.get_mut(at..at + ICV_LEN)) {
        for (to, from) in field.iter_mut().zip(icv) {
            *to = from;
        }
    }
}

/// The HMAC of a packet with what may change on its way zeroed (RFC 2402 3.3.3.1.1).
fn digest(packet: &[u8], key: &[u8]) -> Option<Hmac<Md5>> {
    let (header, rest) = packet.split_first_chunk::<{ ipv4::HEADER_LEN }>()?;
    let (ah, advert) = rest.split_first_chunk::<HEADER_LEN>()?;
    let [version_ihl, ..] = *header;
    if version_ihl != 0x45 {
        return None;
    }
    let (mut header, mut ah) = (*header, *ah);
    let [.., a, b, c, d] = header;
    let unicast = !Ipv4Addr::new(a, b, c, d).is_multicast();
    for (place, byte) in header.iter_mut().enumerate() {
        let mutable = place == TOS
            || FRAGMENT.contains(&place)
            || CHECKSUM.contains(&place)
            || (place == TTL && unicast);
        if mutable {
            *byte = 0;
        }
    }
    for byte in ah.iter_mut().skip(ICV_AT) {
        *byte = 0;
    }
    let mut mac = Hmac::<Md5>::new_from_slice(key).ok()?;
    mac.update(&header);
    mac.update(&ah);
    mac.update(advert);
    Some(mac)
}

#[cfg(test)]
mod tests;
