//! Against the definition: the words added one by one, carries added back at once.

use std::vec::Vec;

use proptest::prelude::*;

use super::*;

/// The checksum field of `bytes`, word by word in network byte order (RFC 1071 section 1).
fn naive(bytes: &[u8]) -> u16 {
    let mut total: u16 = 0;
    for pair in bytes.chunks(2) {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = total.overflowing_add(word);
        total = sum + u16::from(carry);
    }
    !total
}

/// The field as it stands in the packet, read as a number of this machine.
fn in_packet(check: u16) -> u16 {
    u16::from_ne_bytes(check.to_be_bytes())
}

#[test]
fn the_example_of_rfc_1071() {
    let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
    assert_eq!(fold(sum(&bytes)).to_ne_bytes(), [0xdd, 0xf2]);
}

#[test]
fn the_example_of_rfc_1624() {
    // Section 4: a checksum of 0xdd2f, a word that goes from 0x5555 to 0x3285.
    assert_eq!(update16(0xdd2f, 0x5555, 0x3285), 0x0000);
}

#[test]
fn carries_fold_into_sixteen_bits_whatever_the_sum() {
    for (total, folded) in [
        (0, 0),
        (0xffff, 0xffff),
        (0x1_0000, 1),
        (0x1_fffe, 0xffff),
        (u32::MAX, 0xffff),
        (0xffff_0001, 1),
    ] {
        assert_eq!(fold(total), folded, "{total:x}");
    }
}

#[test]
fn an_odd_last_byte_counts_as_the_first_of_its_word() {
    assert_eq!(sum(&[1, 2, 3]), sum(&[1, 2, 3, 0]));
    assert_eq!(sum(&[]), 0);
}

#[test]
fn a_word_that_stays_the_same_changes_nothing() {
    for check in 0..0xffff {
        assert_eq!(update16(check, 0x1234, 0x1234), check);
        assert_eq!(update32(check, 0x1234_5678, 0x1234_5678), check);
    }
}

#[test]
fn one_hop_less_is_what_an_update_of_its_word_would_give() {
    for check in 0..=0xffff {
        for (old, new) in [
            ([1, 6], [0, 6]),
            ([64, 17], [63, 17]),
            ([255, 255], [254, 255]),
        ] {
            let updated = update16(check, u16::from_ne_bytes(old), u16::from_ne_bytes(new));
            assert_eq!(increased(check), updated, "{check:x}");
        }
    }
}

proptest! {
    #[test]
    fn the_sum_is_the_one_of_the_definition(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        prop_assert_eq!(!fold(sum(&bytes)), in_packet(naive(&bytes)));
    }

    #[test]
    fn an_update_is_what_adding_up_again_would_give(
        mut words in prop::collection::vec(any::<[u8; 4]>(), 2..40),
        at in any::<prop::sample::Index>(),
        new: [u8; 4],
    ) {
        // One byte that is not zero, as in every packet: a sum of nothing but zeros has two names.
        words.push([0x45, 0, 0, 0]);
        let at = at.index(words.len() - 1);
        let before = naive(&words.concat());
        let old = core::mem::replace(&mut words[at], new);
        let after = in_packet(naive(&words.concat()));
        let whole = update32(in_packet(before), u32::from_ne_bytes(old), u32::from_ne_bytes(new));
        prop_assert_eq!(whole, after);
        let half = |word: [u8; 4], at: usize| u16::from_ne_bytes([word[at], word[at + 1]]);
        let twice = update16(in_packet(before), half(old, 0), half(new, 0));
        prop_assert_eq!(update16(twice, half(old, 2), half(new, 2)), after);
    }

    #[test]
    fn an_update_by_the_difference_of_two_addresses_is_what_adding_up_again_would_give(
        old: [u64; 2],
        new: [u64; 2],
        rest in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let whole = |address: [u64; 2]| {
            let address = address.map(u64::to_ne_bytes).concat();
            in_packet(naive(&[&address[..], &[0x45, 0], &rest].concat()))
        };
        prop_assert_eq!(changed(whole(old), difference6(old, new)), whole(new));
    }

    #[test]
    fn a_wrong_checksum_stays_wrong_by_as_much(check: u16, old: u32, new: u32) {
        let back = update32(update32(check, old, new), new, old);
        // Both zeros of the one's complement are the same number.
        let same = |word: u16| if word == 0xffff { 0 } else { word };
        prop_assert_eq!(same(back), same(check));
    }
}

#[test]
fn longest_packet_does_not_overflow_the_sum() {
    let bytes: Vec<u8> = std::vec![0xff; 65_535];
    assert_eq!(!fold(sum(&bytes)), in_packet(naive(&bytes)));
}
