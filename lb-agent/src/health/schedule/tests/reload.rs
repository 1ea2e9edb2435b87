//! Other checkers while some run.

use super::*;

fn one(retry: u32) -> Vec<Service> {
    services(vec![Server {
        checks: vec![checker(Kind::Tcp, retry)],
        ..real_server(2, 1)
    }])
}

fn settings() -> Settings {
    Settings {
        share: true,
        ..alone(9, 0)
    }
}

/// Down, and waiting for its next probe.
fn down(services: &[Service]) -> (Schedule, Instant) {
    let mut now = clock::now();
    let mut schedule = Schedule::new(services, settings(), now);
    now += LOOP;
    schedule.handle_timeout(now);
    let (id, _) = drain(&mut schedule).probes[0];
    let seen = result(&mut schedule, id, refused(), now);
    assert_eq!(seen.events.len(), 1);
    (schedule, now)
}

#[test]
fn an_equal_checker_goes_on_in_its_rhythm_and_tells_nothing() {
    let (mut schedule, now) = down(&one(1));
    let (due, before) = (schedule.poll_timeout(), schedule.status(now));
    let _moves = schedule.reload(&one(1), settings(), now);
    assert_eq!(schedule.status(now), before);
    schedule.handle_timeout(now);
    assert_eq!(schedule.poll_timeout(), due);
    let seen = drain(&mut schedule);
    assert!(seen.events.is_empty() && seen.lines.is_empty());
}

#[test]
fn a_probe_under_way_ends_where_its_checker_is_now() {
    let mut now = clock::now();
    let mut schedule = Schedule::new(&one(0), settings(), now);
    now += LOOP;
    schedule.handle_timeout(now);
    let (id, _) = drain(&mut schedule).probes[0];
    let mut more = one(0);
    let other = Server {
        checks: vec![checker(http(&["/"]), 1)],
        ..real_server(1, 1)
    };
    more[0].servers.insert(0, other);
    let moves = schedule.reload(&more, settings(), now);
    let moved = moves.of(id).unwrap();
    assert_ne!(moved, id);
    let seen = result(&mut schedule, moved, refused(), now);
    assert_eq!(seen.events.len(), 1);
}

#[test]
fn the_same_question_in_another_rhythm_keeps_its_verdict_and_counters() {
    let (mut schedule, now) = down(&one(1));
    let _moves = schedule.reload(&one(3), settings(), now);
    let status = schedule.status(now);
    assert_eq!(
        (status[0].state, status[0].counters.failures),
        (State::Down, 1)
    );
    assert!(drain(&mut schedule).events.is_empty());
}

#[test]
fn a_server_that_was_down_stays_down_until_another_question_is_answered() {
    let (mut schedule, now) = down(&one(1));
    let other = services(vec![Server {
        checks: vec![checker(http(&["/"]), 1)],
        ..real_server(2, 1)
    }]);
    let _moves = schedule.reload(&other, settings(), now);
    assert!(drain(&mut schedule).events.is_empty());
    let later = now + LOOP;
    schedule.handle_timeout(later);
    let (id, _) = drain(&mut schedule).probes[0];
    let seen = result(&mut schedule, id, ProbeResult::Success, later);
    assert!(seen.events[0].0, "{:?}", seen.events);
}

#[test]
fn who_is_not_checked_any_more_is_up() {
    let (mut schedule, now) = down(&one(1));
    let _moves = schedule.reload(&services(vec![real_server(2, 1)]), settings(), now);
    assert!(drain(&mut schedule).events[0].0);
}

#[test]
fn a_checker_that_is_gone_leaves_its_place_to_others() {
    let mut now = clock::now();
    let mut schedule = Schedule::new(&one(0), alone(1, 0), now);
    now += LOOP;
    schedule.handle_timeout(now);
    let (id, _) = drain(&mut schedule).probes[0];
    let other = services(vec![Server {
        checks: vec![checker(http(&["/"]), 1)],
        ..real_server(2, 1)
    }]);
    let moves = schedule.reload(&other, alone(1, 0), now);
    assert_eq!(moves.of(id), None);
    now += LOOP;
    schedule.handle_timeout(now);
    assert!(drain(&mut schedule).probes.is_empty(), "one at a time");
    schedule.handle_orphan();
    schedule.handle_timeout(now);
    assert_eq!(drain(&mut schedule).probes.len(), 1);
}

#[test]
fn equal_checkers_that_are_not_shared_keep_their_own_verdicts() {
    let server = |number| Server {
        checks: vec![checker(Kind::Tcp, 1)],
        ..real_server(number, 1)
    };
    let (first, second) = (server(2), server(3));
    let both = services(vec![first.clone(), second.clone()]);
    let mut now = clock::now();
    let mut schedule = Schedule::new(&both, alone(9, 0), now);
    now += LOOP;
    schedule.handle_timeout(now);
    let status = |schedule: &Schedule| -> Vec<State> {
        schedule.status(now).iter().map(|it| it.state).collect()
    };
    while let Some(action) = schedule.poll_action() {
        if let Action::Probe { id, .. } = action {
            let success = id == CheckerId(0);
            let outcome = if success {
                ProbeResult::Success
            } else {
                refused()
            };
            schedule.handle_result(id, outcome, now);
        }
    }
    assert_eq!(status(&schedule), [State::Up, State::Down]);
    let _moves = schedule.reload(&services(vec![second, first]), alone(9, 0), now);
    assert_eq!(status(&schedule), [State::Down, State::Up]);
}
