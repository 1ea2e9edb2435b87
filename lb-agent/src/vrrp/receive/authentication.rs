//! Whether an advert is from one of us: checks 5 to 7.

use std::net::IpAddr;

use super::{Before, Expected, HmacFault, Rejected};
use crate::config::model::{AuthHmac, HmacMode, HmacReplay};
use crate::vrrp::hmac;
use crate::vrrp::settings::{Authentication, adver_int_seconds};
use crate::wire::ah;
use crate::wire::hmac as trailer;
use crate::wire::ip::Datagram;
use crate::wire::vrrp::{AUTH_AH, AUTH_DATA_LEN, AUTH_NONE, AUTH_PASS, View};

/// The sequence number of the trailer is returned; `None`: there is none, and none is needed.
pub(super) fn check_hmac(
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
pub(super) fn check_version_2(
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
