//! A pool through every kind of event, with everything that may stand in its rules: who is in it, what
//! is told, and how the quorum stands, after each.

use super::*;
use crate::health::spec::Service;

/// What happens to it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Up(u8),
    Down(u8),
    /// The checkers want this weight.
    Weight(u8, u32),
    /// An operator's.
    Hand(u8, Option<Hand>),
    /// A checker changed its mind, and its server did not.
    Checker(u8),
}

use Step::{Checker, Down, Hand as ByHand, Up, Weight};

/// Servers 2 and 3 of weight 1, 4 of weight 2; 3 has `inhibit_on_failure`. Quorum 2, hysteresis 1: gained
/// with 3, lost with 0. 9 says sorry.
fn service(sorry: Option<u8>, sorry_server_inhibit: bool) -> Service {
    let servers = vec![real_server(2, 1), inhibited(3, 1), real_server(4, 2)];
    let mut service = virtual_server(servers, sorry);
    service.rules.quorum = 2;
    service.rules.hysteresis = 1;
    service.rules.sorry_server_inhibit = sorry_server_inhibit;
    service
}

fn take(pool: &mut Pool, step: Step) -> PoolChange {
    let now = clock::now();
    let mut tell = |host, change| pool.handle_event(&event(server_key(host), change, now));
    match step {
        Up(host) => tell(host, Change::Up),
        Down(host) => tell(host, Change::Down),
        Weight(host, weight) => tell(host, Change::Weight(weight)),
        Checker(host) => {
            let change = Change::Checker {
                up: false,
                sentence: String::new(),
                server_too: false,
            };
            tell(host, change)
        }
        ByHand(host, hand) => pool.set_by_hand(&server_key(host), hand),
    }
}

/// (step, members as (host, weight), told as (host or the quorum, up), whether it has its quorum)
type Row = (
    Step,
    &'static [(u8, u32)],
    &'static [(Option<u8>, bool)],
    bool,
);

const ALL: &[(u8, u32)] = &[(2, 1), (3, 1), (4, 2)];

/// What members become while the quorum is lost depends on the sorry server; 9 stands for it, and
/// everything else is the same with and without.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    (Up(2), ALL, &[], true),
    (Weight(2, 1), ALL, &[], true),
    (Checker(2), ALL, &[], true),
    (Down(7), ALL, &[], true),
    (Down(4), &[(2, 1), (3, 1)], &[(Some(4), false)], true),
    (Down(4), &[(2, 1), (3, 1)], &[], true),
    (Weight(4, 5), &[(2, 1), (3, 1)], &[], true),
    (Weight(4, 2), &[(2, 1), (3, 1)], &[], true),
    (Down(3), &[(2, 1), (3, 0)], &[(Some(3), false)], true),
    // Not within the hysteresis any more.
    (Down(2), &[(3, 0), (9, 1)], &[(Some(2), false), (None, false)], false),
    (Checker(2), &[(3, 0), (9, 1)], &[], false),
    (ByHand(2, Some(Hand::Weight(4))), &[(3, 0), (9, 1)], &[], false),
    (ByHand(2, None), &[(3, 0), (9, 1)], &[], false),
    (Up(2), &[(3, 0), (9, 1)], &[(Some(2), true)], false),
    (Up(3), &[(3, 0), (9, 1)], &[(Some(3), true)], false),
    // A weight alone can gain it, and lose it.
    (Weight(3, 2), &[(2, 1), (3, 2)], &[(None, true)], true),
    (Weight(2, 0), &[(2, 0), (3, 2)], &[], true),
    (Weight(3, 0), &[(3, 0), (9, 1)], &[(None, false)], false),
    (Weight(3, 1), &[(3, 0), (9, 1)], &[], false),
    (Weight(2, 1), &[(3, 0), (9, 1)], &[], false),
    (Up(4), ALL, &[(Some(4), true), (None, true)], true),
    // So can an operator.
    (ByHand(4, Some(Hand::Drain)), &[(2, 1), (3, 1), (4, 0)], &[], true),
    (ByHand(3, Some(Hand::Drain)), &[(2, 1), (3, 0), (4, 0)], &[], true),
    (Down(2), &[(3, 0), (4, 0), (9, 1)], &[(Some(2), false), (None, false)], false),
    (ByHand(4, Some(Hand::Weight(3))), &[(3, 0), (4, 3)], &[(None, true)], true),
    (Down(4), &[(3, 0), (9, 1)], &[(Some(4), false), (None, false)], false),
    (ByHand(4, None), &[(3, 0), (9, 1)], &[], false),
    (ByHand(3, None), &[(3, 0), (9, 1)], &[], false),
    (Up(2), &[(3, 0), (9, 1)], &[(Some(2), true)], false),
    (Up(4), ALL, &[(Some(4), true), (None, true)], true),
];

#[test]
fn every_step_comes_to_what_the_table_says() {
    let (mut pool, start) = Pool::new(service(Some(9), false));
    assert_eq!(notices(&start), [(None, true)]);
    for (place, (step, wanted, told, quorum)) in TABLE.iter().enumerate() {
        let before = pool.members().to_vec();
        let change = take(&mut pool, *step);
        let case = format!("row {place}: {step:?}");
        let found: Vec<(u8, u32)> = members(&pool).iter().map(|it| (it.0, it.1)).collect();
        assert_eq!(found, *wanted, "{case}");
        assert_eq!(notices(&change), *told, "{case}");
        assert_eq!(pool.record(clock::now()).has_quorum, *quorum, "{case}");
        assert_eq!(change.members_changed, before != pool.members(), "{case}");
    }
}

/// With `sorry_server_inhibit` it stays with weight 0 while the quorum is there; without a sorry server
/// the servers that are up go on.
#[test]
fn without_its_quorum_a_pool_has_its_sorry_server_or_what_is_left() {
    let (mut inhibiting, _) = Pool::new(service(Some(9), true));
    let (mut without, _) = Pool::new(service(None, false));
    for (place, (step, wanted, told, quorum)) in TABLE.iter().enumerate() {
        let case = format!("row {place}: {step:?}");
        let change = take(&mut inhibiting, *step);
        let found = members(&inhibiting);
        let mut expected: Vec<_> = wanted.iter().map(|it| (it.0, it.1, it.0 == 9)).collect();
        if *quorum {
            expected.push((9, 0, true));
        }
        assert_eq!(found, expected, "{case}");
        assert_eq!(notices(&change), *told, "{case}");

        let change = take(&mut without, *step);
        assert_eq!(notices(&change), *told, "{case}");
        let found: Vec<(u8, u32)> = members(&without).iter().map(|it| (it.0, it.1)).collect();
        let servers = without
            .servers
            .iter()
            .filter(|it| it.up || it.inhibit_on_failure);
        let left: Vec<u32> = servers
            .map(|it| u32::from(it.up) * it.target_weight())
            .collect();
        let weights: Vec<u32> = found.iter().map(|it| it.1).collect();
        assert_eq!(weights, left, "{case}");
        if *quorum {
            assert_eq!(found, *wanted, "{case}");
        }
    }
}

#[test]
fn from_any_row_a_reload_and_a_restart_change_nothing() {
    let spec = || service(Some(9), false);
    let (mut pool, _) = Pool::new(spec());
    for (place, (step, wanted, _, quorum)) in TABLE.iter().enumerate() {
        drop(take(&mut pool, *step));
        let case = format!("row {place}: {step:?}");
        let record = pool.record(clock::now());
        let (again, _) = Pool::begin(spec(), Past::All(&record, clock::now()));
        assert_eq!(members(&again), members(&pool), "{case}");
        assert_eq!(again.record(clock::now()).has_quorum, *quorum, "{case}");
        let (reloaded, change) = pool.reload(spec());
        assert!(notices(&change).is_empty(), "{case}");
        assert!(!change.members_changed, "{case}");
        pool = reloaded;
        let found: Vec<(u8, u32)> = members(&pool).iter().map(|it| (it.0, it.1)).collect();
        assert_eq!(found, *wanted, "{case}");
    }
}
