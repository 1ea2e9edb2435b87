//! Whether an advert is acceptable (RFC 3768 section 7.1, RFC 9568 section 7.1), in keepalived's
//! order, so that both name the same reason for the same packet.
//!
//! Not checked here: that a virtual router of this id exists (the packet is then not for us, see
//! [`super::router`]), and what the advert means for the election ([`super::election`]).

use std::net::IpAddr;
use std::time::Duration;

use super::election::Advert;
use super::settings::{Family, OldUnicastChecksum, Version};
use crate::wire::hmac::TRAILER_LEN;
use crate::wire::ip::Datagram;
use crate::wire::vrrp::{self, AUTH_AH, TTL, TYPE_ADVERTISEMENT, View};

mod authentication;
mod expected;
mod reason;

use authentication::{check_hmac, check_version_2};

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
    // 1
    check_auth_header(expected, packet)?;
    // 2
    let trailer = trailer_len(expected, packet, view);
    check_length(packet, view, trailer)?;
    // 3, 4
    check_ttl(expected, packet)?;
    check_version(expected, packet, view)?;
    // 5
    let hmac_sequence = check_hmac(expected, packet, view, trailer, before)?;
    // 6, 7
    let sequence = match expected.version {
        Version::V2 => check_version_2(expected, packet, view, before)?,
        Version::V3 => None,
    };
    // 8, 9
    check_type(packet, view)?;
    check_total_length(packet, view, trailer)?;
    let source = packet.source;
    // 10
    let adver_int = adver_int(expected, view).ok_or(Rejected::NoInterval { from: source })?;
    // 11
    let old_checksum = check_checksum(expected, packet, view, trailer)?;
    // 12, 13, 15
    check_cast(expected, packet)?;
    check_owner(expected, packet)?;
    check_peer(expected, packet)?;
    // 14: comes last, since it does not reject.
    let mismatch = before
        .check_addresses
        .then(|| mismatch(expected, packet, view));
    Ok(Received {
        advert: Advert {
            source,
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

fn check_auth_header(expected: &Expected, packet: &Datagram<'_>) -> Result<(), Rejected> {
    let (from, expected) = (packet.source, expected.auth_type() == AUTH_AH);
    if packet.ah.is_some() == expected {
        Ok(())
    } else {
        Err(Rejected::AuthHeader { from, expected })
    }
}

/// Peers may be further away.
const fn check_ttl(expected: &Expected, packet: &Datagram<'_>) -> Result<(), Rejected> {
    let (from, received) = (packet.source, packet.ttl);
    if expected.is_unicast() || received == TTL {
        Ok(())
    } else {
        Err(Rejected::Ttl { from, received })
    }
}

fn check_version(
    expected: &Expected,
    packet: &Datagram<'_>,
    view: &View<'_>,
) -> Result<(), Rejected> {
    let (from, received, expected) = (packet.source, view.version(), expected.version.number());
    if received == expected {
        Ok(())
    } else {
        Err(Rejected::Version {
            from,
            received,
            expected,
        })
    }
}

fn check_type(packet: &Datagram<'_>, view: &View<'_>) -> Result<(), Rejected> {
    let (from, received) = (packet.source, view.packet_type());
    if received == TYPE_ADVERTISEMENT {
        Ok(())
    } else {
        Err(Rejected::PacketType { from, received })
    }
}

/// As the IP header has it.
fn check_total_length(
    packet: &Datagram<'_>,
    view: &View<'_>,
    trailer: usize,
) -> Result<(), Rejected> {
    let (from, received) = (packet.source, packet.total_len);
    let expected = length(packet, view) + trailer;
    if received == expected {
        Ok(())
    } else {
        Err(Rejected::TotalLength {
            from,
            received,
            expected,
        })
    }
}

const fn check_cast(expected: &Expected, packet: &Datagram<'_>) -> Result<(), Rejected> {
    let (from, expected_unicast) = (packet.source, expected.is_unicast());
    if packet.destination.is_multicast() == expected_unicast {
        return Err(Rejected::Cast {
            from,
            expected_unicast,
        });
    }
    Ok(())
}

const fn check_owner(expected: &Expected, packet: &Datagram<'_>) -> Result<(), Rejected> {
    let from = packet.source;
    if expected.ignore {
        return Err(Rejected::Owner { from });
    }
    Ok(())
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
