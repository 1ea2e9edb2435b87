use proptest::prelude::*;

use super::*;

#[test]
fn wrr_interleaves_as_ipvs_does() {
    type Case<'a> = (&'a [(u32, u32)], &'a [u32]);
    let cases: [Case<'_>; 6] = [
        (&[(1, 2), (2, 1)], &[1, 1, 2]),
        (&[(1, 4), (2, 2)], &[1, 1, 2]),
        (&[(1, 3), (2, 2), (3, 1)], &[1, 1, 2, 1, 2, 3]),
        (&[(1, 1), (2, 1)], &[1, 2]),
        (&[(1, 0), (2, 5)], &[2]),
        (&[], &[]),
    ];
    for (servers, expected) in cases {
        assert_eq!(turns(Scheduler::Wrr, servers), expected, "{servers:?}");
    }
}

#[test]
fn rr_gives_everyone_with_weight_one_turn() {
    assert_eq!(turns(Scheduler::Rr, &[(7, 9), (8, 0), (9, 1)]), [7, 9]);
}

#[test]
fn a_round_that_is_too_long_is_scaled_down_and_nobody_loses_the_last_turn() {
    let turns = turns(
        Scheduler::Wrr,
        &[(1, 2_000_000_000), (2, 1_000_000_001), (3, 1)],
    );
    let share = |slot| turns.iter().filter(|turn| **turn == slot).count();
    assert!(turns.len() <= MAX_TURNS);
    assert_eq!(share(3), 1);
    assert!(share(1).abs_diff(2 * share(2)) <= 2);
}

proptest! {
    #[test]
    fn a_round_meets_the_weights_exactly(weights in prop::collection::vec(0_u32..60, 0..40)) {
        let servers: Vec<_> = (1..).zip(weights.iter().copied()).collect();
        let turns = turns(Scheduler::Wrr, &servers);
        let divisor = weights.iter().fold(0, |divisor, weight| gcd(divisor, *weight)).max(1);
        for (slot, weight) in servers {
            let share = turns.iter().filter(|turn| **turn == slot).count();
            prop_assert_eq!(share, (weight / divisor) as usize);
        }
    }
}
