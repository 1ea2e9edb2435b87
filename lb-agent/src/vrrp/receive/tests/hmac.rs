//! `auth_hmac`: what is let in, by mode, age, key and number.

use super::*;
use crate::config::model::{AuthHmac, HmacKey, HmacMode, HmacReplay, Secret};
use crate::vrrp::hmac::sequence_of;
use crate::wire::hmac as trailer;

const NOW: Duration = Duration::from_secs(1_700_000_000);
const KEY: [u8; 32] = [7; 32];

fn with(mode: HmacMode) -> Expected {
    let key = |byte: u8| HmacKey::Bytes(Secret::new([byte; 32]));
    Expected {
        auth_hmac: Some(AuthHmac {
            key: vec![(1, key(7)), (2, key(8))],
            active_key: 1,
            mode,
            ..AuthHmac::default()
        }),
        ..expected()
    }
}

/// A golden packet with a trailer behind it.
fn signed(key_id: u8, key: &[u8], sequence: u64) -> Vec<u8> {
    let mut packet = bytes(PASS);
    let binding = trailer::Binding {
        source: PEER.into(),
        version: 2,
        vrid: 66,
    };
    trailer::append(&mut packet, 20, binding, (key_id, key), sequence);
    packet[3] = 68;
    packet
}

fn hear(expected: &Expected, packet: &[u8], last: Option<u64>) -> Result<Received, String> {
    let datagram = Datagram::parse(packet).unwrap();
    let view = View::parse(datagram.payload).unwrap();
    let before = Before {
        hmac_sequence: last,
        since_1970: NOW,
        ..CHECKED
    };
    check(expected, &datagram, &view, before).map_err(|reason| reason.to_string())
}

#[test]
fn a_signed_advert_of_either_key_is_accepted_with_its_number() {
    let number = sequence_of(NOW);
    for (id, key) in [(1, [7; 32]), (2, [8; 32])] {
        let received = hear(&with(HmacMode::Enforce), &signed(id, &key, number), None);
        assert_eq!(received.unwrap().hmac_sequence, Some(number));
    }
}

#[test]
fn without_a_trailer_only_the_modes_of_a_migration_let_in_and_count() {
    let plain = bytes(PASS);
    let refused = hear(&with(HmacMode::Enforce), &plain, None);
    assert_eq!(
        refused.unwrap_err(),
        "auth_hmac: advert without a trailer from 10.0.0.1"
    );
    for mode in [HmacMode::Permissive, HmacMode::ReceiveOnly] {
        let received = hear(&with(mode), &plain, None).unwrap();
        assert!(received.unsigned, "{mode:?}");
    }
    assert!(!hear(&expected(), &plain, None).unwrap().unsigned);
}

#[test]
fn a_wrong_trailer_is_refused_in_every_mode_and_said_what_is_wrong() {
    let now = sequence_of(NOW);
    let seconds = |difference: i64| {
        let at = NOW.as_secs().checked_add_signed(difference).unwrap();
        sequence_of(Duration::from_secs(at))
    };
    let mut other_kind = signed(1, &KEY, now);
    other_kind[40] = 2;
    let mut other_priority = signed(1, &KEY, now);
    other_priority[22] ^= 1;
    let table = [
        (other_kind, None, "trailer of an unknown kind"),
        (
            other_priority,
            None,
            "invalid digest (another key, or changed on the way)",
        ),
        (
            signed(1, &[9; 32], now),
            None,
            "invalid digest (another key, or changed on the way)",
        ),
        (
            signed(3, &KEY, now),
            None,
            "trailer signed with key 3, which is not configured here,",
        ),
        (
            signed(1, &KEY, seconds(-31)),
            None,
            "advert that is 31 s old (time_window; are the clocks of both right?)",
        ),
        (
            signed(1, &KEY, seconds(31)),
            None,
            "advert that is -31 s old (time_window; are the clocks of both right?)",
        ),
        (signed(1, &KEY, now), Some(now), "replayed advert"),
        (signed(1, &KEY, now), Some(now + 1), "replayed advert"),
    ];
    for mode in [
        HmacMode::Enforce,
        HmacMode::Permissive,
        HmacMode::ReceiveOnly,
    ] {
        for (packet, last, words) in &table {
            let refused = hear(&with(mode), packet, *last).unwrap_err();
            assert_eq!(
                refused,
                format!("auth_hmac: {words} from 10.0.0.1"),
                "{mode:?}"
            );
        }
    }
}

#[test]
fn when_counting_an_old_number_is_only_refused_if_a_newer_one_was_heard() {
    let mut counting = with(HmacMode::Enforce);
    counting.auth_hmac.as_mut().unwrap().anti_replay = HmacReplay::Monotonic;
    let old = signed(1, &KEY, 5);
    assert!(hear(&counting, &old, None).is_ok());
    assert!(hear(&counting, &old, Some(4)).is_ok());
    assert!(hear(&counting, &old, Some(5)).is_err());
}

#[test]
fn who_has_no_auth_hmac_takes_a_trailer_for_too_much() {
    let refused = hear(&expected(), &signed(1, &KEY, sequence_of(NOW)), None);
    assert_eq!(
        refused.unwrap_err(),
        "vrrp packet from 10.0.0.1 too long, length 68 and expect 40"
    );
}
