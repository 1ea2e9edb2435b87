use std::vec::Vec;

use super::*;

/// `CRC32c` by its definition, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ POLYNOMIAL
            } else {
                crc >> 1
            };
        }
    }
    !crc
}

/// A packet of so many bytes, and some bits of a number that does not repeat itself soon.
fn packet(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let byte = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 56) as u8
    };
    core::iter::repeat_with(byte).take(length).collect()
}

/// Its checksum, as it would stand in it.
fn checksum(packet: &[u8]) -> u32 {
    let mut packet = packet.to_vec();
    packet[8..12].fill(0);
    crc32c(&packet)
}

fn first_word(packet: &[u8]) -> u32 {
    u32::from_le_bytes([packet[0], packet[1], packet[2], packet[3]])
}

#[test]
fn the_reference_is_crc32c() {
    // RFC 3720 B.4, and the check value of the CRC catalogues.
    assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
}

#[test]
fn a_checksum_is_mended_as_if_it_had_been_computed_anew() {
    // Lengths are made up of bytes and blocks of 256: some of each, and both ends.
    let around = [1, 3, 8, 16].into_iter().flat_map(|number| {
        let block = number * 4096;
        [block - 1, block, block + 1]
    });
    let around = around.map(|length: usize| length.min(usize::from(u16::MAX)));
    let lengths = (16..300)
        .chain([511, 512, 1480, 9000, 65_279, 65_280, 65_281, 65_515])
        .chain(around);
    for (seed, length) in (1..).zip(lengths) {
        let before = packet(length, seed);
        for place in [0..2, 2..4] {
            let mut after = before.clone();
            after[place.clone()].copy_from_slice(&packet(2, seed ^ 0xffff));
            let change = change(first_word(&before) ^ first_word(&after), length as u16);
            assert_eq!(
                checksum(&before) ^ change,
                checksum(&after),
                "{length} bytes, port at {place:?}"
            );
        }
    }
}

#[test]
fn two_changes_one_after_the_other_are_both_at_once() {
    for length in [16, 17, 255, 256, 257, 1480, 65_535] {
        let (one, other) = (0x1234_0000, 0x8001_ff0f);
        assert_eq!(
            change(one, length) ^ change(other, length),
            change(one ^ other, length)
        );
        assert_ne!(change(one, length), 0);
        assert_eq!(change(0, length), 0);
    }
}
