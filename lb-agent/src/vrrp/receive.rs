//! Whether an advert is acceptable (RFC 3768 section 7.1, RFC 9568 section 7.1), in keepalived's
//! order, so that both name the same reason for the same packet.
//!
//! Not checked here: that a virtual router of this id exists (the packet is then not for us, see
//! [`super::router`]), and what the advert means for the election ([`super::election`]).

use std::net::IpAddr;
use std::time::Duration;

use super::election::Advert;
use super::hmac;
use super::settings::{Authentication, Family, OldUnicastChecksum, Version, adver_int_seconds};
use crate::config::model::{AuthHmac, HmacMode, HmacReplay};
use crate::wire::hmac::{self as trailer, TRAILER_LEN};
use crate::wire::ip::Datagram;
use crate::wire::vrrp::{
    AUTH_AH, AUTH_DATA_LEN, AUTH_NONE, AUTH_PASS, TTL, TYPE_ADVERTISEMENT, View,
};
use crate::wire::{ah, vrrp};

mod expected;
mod reason;

pub use expected::Expected;
pub use reason::{HmacFault, Mismatch, Rejected};

/// The least an Ethernet frame carries: shorter packets arrive padded to it.
const ETHERNET_MIN_PAYLOAD: usize = 46;

/// What is to be known of the packets before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// False leaves the list of addresses alone (`skip_check_adv_addr`).
    pub check_addresses: bool,
    /// The last sequence number of the authentication header, sent or received.
    pub sequence: Option<u32>,
    /// The last sequence number of this sender's trailers.
    pub hmac_sequence: Option<u64>,
    /// The time of day, since 1970; looked at only with `auth_hmac`.
    pub since_1970: Duration,
}

/// An acceptable advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// What the election needs.
    pub advert: Advert,
    /// The sequence number of its authentication header.
    pub sequence: Option<u32>,
    /// The sequence number of its trailer.
    pub hmac_sequence: Option<u64>,
    /// It should have a trailer, has none, and `mode` lets it in.
    pub unsigned: bool,
    /// Its checksum is that of an old keepalived.
    pub old_checksum: bool,
    /// Its addresses are not ours. Accepted all the same: RFC 9568 7.1 makes the list a matter
    /// for the log, and to reject it would make two masters of one typing error.
    pub mismatch: Option<Mismatch>,
}

/// Judges an advert: `view` is the payload of `packet`. The numbers are those of keepalived's
/// checks.
pub fn check(
    expected: &Expected,
    packet: &Datagram<'_>,
    view: &View<'_>,
    before: Before,
) -> Result<Received, Rejected> {
    let from = packet.source;
    // 1
    if packet.ah.is_some() != (expected.auth_type() == AUTH_AH) {
        let expected = expected.auth_type() == AUTH_AH;
        return Err(Rejected::AuthHeader { from, expected });
    }
    // 2
    let trailer = trailer_len(expected, packet, view);
    check_length(packet, view, trailer)?;
    // 3
    let received = packet.ttl;
    if !expected.is_unicast() && received != TTL {
        return Err(Rejected::Ttl { from, received });
    }
    // 4
    if view.version() != expected.version.number() {
        return Err(Rejected::Version {
            from,
            received: view.version(),
            expected: expected.version.number(),
        });
    }
    // 5
    let hmac_sequence = check_hmac(expected, packet, view, trailer, before)?;
    // 6, 7
    let sequence = match expected.version {
        Version::V2 => check_version_2(expected, packet, view, before)?,
        Version::V3 => None,
    };
    // 8
    if view.packet_type() != TYPE_ADVERTISEMENT {
        let received = view.packet_type();
        return Err(Rejected::PacketType { from, received });
    }
    // 9
    let (received, length) = (packet.total_len, length(packet, view) + trailer);
    if received != length {
        let expected = length;
        return Err(Rejected::TotalLength {
            from,
            received,
            expected,
        });
    }
    // 10
    let adver_int = adver_int(expected, view).ok_or(Rejected::NoInterval { from })?;
    // 11
    let old_checksum = check_checksum(expected, packet, view, trailer)?;
    // 12
    if packet.destination.is_multicast() == expected.is_unicast() {
        return Err(Rejected::Cast {
            from,
            expected_unicast: expected.is_unicast(),
        });
    }
    // 13
    if expected.ignore {
        return Err(Rejected::Owner { from });
    }
    // 15
    check_peer(expected, packet)?;
    // 14: comes last, since it does not reject.
    let mismatch = before
        .check_addresses
        .then(|| mismatch(expected, packet, view));
    Ok(Received {
        advert: Advert {
            source: from,
            priority: view.priority(),
            adver_int,
        },
        sequence,
        hmac_sequence,
        unsigned: expected.auth_hmac.is_some() && hmac_sequence.is_none(),
        old_checksum,
        mismatch: mismatch.flatten(),
    })
}

/// Length of the whole packet, as the VRRP header has it.
fn length(packet: &Datagram<'_>, view: &View<'_>) -> usize {
    packet.headers_len() + view.expected_len(packet.address_len())
}

/// With `auth_hmac` an advert may have a trailer; nothing but the length says so.
fn trailer_len(expected: &Expected, packet: &Datagram<'_>, view: &View<'_>) -> usize {
    let with = length(packet, view) + TRAILER_LEN;
    let has = packet.bytes.len() >= with && packet.total_len == with;
    if expected.auth_hmac.is_some() && has {
        TRAILER_LEN
    } else {
        0
    }
}

fn check_length(packet: &Datagram<'_>, view: &View<'_>, trailer: usize) -> Result<(), Rejected> {
    let (from, received) = (packet.source, packet.bytes.len());
    let expected = length(packet, view) + trailer;
    if received < expected {
        return Err(Rejected::TooShort {
            from,
            received,
            expected,
        });
    }
    if received > expected && received > ETHERNET_MIN_PAYLOAD {
        return Err(Rejected::TooLong {
            from,
            received,
            expected,
        });
    }
    Ok(())
}

/// The sequence number of the trailer is returned; `None`: there is none, and none is needed.
fn check_hmac(
    expected: &Expected,
    packet: &Datagram<'_>,
    view: &View<'_>,
    trailer: usize,
    before: Before,
) -> Result<Option<u64>, Rejected> {
    let Some(config) = &expected.auth_hmac else {
        return Ok(None);
    };
    if trailer == 0 {
        return match config.mode {
            HmacMode::Enforce => Err(HmacFault::Missing),
            HmacMode::Permissive | HmacMode::ReceiveOnly => Ok(None),
        }
        .map_err(|why| hmac_rejected(packet, why));
    }
    let length = view.expected_len(packet.address_len()) + trailer;
    let signed = packet.payload.get(..length).unwrap_or_default();
    let binding = trailer::Binding {
        source: packet.source,
        version: view.version(),
        vrid: view.vrid(),
    };
    let sequence = judge_trailer(config, signed, binding, before);
    sequence.map(Some).map_err(|why| hmac_rejected(packet, why))
}

const fn hmac_rejected(packet: &Datagram<'_>, why: HmacFault) -> Rejected {
    let from = packet.source;
    Rejected::Hmac { from, why }
}

/// The age first: what is old costs no digest. What is not signed proves nothing, so the number
/// counts last.
fn judge_trailer(
    config: &AuthHmac,
    signed: &[u8],
    binding: trailer::Binding,
    before: Before,
) -> Result<u64, HmacFault> {
    let trailer = trailer::View::at_end(signed).ok_or(HmacFault::Missing)?;
    if !trailer.is_known() {
        return Err(HmacFault::Unknown);
    }
    let sequence = trailer.sequence();
    let age = hmac::age(sequence, before.since_1970);
    if config.anti_replay == HmacReplay::Time && !hmac::is_within(age, config.time_window) {
        return Err(HmacFault::Stale(age));
    }
    let id = trailer.key_id();
    let key = config.key_of(id).ok_or(HmacFault::Key(id))?;
    if !trailer::is_signed(signed, binding, key) {
        return Err(HmacFault::Digest);
    }
    if !hmac::is_new(config, before.hmac_sequence, sequence, before.since_1970) {
        return Err(HmacFault::Replay);
    }
    Ok(sequence)
}

/// Authentication and interval; the sequence number of the authentication header is returned.
fn check_version_2(
    expected: &Expected,
    packet: &Datagram<'_>,
    view: &View<'_>,
    before: Before,
) -> Result<Option<u32>, Rejected> {
    let from = packet.source;
    let received = view.auth_type();
    if !matches!(received, AUTH_NONE | AUTH_PASS | AUTH_AH) {
        return Err(Rejected::UnknownAuthType { from, received });
    }
    if received != expected.auth_type() {
        return Err(Rejected::AuthType {
            from,
            received,
            expected: expected.auth_type(),
        });
    }
    let sequence = match (&expected.authentication, packet.ah) {
        (None, _) => None,
        (Some(Authentication::Pass(ours)), _) => match view.auth_data() {
            Some(theirs) if equal(*ours, *theirs) => None,
            Some(_) | None => return Err(Rejected::Password { from }),
        },
        (Some(Authentication::Ah(key)), Some(header)) => {
            check_ah(packet, header, key, before.sequence)?;
            Some(header.sequence())
        }
        // Check 1 has seen to it.
        (Some(Authentication::Ah(_)), None) => return Err(Rejected::Digest { from }),
    };
    let ours = adver_int_seconds(expected.advert_int);
    if view.adver_int() != ours {
        let (received, expected) = (view.adver_int(), ours);
        return Err(Rejected::AdverInt {
            from,
            received,
            expected,
        });
    }
    Ok(sequence)
}

/// The digest comes before the sequence number counts: a forged packet must not move it.
fn check_ah(
    packet: &Datagram<'_>,
    header: ah::View<'_>,
    key: &[u8],
    last: Option<u32>,
) -> Result<(), Rejected> {
    let from = packet.source;
    if IpAddr::V4(header.spi()) != from {
        let spi = header.spi();
        return Err(Rejected::Spi { from, spi });
    }
    if let Some(last) = last
        && header.sequence() <= last
    {
        let received = header.sequence();
        return Err(Rejected::Replay {
            from,
            received,
            last,
        });
    }
    // What Ethernet padded is not signed.
    let signed = packet.bytes.get(..packet.total_len);
    if signed.is_some_and(|signed| ah::is_signed(signed, key)) {
        Ok(())
    } else {
        Err(Rejected::Digest { from })
    }
}

/// Takes the same time wherever the first difference is.
fn equal(ours: [u8; AUTH_DATA_LEN], theirs: [u8; AUTH_DATA_LEN]) -> bool {
    u64::from_ne_bytes(ours) ^ u64::from_ne_bytes(theirs) == 0
}

/// `None`: zero.
fn adver_int(expected: &Expected, view: &View<'_>) -> Option<Duration> {
    let interval = match expected.version {
        Version::V2 => expected.advert_int,
        Version::V3 => Duration::from_millis(u64::from(view.max_advertise_interval()) * 10),
    };
    (!interval.is_zero()).then_some(interval)
}

/// Whether the checksum fits, and whether it is an old keepalived's.
fn check_checksum(
    expected: &Expected,
    packet: &Datagram<'_>,
    view: &View<'_>,
    trailer: usize,
) -> Result<bool, Rejected> {
    let length = packet.address_len();
    let version = expected.version.number();
    let from = packet.source;
    let invalid = Err(Rejected::Checksum { from, version });
    if expected.version == Version::V2 {
        return if view.checksum_fits(length, None) {
            Ok(false)
        } else {
            invalid
        };
    }
    let fits = |old| {
        let pseudo = vrrp::PseudoHeader {
            source: from,
            destination: if old {
                expected.group
            } else {
                packet.destination
            },
        };
        // IPv6: the payload as a whole.
        let trailer = match expected.family {
            Family::V4 => 0,
            Family::V6 => trailer,
        };
        view.checksum_fits_over(view.expected_len(length) + trailer, Some(&pseudo))
    };
    if expected.v3_checksum_as_v2 || fits(false) {
        return Ok(false);
    }
    let old = expected.is_unicast()
        && expected.old_unicast_checksum != OldUnicastChecksum::Never
        && fits(true);
    if old { Ok(true) } else { invalid }
}

fn check_peer(expected: &Expected, packet: &Datagram<'_>) -> Result<(), Rejected> {
    let from = packet.source;
    let peer = expected.peers.iter().find(|peer| peer.address == from);
    match peer {
        Some(peer) if (peer.min_ttl..=peer.max_ttl).contains(&packet.ttl) => Ok(()),
        Some(peer) => Err(Rejected::PeerTtl {
            from,
            received: packet.ttl,
            min_ttl: peer.min_ttl,
            max_ttl: peer.max_ttl,
        }),
        None if expected.check_unicast_src && expected.is_unicast() => {
            Err(Rejected::NotAPeer { from })
        }
        None => Ok(()),
    }
}

fn mismatch(expected: &Expected, packet: &Datagram<'_>, view: &View<'_>) -> Option<Mismatch> {
    let (from, length) = (packet.source, packet.address_len());
    let received = usize::from(view.address_count());
    if received != expected.addresses.len() {
        let expected = expected.addresses.len();
        return Some(Mismatch::Count {
            from,
            expected,
            received,
        });
    }
    if view
        .addresses(length)
        .eq(expected.addresses.iter().copied())
    {
        return None;
    }
    let is_missing = |ours: &&IpAddr| !view.addresses(length).any(|theirs| theirs == **ours);
    let address = *expected.addresses.iter().find(is_missing)?;
    Some(Mismatch::Missing {
        from,
        vrid: expected.vrid,
        address,
    })
}

#[cfg(test)]
mod tests;
