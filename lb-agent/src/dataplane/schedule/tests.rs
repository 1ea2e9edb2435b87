use std::collections::BTreeMap;

use lb_common::ipvs_hash::{HASH_BUCKETS, MAGLEV_PLACES};
use lb_common::schedule::{slot, weight};
use proptest::prelude::*;

use super::*;

/// Servers 1, 2, … of these weights, at 10.0.0.1, 10.0.0.2, …
fn candidates(weights: &[u32]) -> Vec<Candidate> {
    (1_u16..)
        .zip(weights)
        .map(|(slot, weight)| Candidate {
            slot,
            weight: *weight,
            full_weight: *weight,
            address: 0x0a00_0000 + u32::from(slot),
            port: 80,
        })
        .collect()
}

fn slots(elements: &[u32]) -> Vec<u16> {
    elements.iter().map(|it| slot(*it)).collect()
}

fn turns(scheduler: Scheduler, weights: &[u32]) -> Vec<u16> {
    slots(&table(scheduler, &candidates(weights)).turns)
}

fn shares(elements: &[u32]) -> BTreeMap<u16, usize> {
    let mut shares = BTreeMap::new();
    for element in elements {
        *shares.entry(slot(*element)).or_default() += 1;
    }
    shares
}

#[test]
fn wrr_interleaves_as_ipvs_does() {
    type Case<'a> = (&'a [u32], &'a [u16]);
    let cases: [Case<'_>; 6] = [
        (&[2, 1], &[1, 1, 2]),
        (&[4, 2], &[1, 1, 2]),
        (&[3, 2, 1], &[1, 1, 2, 1, 2, 3]),
        (&[1, 1], &[1, 2]),
        (&[0, 5], &[2]),
        (&[], &[]),
    ];
    for (weights, expected) in cases {
        assert_eq!(turns(Scheduler::Wrr, weights), expected, "{weights:?}");
    }
}

#[test]
fn rr_gives_everyone_with_weight_one_turn() {
    assert_eq!(turns(Scheduler::Rr, &[9, 0, 1]), [1, 3]);
}

#[test]
fn a_round_that_is_too_long_is_scaled_down_and_nobody_loses_the_last_turn() {
    let table = table(
        Scheduler::Wrr,
        &candidates(&[2_000_000_000, 1_000_000_001, 1]),
    );
    let shares = shares(&table.turns);
    assert!(table.turns.len() <= MAX_TURNS as usize);
    assert_eq!(shares[&3], 1);
    assert!(shares[&1].abs_diff(2 * shares[&2]) <= 2);
}

#[test]
fn nobody_serves_where_nobody_has_a_weight() {
    for scheduler in Scheduler::ALL {
        assert_eq!(
            table(scheduler, &candidates(&[0, 0])),
            Table::default(),
            "{scheduler:?}"
        );
        assert_eq!(table(scheduler, &[]), Table::default(), "{scheduler:?}");
    }
}

#[test]
fn fo_and_ovf_compare_by_weight_and_the_first_of_equals_first() {
    for scheduler in [Scheduler::Fo, Scheduler::Ovf] {
        let table = table(scheduler, &candidates(&[1, 3, 0, 70_000, 3]));
        assert_eq!(slots(&table.servers), [4, 2, 5, 1]);
        assert_eq!(weight(table.servers[0]), u16::MAX);
        assert_eq!(slots(&table.turns), [4]);
    }
}

#[test]
fn lc_knows_no_weights_and_the_others_keep_them_in_proportion() {
    let lc = table(Scheduler::Lc, &candidates(&[5, 0, 7]));
    assert_eq!(lc.servers, [element(1, 1), element(3, 1)]);
    for scheduler in [
        Scheduler::Wlc,
        Scheduler::Sed,
        Scheduler::Nq,
        Scheduler::Lblc,
    ] {
        let exact = table(scheduler, &candidates(&[5, 0, 7]));
        assert_eq!(exact.servers, [element(1, 5), element(3, 7)]);
        let scaled = table(scheduler, &candidates(&[2_000_000, 1_000_000, 1]));
        let weights: Vec<u16> = scaled.servers.iter().map(|it| weight(*it)).collect();
        assert_eq!(weights, [65_535, 32_767, 1]);
    }
}

#[test]
fn sh_deals_out_as_many_buckets_in_a_row_as_the_weight_says() {
    let turns = table(Scheduler::Sh, &candidates(&[3, 0, 1])).turns;
    assert_eq!(turns.len(), HASH_BUCKETS as usize);
    assert_eq!(slots(&turns[..7]), [1, 1, 1, 2, 3, 1, 1]);
    assert_eq!((weight(turns[3]), weight(turns[4])), (0, 1));
}

#[test]
fn dh_deals_out_one_bucket_each() {
    let turns = table(Scheduler::Dh, &candidates(&[3, 0, 1])).turns;
    assert_eq!(turns.len(), HASH_BUCKETS as usize);
    assert_eq!(slots(&turns[..5]), [1, 2, 3, 1, 2]);
    assert_eq!(weight(turns[1]), 0);
}

#[test]
fn mh_gives_places_by_weight_and_none_is_free() {
    let turns = table(Scheduler::Mh, &candidates(&[1, 2, 3, 4])).turns;
    assert_eq!(turns.len(), MAGLEV_PLACES as usize);
    let shares = shares(&turns);
    for server in 1..=4 {
        let expected = MAGLEV_PLACES as usize * usize::from(server) / 10;
        assert!(shares[&server].abs_diff(expected) <= 10, "{shares:?}");
    }
}

#[test]
fn mh_keeps_the_places_of_a_server_that_rests() {
    let servers = candidates(&[1, 1, 1]);
    let before = table(Scheduler::Mh, &servers).turns;
    let mut resting = servers;
    resting[1].weight = 0;
    let after = table(Scheduler::Mh, &resting).turns;
    assert_eq!(slots(&before), slots(&after));
    assert!(
        after
            .iter()
            .all(|it| (weight(*it) == 0) == (slot(*it) == 2))
    );
}

#[test]
fn mh_moves_few_others_when_one_of_the_servers_goes() {
    // Of IPVS's table, which is as small as it is, many servers lose a little more.
    for (count, others) in [(2, 20), (3, 20), (5, 20), (10, 20), (20, 20), (50, 30)] {
        let servers = candidates(&vec![1; count]);
        let before = table(Scheduler::Mh, &servers).turns;
        for gone in 0..count {
            let mut rest = servers.clone();
            rest.remove(gone);
            let after = table(Scheduler::Mh, &rest).turns;
            let pairs = before.iter().zip(&after);
            let moved = pairs.filter(|(a, b)| slot(**a) != slot(**b)).count();
            let all = before.len();
            let limit = all / count + all * others / 1000;
            assert!(moved <= limit, "{moved} of {all} with {count} servers");
        }
    }
}

#[test]
fn a_table_is_read_as_it_was_written() {
    for scheduler in Scheduler::ALL {
        let table = table(scheduler, &candidates(&[3, 0, 1, 2]));
        let words = table.words();
        assert_eq!(Table::read(|at| words.get(at as usize).copied()), table);
    }
    assert_eq!(Table::read(|_| None), Table::default());
    // Whatever stands there, no more is read than a table can have.
    assert_eq!(
        Table::read(|_| Some(u32::MAX)).turns.len(),
        MAX_TURNS as usize
    );
}

proptest! {
    #[test]
    fn a_round_meets_the_weights_exactly(weights in prop::collection::vec(0_u32..60, 0..40)) {
        let table = table(Scheduler::Wrr, &candidates(&weights));
        let shares = shares(&table.turns);
        let divisor = weights.iter().copied().fold(0, rota::gcd).max(1);
        for (slot, weight) in (1..).zip(&weights) {
            let share = shares.get(&slot).copied().unwrap_or(0);
            prop_assert_eq!(share, (weight / divisor) as usize);
        }
    }
}
