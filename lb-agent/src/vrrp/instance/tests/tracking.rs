//! (state, [`Input::Tracked`]) → priority, fault, state.

use super::*;
use crate::vrrp::settings::{Kind, Tracked};

fn tracking(weights: &[(i16, bool)]) -> VirtualRouter {
    let mut router = VirtualRouter::from(&config());
    let tracked = weights.iter().enumerate();
    router.tracked = tracked
        .map(|(place, (weight, reverse))| Tracked {
            kind: Kind::Script,
            name: format!("check_{place}"),
            weight: *weight,
            reverse: *reverse,
        })
        .collect();
    router
}

const fn is(place: usize, status: Status) -> Input {
    Input::Tracked { place, status }
}

const fn priority(from: u8, to: u8) -> [Action; 2] {
    [
        Action::Log(LogLine::PriorityChanged { from, to }),
        Action::Priority { from, to },
    ]
}

#[test]
fn a_weight_moves_the_priority_in_every_state() {
    for state in [State::Init, State::Backup, State::Master, State::Fault] {
        let mut bench = Bench::of_in(&tracking(&[(-30, false)]), state);
        let down = bench.at(0.0, is(0, Status::Down));
        assert_eq!(down, priority(100, 70), "{state:?}");
        assert_eq!(bench.machine.effective_priority(), 70);
        assert_eq!(bench.machine.state(), state);
        assert_eq!(bench.at(0.0, is(0, Status::Up)), priority(70, 100));
        assert_eq!(bench.at(0.0, is(0, Status::Up)), []);
        assert_eq!(bench.at(0.0, is(7, Status::Down)), [], "no such place");
    }
}

#[test]
fn a_masters_next_advert_has_the_new_priority() {
    let mut bench = Bench::of_in(&tracking(&[(-30, false)]), State::Master);
    bench.at(0.5, is(0, Status::Down));
    let sent = bench.at(1.0, Input::Timeout);
    assert_eq!(sent[0], Action::SendAdvert { priority: 70 });
}

#[test]
fn a_backups_down_timer_moves_with_its_skew() {
    let mut bench = Bench::of_in(&tracking(&[(100, false)]), State::Backup);
    bench.at(1.0, is(0, Status::Up));
    bench.expect_deadline(3.0 + 56.0 / 256.0);
    // A timer that would have run out already runs out now.
    bench.at(3.5, is(0, Status::Down));
    bench.expect_deadline(3.609_375);
    bench.at(3.6, is(0, Status::Up));
    bench.expect_deadline(3.6);
}

#[test]
fn the_sum_stays_between_release_and_ownership() {
    let mut bench = Bench::of_in(&tracking(&[(254, false), (-254, false)]), State::Backup);
    bench.at(0.0, is(0, Status::Up));
    assert_eq!(bench.machine.effective_priority(), 254);
    bench.at(0.0, is(0, Status::Down));
    bench.at(0.0, is(1, Status::Down));
    assert_eq!(bench.machine.effective_priority(), 1);
    bench.at(0.0, is(1, Status::Value(i32::MIN)));
    assert_eq!(bench.machine.effective_priority(), 254);
}

#[test]
fn an_owner_stays_an_owner() {
    let mut router = tracking(&[(-100, false)]);
    router.priority = 255;
    let mut bench = Bench::of_in(&router, State::Backup);
    assert_eq!(bench.at(0.0, is(0, Status::Down)), []);
    assert_eq!(bench.machine.effective_priority(), 255);
}

#[test]
fn a_weight_of_zero_is_a_fault_while_it_is_down() {
    let mut bench = Bench::of(&tracking(&[(0, false)]));
    bench.at(0.0, is(0, Status::Up));
    bench.at(0.0, Input::Start);
    bench.at(0.0, Input::Timeout);
    assert_eq!(bench.machine.state(), State::Master);
    let falls = bench.at(0.5, is(0, Status::Down));
    assert_eq!(falls[0], Action::SendAdvert { priority: 0 });
    assert_eq!(bench.machine.state(), State::Fault);
    let faults: Vec<_> = bench.machine.faults().iter().copied().collect();
    assert_eq!(faults, [Fault::Tracked(0)]);
    bench.at(1.0, is(0, Status::Up));
    assert_eq!(bench.machine.state(), State::Backup);
    bench.expect_deadline(4.609_375);
}

#[test]
fn an_instance_waits_for_the_first_look_at_what_may_forbid_it() {
    let mut bench = Bench::of(&tracking(&[(0, false), (0, true), (20, false)]));
    let begins = bench.at(0.0, Input::Start);
    assert!(begins.contains(&Action::RemoveResidual) && begins.contains(&Action::DisarmGate));
    assert_eq!(bench.machine.state(), State::Init);
    bench.at(1.0, is(0, Status::Up));
    assert_eq!(bench.machine.state(), State::Init);
    bench.at(2.0, is(1, Status::Down));
    assert_eq!(bench.machine.state(), State::Backup);
    bench.expect_deadline(5.609_375);

    let mut bench = Bench::of(&tracking(&[(0, false)]));
    bench.at(0.0, Input::Start);
    bench.at(1.0, is(0, Status::Down));
    assert_eq!(bench.machine.state(), State::Fault);

    let mut bench = Bench::of(&tracking(&[(0, false)]));
    bench.at(0.0, Input::Start);
    bench.at(0.5, Input::Shutdown);
    bench.at(1.0, is(0, Status::Up));
    assert_eq!(
        bench.machine.state(),
        State::Init,
        "stopped before it began"
    );
}
