use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

#[test]
fn the_cursor_walks_every_element_and_begins_again() {
    let mut cursor = 0;
    let mut walk = || {
        let (element, after) = next(cursor, 3);
        cursor = after;
        element
    };
    let elements: Vec<u32> = core::iter::repeat_with(&mut walk).take(7).collect();
    assert_eq!(elements, [1, 2, 3, 1, 2, 3, 1]);
}

#[test]
fn a_cursor_beyond_a_table_that_has_become_shorter_begins_again() {
    assert_eq!(next(5, 3), (1, 1));
    assert_eq!(next(3, 3), (1, 1));
    assert_eq!(next(u32::MAX, 1), (1, 1));
}

#[test]
fn hashes_from_end_to_end_stand_for_elements_from_end_to_end() {
    assert_eq!(by_hash(0, 65_536), 1);
    assert_eq!(by_hash(u64::MAX, 65_536), 65_536);
    assert_eq!(by_hash(u64::MAX, 1), 1);
    assert_eq!(by_hash(1 << 63, 2), 2);
    assert_eq!(by_hash((1 << 63) - 1, 2), 1);
}

#[test]
fn every_element_gets_its_share_of_the_hashes() {
    let mut shares = vec![0; 8];
    for hash in 0..7000_u64 {
        shares[by_hash((hash * 613_566) << 32, 7) as usize] += 1;
    }
    assert_eq!(shares[0], 0);
    assert!(
        shares[1..].iter().all(|share| (990..=1010).contains(share)),
        "{shares:?}"
    );
}

proptest! {
    #[test]
    fn no_choice_leaves_the_table(cursor: u32, hash: u64, turns in 1_u32..70_000) {
        let (element, _) = next(cursor, turns);
        prop_assert!((1..=turns).contains(&element));
        prop_assert!((1..=turns).contains(&by_hash(hash, turns)));
    }

    #[test]
    fn a_full_round_serves_every_element_once(start: u32, turns in 1_u32..300) {
        let mut cursor = start % (turns + 1);
        let mut served = vec![0; turns as usize + 1];
        for _ in 0..turns {
            let (element, after) = next(cursor, turns);
            served[element as usize] += 1;
            cursor = after;
        }
        prop_assert!(served[1..].iter().all(|times| *times == 1));
    }
}
