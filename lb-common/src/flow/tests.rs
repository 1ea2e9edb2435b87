use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::hash::mix;
use crate::limits::FLOW_BUCKETS;

#[test]
fn a_bucket_is_one_cache_line() {
    assert_eq!(size_of::<FlowBucket>(), 64);
    assert_eq!(align_of::<FlowBucket>(), 64);
    assert_eq!(size_of::<FlowEntry>() * WAYS, 64);
}

#[test]
fn no_flow_has_the_key_of_an_entry_without_one() {
    // Services begin at 1.
    assert!(key(0, 0, 1) > BUSY && FREE < BUSY);
}

#[test]
fn target_and_life_are_one_word_as_they_lie_in_memory() {
    let entry = FlowEntry {
        key: 2,
        target: target(3, 4),
        life: life(state::UDP, 5),
    };
    let bytes: [u8; 16] = bytemuck::cast(entry);
    assert_eq!(bytes[8..], value(entry.target, entry.life).to_ne_bytes());
}

#[test]
fn an_entry_reads_as_it_was_written() {
    let addr = u32::from_ne_bytes([192, 0, 2, 9]);
    let entry = FlowEntry {
        key: key(addr, 50_000_u16.to_be(), 16_383),
        target: target(65_535, 65_534),
        life: life(state::FIN_WAIT, 0x0123_4567),
    };
    assert_eq!(entry.client(), Ipv4Addr::new(192, 0, 2, 9));
    assert_eq!(entry.client_port(), 50_000);
    assert_eq!(entry.service(), 16_383);
    assert_eq!(entry.slot(), 65_535);
    assert_eq!(entry.generation(), 65_534);
    assert_eq!(entry.state(), state::FIN_WAIT);
    assert_eq!(entry.life & STAMP_MASK, 0x23_4567);
}

/// A table without its flows: how many stand in each bucket.
struct Load {
    held: Vec<u8>,
    /// The next client.
    clients: u64,
    /// Buckets of a flow that are tried.
    tried: usize,
}

impl Load {
    fn new(tried: usize) -> Self {
        Self {
            held: vec![0; FLOW_BUCKETS as usize],
            clients: 0,
            tried,
        }
    }

    /// The bucket in which a new flow finds room.
    fn room(&mut self) -> Option<usize> {
        self.clients += 1;
        let hash = mix(self.clients & CLIENT, 0x5eed);
        let buckets = buckets(hash, FLOW_BUCKETS - 1).map(|bucket| bucket as usize);
        let mut tried = buckets.into_iter().take(self.tried);
        tried.find(|bucket| usize::from(self.held[*bucket]) < WAYS)
    }

    /// Lets flows in until so many are there.
    fn fill(&mut self, live: usize) {
        let mut missing = live
            - self
                .held
                .iter()
                .map(|held| usize::from(*held))
                .sum::<usize>();
        while missing > 0 {
            if let Some(bucket) = self.room() {
                self.held[bucket] += 1;
                missing -= 1;
            }
        }
    }

    /// How many of a million new flows would find no room, if they were the next one each.
    fn without_room(&mut self) -> usize {
        (0..1_000_000).filter(|_| self.room().is_none()).count()
    }
}

#[test]
fn so_many_flows_find_no_room_when_so_many_are_there() {
    let (mut one, mut both) = (Load::new(1), Load::new(3));
    // What the module's documentation says, with some leeway.
    for (eighths, least, most) in [(1, 0, 2), (2, 2, 25), (3, 200, 400), (4, 4000, 6000)] {
        let live = FLOW_BUCKETS as usize * WAYS * eighths / 8;
        one.fill(live);
        both.fill(live);
        let (one, both) = (one.without_room(), both.without_room());
        std::println!(
            "{live:>7} live flows: of a million new ones {both:>4} without room, with the first \
             bucket alone {one:>6}"
        );
        assert!((least..=most).contains(&both), "{live}: {both}");
    }
}

#[test]
fn both_buckets_are_in_the_table_and_hardly_ever_the_same() {
    let same = (0..100_000_u64)
        .map(|client| buckets(mix(client, 1), FLOW_BUCKETS - 1))
        .inspect(|both| assert!(both.iter().all(|bucket| *bucket < FLOW_BUCKETS)))
        .filter(|[first, second, _]| first == second)
        .count();
    assert!(same <= 3, "{same}");
}

proptest! {
    #[test]
    fn the_age_is_right_across_every_turn_of_the_stamp(born: u32, age in 0..=STAMP_MASK - STAMP_AHEAD, state in 0_u8..8) {
        let entry = FlowEntry { key: 2, target: 0, life: life(state, born) };
        prop_assert_eq!(entry.age(born.wrapping_add(age)), age);
        prop_assert_eq!(entry.state(), state);
    }

    #[test]
    fn older_is_what_has_a_greater_age(born: u32, now: u32, life: u32) {
        let entry = FlowEntry { key: 2, target: 0, life: self::life(state::UDP, born) };
        for life in [life, life & STAMP_MASK, u32::MAX, 0] {
            prop_assert_eq!(entry.is_older(now, life), entry.age(now) > life);
        }
    }

    #[test]
    fn a_stamp_that_is_a_little_ahead_has_no_age(now: u32, ahead in 0..=STAMP_AHEAD) {
        let entry = FlowEntry { key: 2, target: 0, life: life(state::UDP, now.wrapping_add(ahead)) };
        prop_assert_eq!(entry.age(now), 0);
    }

    #[test]
    fn keys_of_different_flows_differ(a: (u32, u16, u16), b: (u32, u16, u16)) {
        prop_assert_eq!(key(a.0, a.1, a.2) == key(b.0, b.1, b.2), a == b);
    }
}
