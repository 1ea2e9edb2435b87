use super::*;
use crate::health::schedule::{Action, Settings};
use crate::health::spec::{Kind, Server};
use crate::health::testing::{checker, real_server, virtual_server};
use crate::runtime::clock;

/// A twentieth of ten seconds.
const BOUND: Duration = Duration::from_millis(500);

fn schedule(now: Instant) -> Schedule {
    let server = Server {
        checks: vec![checker(Kind::Tcp, 1)],
        ..real_server(2, 1)
    };
    let settings = Settings {
        limit: 9,
        seed: 0,
        share: true,
    };
    Schedule::new(&[virtual_server(vec![server], None)], settings, now)
}

/// Lets the next probe start, and gives its time.
fn start(schedule: &mut Schedule) -> (CheckerId, Instant) {
    let due = schedule.poll_timeout().unwrap();
    schedule.handle_timeout(due);
    loop {
        match schedule.poll_action().unwrap() {
            Action::Probe { id, .. } => return (id, due),
            Action::Log(_) | Action::Changed(_) => {}
        }
    }
}

/// A probe that begins so much later than it is asked for, and is heard of so much later than it ends.
fn probe(schedule: &mut Schedule, starting: Duration, handling: Duration) -> Punctuality {
    let (id, asked) = start(schedule);
    let began = asked + starting;
    let ended = began + Duration::from_secs(2);
    let when = When { began, ended };
    schedule.handle_end(id, ProbeResult::Success, when, ended + handling);
    schedule.punctuality()
}

fn counted(seen: Punctuality) -> (u64, u64, Duration) {
    (seen.probes, seen.late, seen.worst)
}

#[test]
fn a_probe_takes_the_time_that_it_takes_and_is_not_late_for_it() {
    let mut schedule = schedule(clock::now());
    for probes in 1..4 {
        let seen = probe(&mut schedule, Duration::ZERO, Duration::ZERO);
        assert_eq!(counted(seen), (probes, 0, Duration::ZERO));
    }
}

#[test]
fn a_task_that_begins_late_is_seen() {
    let mut schedule = schedule(clock::now());
    let just = probe(&mut schedule, BOUND, Duration::ZERO);
    assert_eq!(counted(just), (1, 0, BOUND));
    let late = probe(&mut schedule, BOUND * 2, Duration::ZERO);
    assert_eq!(counted(late), (2, 1, BOUND * 2));
}

/// The time of the next probe counts from when the end is heard of, so only this can tell.
#[test]
fn a_result_that_is_handled_late_makes_the_next_probe_late() {
    let mut schedule = schedule(clock::now());
    let first = probe(&mut schedule, Duration::ZERO, BOUND * 3);
    assert_eq!(counted(first), (1, 0, Duration::ZERO));
    let next = probe(&mut schedule, Duration::ZERO, Duration::ZERO);
    assert_eq!(counted(next), (2, 1, BOUND * 3));
    let after = probe(&mut schedule, Duration::ZERO, Duration::ZERO);
    assert_eq!(counted(after), (3, 1, BOUND * 3), "once");
}

#[test]
fn a_check_that_is_asked_for_by_hand_is_not_late_for_what_was_handled_late() {
    let mut schedule = schedule(clock::now());
    probe(&mut schedule, Duration::ZERO, BOUND * 3);
    let due = schedule.poll_timeout().unwrap();
    let now = due.checked_sub(Duration::from_secs(1)).unwrap();
    assert_eq!(schedule.check_now(None, None, now), 1);
    let seen = probe(&mut schedule, Duration::ZERO, Duration::ZERO);
    assert_eq!(counted(seen), (2, 0, Duration::ZERO));
}
