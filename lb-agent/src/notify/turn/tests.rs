#![expect(
    clippy::disallowed_methods,
    reason = "a moment to count from; nothing waits for it"
)]

use proptest::prelude::*;

use super::*;

#[test]
fn one_runs_at_a_time_in_order() {
    let now = Instant::now();
    let mut turn = Turn::default();
    assert!(turn.push(["a", "b"]) && turn.push(["c"]) && turn.push([]));
    assert_eq!(turn.start(now), Some("a"));
    assert_eq!(turn.start(now), None);
    turn.ended();
    assert_eq!(turn.start(now), Some("b"));
    turn.ended();
    assert_eq!(turn.start(now), Some("c"));
    assert!(!turn.is_idle());
    turn.ended();
    assert_eq!(turn.start(now), None);
    assert!(turn.is_idle());
}

#[test]
fn a_script_that_never_ends_keeps_the_next_only_so_long() {
    let now = Instant::now();
    let mut turn = Turn::default();
    turn.push(["a"]);
    assert_eq!(turn.start(now), Some("a"));
    // Nobody waits: it may take as long as it likes.
    assert_eq!(turn.poll_timeout(), None);
    assert!(!turn.give_up(now + PATIENCE * 9));
    turn.push(["b"]);
    assert_eq!(turn.poll_timeout(), Some(now + PATIENCE));
    assert!(!turn.give_up(now));
    assert!(turn.give_up(now + PATIENCE));
    assert_eq!(turn.start(now + PATIENCE), Some("b"));
}

proptest! {
    /// Whatever happens in between: the last event is told, completely and last.
    #[test]
    fn the_last_state_is_always_told(steps in prop::collection::vec(any::<bool>(), 1..2000)) {
        let now = Instant::now();
        let mut turn = Turn::default();
        let mut last = 0;
        let mut told = Vec::new();
        for (number, push) in steps.into_iter().enumerate() {
            if push {
                last = number;
                turn.push([(number, 0), (number, 1)]);
            } else {
                turn.ended();
                told.extend(turn.start(now));
            }
        }
        let room = turn.dropped() == 0;
        while !turn.is_idle() {
            turn.ended();
            told.extend(turn.start(now));
        }
        prop_assert!(told.is_sorted());
        prop_assert!(told.is_empty() || told.ends_with(&[(last, 0), (last, 1)]));
        prop_assert!(!room || told.len() % 2 == 0);
    }
}
