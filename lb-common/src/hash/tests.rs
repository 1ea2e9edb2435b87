use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::limits::FLOW_BUCKETS;

/// How many of `words` meet in the fullest of `places` places.
fn fullest(places: usize, words: impl Iterator<Item = u64>, place: impl Fn(u64) -> u64) -> u32 {
    let mut load = vec![0; places];
    for word in words {
        load[usize::try_from(place(word)).unwrap() % places] += 1;
    }
    load.into_iter().max().unwrap()
}

#[test]
fn words_that_differ_have_hashes_that_differ() {
    let hashes: BTreeSet<u64> = (0..100_000).map(|word| mix(word, 7)).collect();
    assert_eq!(hashes.len(), 100_000);
}

#[test]
fn the_ports_of_one_client_spread_over_the_flow_table() {
    // 64 512 balls in 2^20 boxes: six in one box are a matter of one run in ten thousand.
    let client = u64::from(u32::from_ne_bytes([192, 0, 2, 9]));
    for secret in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
        let keys = (1024..=u16::MAX).map(|port| client | u64::from(port.to_be()) << 32);
        let load = fullest(FLOW_BUCKETS as usize, keys, |key| mix(key, secret));
        assert!(load < 8, "secret {secret:x}: {load} flows in one bucket");
    }
}

#[test]
fn the_high_half_spreads_the_clients_of_one_network() {
    for secret in [0, 0xdead_beef_0000_0001] {
        let clients = (0..65_536_u32).map(|host| u64::from((0x0a00_0000 + host).to_be()));
        // 256 clients a place on average.
        let load = fullest(256, clients, |key| mix(key, secret) >> 56);
        assert!(load < 350, "secret {secret:x}: {load} clients in one place");
    }
}

#[test]
fn whoever_knows_flows_that_meet_under_one_secret_knows_nothing_of_the_next() {
    let place = |key, secret| mix(key, secret) % 4096;
    let meet: Vec<u64> = (0..1 << 22).filter(|key| place(*key, 1) == 5).collect();
    // About 1024 balls in 4096 boxes: 906 boxes are hit on average.
    let apart: BTreeSet<u64> = meet.iter().map(|key| place(*key, 2)).collect();
    assert!(
        meet.len() > 900 && apart.len() > 800,
        "{} of {}",
        apart.len(),
        meet.len()
    );
}

proptest! {
    #[test]
    fn every_bit_of_word_and_secret_matters_to_both_halves(word: u64, secret: u64, bit in 0_u32..64) {
        let hash = mix(word, secret);
        for changed in [mix(word ^ 1 << bit, secret), mix(word, secret ^ 1 << bit)] {
            let differs = hash ^ changed;
            prop_assert!((differs & 0xffff_ffff).count_ones() >= 2, "{differs:064b}");
            prop_assert!((differs >> 32).count_ones() >= 2, "{differs:064b}");
        }
    }
}
