//! Golden bytes: the vectors of the draft behind keepalived 2.4, checked by a second program.

use super::*;

/// Virtual router 51, priority 200, from 198.51.100.10; key 00 01 … 1f, number 1.
const IPV4: [u8; 40] = [
    0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0x44, 0x02, 0xc0, 0x00, 0x02, 0x64, 0x01, 0x01, 0x00, 0x00,
    0x68, 0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x1b, 0x84, 0xbc, 0x4e, 0x8e, 0x43, 0x89, 0x2d,
    0xc6, 0xd9, 0x84, 0x48, 0xf8, 0xee, 0x22, 0x65,
];
/// The same over IPv6, from `fe80::10`.
const IPV6: [u8; 52] = [
    0x31, 0x33, 0xc8, 0x01, 0x00, 0x64, 0xa2, 0xe9, 0xfe, 0x80, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x01, 0x01, 0x00, 0x00, 0x68, 0x00, 0x00, 0x00,
    0x80, 0x00, 0x00, 0x00, 0xc8, 0xc5, 0x61, 0x46, 0xeb, 0xfd, 0x66, 0xee, 0x10, 0xec, 0x4d, 0x81,
    0x86, 0x46, 0x1b, 0x78,
];
const SEQUENCE: u64 = 0x6800_0000_8000_0000;

fn key() -> Vec<u8> {
    (0..32).collect()
}

fn binding(source: &str) -> Binding {
    Binding {
        source: source.parse().unwrap(),
        version: 3,
        vrid: 51,
    }
}

#[test]
fn the_trailer_is_byte_for_byte_that_of_the_draft() {
    for (golden, source) in [(&IPV4[..], "198.51.100.10"), (&IPV6[..], "fe80::10")] {
        let mut packet = vec![0xee; 3];
        packet.extend_from_slice(&golden[..golden.len() - TRAILER_LEN]);
        append(&mut packet, 3, binding(source), (1, &key()), SEQUENCE);
        assert_eq!(packet[3..], *golden, "{source}");
        assert!(is_signed(golden, binding(source), &key()));
    }
}

#[test]
fn every_byte_but_the_checksum_is_signed() {
    for place in 0..IPV4.len() {
        let mut forged = IPV4;
        forged[place] ^= 1;
        let is_checksum = (6..8).contains(&place);
        let signed = is_signed(&forged, binding("198.51.100.10"), &key());
        assert_eq!(signed, is_checksum, "byte {place}");
    }
    assert!(!is_signed(&IPV4, binding("198.51.100.11"), &key()));
    assert!(!is_signed(&IPV4, binding("198.51.100.10"), &[7; 32]));
}

#[test]
fn what_is_cut_off_is_not_signed() {
    for length in 0..IPV4.len() {
        let cut = &IPV4[..length];
        assert!(
            !is_signed(cut, binding("198.51.100.10"), &key()),
            "{length}"
        );
    }
}

#[test]
fn a_trailer_is_read() {
    let view = View::at_end(&IPV4).unwrap();
    assert!(view.is_known());
    assert_eq!((view.key_id(), view.sequence()), (1, SEQUENCE));
    assert!(View::at_end(&IPV4[..27]).is_none());
}
