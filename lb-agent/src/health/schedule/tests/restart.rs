//! What the next agent knows of the checks of the one before it.

use super::*;
use crate::health::pool::{PoolRecord, ServerRecord};
use crate::health::snapshot::{Checkers, Snapshot, VERSION};

#[test]
fn what_was_known_is_known_after_a_restart_and_told_again() {
    let now = clock::now();
    let mut before = Schedule::new(&[service_at(1)], shared(9), now);
    before.handle_timeout(now + LOOP);
    before.handle_result(CheckerId(0), refused(), now + LOOP);
    let checkers = before.record(now + LOOP).named();
    // Another virtual server asks the same question; a third asks another.
    let mut third = service_at(3);
    third.servers[0].checks[0].question.kind = Kind::Ping;
    let services = [service_at(2), third];
    let mut after = Schedule::new(&services, shared(9), now);
    after.restore(&snapshot(checkers, Vec::new()), now);
    let told = events(&mut after);
    let [two, _] = services.map(|service| service.key.address());
    assert_eq!(told, [(two, Change::Down)]);
}

pub(super) fn snapshot(checkers: Checkers, pools: Vec<PoolRecord>) -> Snapshot {
    Snapshot {
        version: VERSION,
        checkers,
        pools,
    }
}

/// What the pool of [`VIP`] held of its only server.
pub(super) fn pool(up: bool, more_weight: i64) -> PoolRecord {
    PoolRecord {
        virtual_server: VIP.to_string(),
        has_quorum: up,
        quorum_told: true,
        servers: vec![ServerRecord {
            real_server: "[10.0.0.2]:tcp:80".to_owned(),
            up,
            more_weight,
            hand: None,
            told: true,
            slow_start: None,
        }],
    }
}

/// One that was up stays so while its session begins, whether its checker is known or only its pool.
#[test]
fn after_a_restart_a_server_is_what_it_was_while_its_bfd_session_begins() {
    let now = clock::now();
    let service = told_by_bfd(false);
    let mut before = Schedule::new(&service, shared(9), now);
    before.handle_bfd("peer", Session::Up, now);
    for checkers in [before.record(now).named(), Checkers::new()] {
        let mut schedule = Schedule::new(&service, shared(9), now);
        schedule.restore(&snapshot(checkers, vec![pool(true, 0)]), now);
        schedule.handle_bfd("peer", Session::Beginning, now);
        assert_eq!(events(&mut schedule), []);
        schedule.handle_bfd("peer", Session::Down, now);
        assert_eq!(events(&mut schedule), [(VIP.address(), Change::Down)]);
    }
}

#[test]
fn after_a_restart_a_server_is_what_its_pool_was_until_its_checks_say_otherwise() {
    let now = clock::now();
    for (up, alpha) in [(true, false), (true, true), (false, false), (false, true)] {
        for (outcome, then) in [(ProbeResult::Success, true), (refused(), false)] {
            let check = Check {
                alpha,
                ..checker(Kind::Tcp, 1)
            };
            let server = Server {
                checks: vec![check],
                ..real_server(2, 1)
            };
            let mut schedule = Schedule::new(&services(vec![server]), shared(9), now);
            drain(&mut schedule);
            // Nothing is known of its check, which is another one.
            schedule.restore(&snapshot(Checkers::new(), vec![pool(up, 0)]), now);
            assert_eq!(events(&mut schedule), [], "up {up} alpha {alpha}");
            schedule.handle_timeout(now + LOOP);
            drain(&mut schedule);
            schedule.handle_result(CheckerId(0), outcome, now + LOOP);
            let told: Vec<Change> = events(&mut schedule).into_iter().map(|it| it.1).collect();
            let expected = match (up, then) {
                (true, true) => vec![],
                (false, true) => vec![Change::Up],
                // Also said again: it may not have been heard.
                (true | false, false) => vec![Change::Down],
            };
            assert_eq!(told, expected, "up {up} alpha {alpha} then {then}");
        }
    }
}

#[test]
fn a_weight_that_the_pool_still_has_after_a_restart_goes_with_the_check_that_made_it() {
    let now = clock::now();
    let server = Server {
        checks: vec![checker(Kind::Tcp, 1)],
        ..real_server(2, 10)
    };
    let mut schedule = Schedule::new(&services(vec![server]), shared(9), now);
    schedule.restore(&snapshot(Checkers::new(), vec![pool(true, -7)]), now);
    assert_eq!(events(&mut schedule), [(VIP.address(), Change::Weight(10))]);
}

#[test]
fn each_of_several_that_ask_the_same_has_its_own_memory() {
    let now = clock::now();
    let mut service = service_at(1);
    service.servers.push(Server {
        checks: vec![checker(Kind::Tcp, 1)],
        ..real_server(3, 1)
    });
    let services = [service];
    let mut before = Schedule::new(&services, alone(9, 0), now);
    before.handle_timeout(now + LOOP);
    before.handle_result(CheckerId(0), ProbeResult::Success, now + LOOP);
    before.handle_result(CheckerId(1), refused(), now + LOOP);
    let known = snapshot(before.record(now + LOOP).named(), Vec::new());
    let mut after = Schedule::new(&services, alone(9, 0), now);
    after.restore(&known, now);
    let states: Vec<State> = after.status(now).iter().map(|it| it.state).collect();
    assert_eq!(states, [State::Up, State::Down]);
}

#[test]
fn what_is_too_old_to_say_anything_is_still_counted() {
    let now = clock::now();
    let mut before = Schedule::new(&[service_at(1)], shared(9), now);
    for _ in 0..3 {
        before.handle_result(CheckerId(0), refused(), now);
    }
    let known = snapshot(before.record(now).named(), vec![pool(false, 0)]);
    let counted = before.status(now)[0].counters;
    assert_eq!((counted.probes, counted.failures), (3, 3));

    let mut after = Schedule::new(&[service_at(1)], shared(9), now);
    after.restore_counters(&known);
    let statuses = after.status(now);
    let status = &statuses[0];
    assert_eq!(status.counters, counted);
    assert_eq!((status.state, status.up), (State::Unproven, true));
    assert_eq!((&status.last, status.since), (&None, None));
    assert_eq!(events(&mut after), [], "nothing is known of the server");
    after.handle_timeout(now + LOOP);
    after.handle_result(CheckerId(0), ProbeResult::Success, now + LOOP);
    assert_eq!(after.status(now + LOOP)[0].counters.probes, 4);
}
