use proptest::prelude::*;

use super::*;

/// `IFLA_MTU` (4) = 1500, then `IFLA_IFNAME` (3) = "eth0" with padding, then four bytes of rubbish.
#[rustfmt::skip]
const BYTES: [u8; 24] = [
    8, 0, 4, 0, 0xdc, 0x05, 0, 0,
    9, 0, 3, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0,
    0xff, 0xff, 0, 0,
];

#[test]
fn attributes_are_walked_over_their_padding_until_one_is_longer_than_the_message() {
    let found: Vec<_> = attributes(&BYTES).collect();
    assert_eq!(found.len(), 2);
    assert_eq!(found[0].0, 4);
    assert_eq!(u32(found[0].1), Some(1500));
    assert_eq!(found[1].0, 3);
    assert_eq!(string(found[1].1), "eth0");
}

#[test]
fn the_nested_flag_is_not_part_of_the_type() {
    let nested = [4, 0, 18, 0x80];
    assert_eq!(attributes(&nested).next(), Some((18, &[][..])));
}

#[test]
fn values_of_the_wrong_length_are_nothing() {
    assert_eq!(u32(&[1, 2, 3]), None);
    assert_eq!(u16(&[1]), None);
    assert_eq!(mac(&[1, 2, 3, 4, 5]), None);
    assert_eq!(mac(&[1; 20]), None, "an InfiniBand address");
    assert_eq!(address(&[127, 0, 0]), None);
    assert_eq!(string(&[]), "");
}

#[test]
fn addresses_of_both_families_are_told_apart_by_length() {
    assert_eq!(address(&[192, 0, 2, 1]), Some("192.0.2.1".parse().unwrap()));
    let mut six = [0; 16];
    six[15] = 1;
    assert_eq!(address(&six), Some("::1".parse().unwrap()));
}

#[test]
fn what_is_written_is_padded_and_reads_back() {
    let mut inner = Writer::default();
    inner.u16(1, 0x1234).be16(2, 80);
    let mut writer = Writer::default();
    writer
        .string(3, "eth0")
        .u8(7, 9)
        .nested(18, &inner)
        .u32(4, 1500);
    let bytes = writer.bytes();
    assert_eq!(
        bytes[..12],
        [9, 0, 3, 0, b'e', b't', b'h', b'0', 0, 0, 0, 0]
    );
    let found: Vec<_> = attributes(bytes).collect();
    assert_eq!(found[1], (7, &[9][..]));
    assert_eq!(found[2], (18, inner.bytes()));
    assert_eq!(u32(found[3].1), Some(1500));
    assert_eq!(attributes(found[2].1).nth(1), Some((2, &[0, 80][..])));
}

#[test]
fn values_stand_at_the_place_of_their_type() {
    let mut writer = Writer::default();
    writer.u8(2, 1).u8(0, 7).u8(2, 9).u8(3, 5);
    assert_eq!(
        values(writer.bytes()),
        [Some(&[7][..]), None, Some(&[9][..])]
    );
}

#[test]
fn a_value_that_no_attribute_can_hold_is_left_out() {
    let mut writer = Writer::default();
    writer.put(1, &vec![0; 70_000]).u8(2, 1);
    assert_eq!(attributes(writer.bytes()).count(), 1);
}

proptest! {
    #[test]
    fn no_bytes_make_the_walk_panic_or_run_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(attributes(&bytes).count() <= bytes.len() / 4 + 1);
    }
}
