//! Other checkers while some run.

use super::restart::{pool, snapshot};
use super::*;
use crate::health::pool::{Pool, ServerRecord};

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

/// With `xdp_share_checks off`: the new one stands further up in the file.
#[test]
fn a_new_server_does_not_take_over_the_check_of_another_one() {
    let server = |number| Server {
        checks: vec![tcp()],
        ..real_server(number, 1)
    };
    let (old, new) = (server(2), server(3));
    let now = clock::now();
    let mut schedule = Schedule::new(&services(vec![old.clone()]), alone(9, 0), now);
    schedule.handle_timeout(now);
    let (under_way, _) = drain(&mut schedule).probes[0];
    let moves = schedule.reload(&services(vec![new, old]), alone(9, 0), now);
    assert_eq!(moves.of(under_way), Some(CheckerId(1)));
}

/// [`VIP`] with servers 2, 3, … that have these checkers.
fn with(checks: Vec<Vec<Check>>) -> Vec<Service> {
    let servers = (2..).zip(checks).map(|(host, checks)| Server {
        checks,
        ..real_server(host, 1)
    });
    services(servers.collect())
}

fn alpha(check: Check) -> Check {
    Check {
        alpha: true,
        ..check
    }
}

fn tcp() -> Check {
    checker(Kind::Tcp, 0)
}

fn web() -> Check {
    checker(http(&["/"]), 0)
}

fn told(schedule: &mut Schedule) -> Vec<(RealServerKey, Change)> {
    std::iter::from_fn(|| schedule.poll_action())
        .filter_map(|action| match action {
            Action::Changed(event) => Some((event.real_server, event.change)),
            Action::Probe { .. } | Action::Log(_) => None,
        })
        .filter(|(_, change)| !matches!(change, Change::Checker { .. }))
        .collect()
}

/// Each checker has ended like this, in the order of the file.
fn checked(services: &[Service], outcomes: &[ProbeResult]) -> (Schedule, Instant) {
    let now = clock::now();
    let mut schedule = Schedule::new(services, settings(), now);
    schedule.handle_timeout(now + LOOP);
    for (id, outcome) in outcomes.iter().enumerate() {
        schedule.handle_result(CheckerId(id), outcome.clone(), now + LOOP);
    }
    told(&mut schedule);
    (schedule, now + LOOP)
}

/// What a reload tells by itself, when nothing is answered: checkers before with their results, and
/// after.
#[test]
fn a_reload_tells_what_its_checkers_say_already_and_keeps_what_they_do_not() {
    let (good, bad) = (ProbeResult::Success, refused());
    let (second, third) = (server_key(2), server_key(3));
    let rows = [
        // A new server with the check of another one, which is down, or up with `alpha`.
        (
            vec![vec![tcp()]],
            vec![bad.clone()],
            vec![vec![tcp()], vec![tcp()]],
            vec![(third, Change::Down)],
        ),
        (
            vec![vec![alpha(tcp())]],
            vec![good.clone()],
            vec![vec![alpha(tcp())], vec![alpha(tcp())]],
            vec![(third, Change::Up)],
        ),
        // The checker that fails is taken away.
        (
            vec![vec![tcp(), web()]],
            vec![good.clone(), bad.clone()],
            vec![vec![tcp()]],
            vec![(second, Change::Up)],
        ),
        // Its check becomes that of another server.
        (
            vec![vec![tcp()], vec![web()]],
            vec![good.clone(), bad.clone()],
            vec![vec![web()], vec![web()]],
            vec![(second, Change::Down)],
        ),
        (
            vec![vec![tcp()], vec![web()]],
            vec![bad.clone(), good.clone()],
            vec![vec![web()], vec![web()]],
            vec![(second, Change::Up)],
        ),
        // One more that has not been asked: up stays up, with `alpha` as well, and down stays down.
        (
            vec![vec![tcp()]],
            vec![good.clone()],
            vec![vec![tcp(), alpha(web())]],
            vec![],
        ),
        (
            vec![vec![tcp(), web()]],
            vec![good, bad],
            vec![vec![tcp(), checker(Kind::Ping, 0)]],
            vec![],
        ),
    ];
    for (row, (before, outcomes, after, expected)) in rows.into_iter().enumerate() {
        let (mut schedule, now) = checked(&with(before), &outcomes);
        let _moves = schedule.reload(&with(after), settings(), now);
        assert_eq!(told(&mut schedule), expected, "row {row}");
    }
}

/// Two checkers, both with another time-out than before: neither answer alone changes anything, unless
/// it is a failure.
#[test]
fn a_server_waits_for_all_its_answers_after_a_harmless_reload() {
    let later = |mut check: Check| {
        check.question.target.connect_timeout += Duration::from_secs(1);
        check
    };
    let down = vec![(server_key(2), Change::Down)];
    let up = vec![(server_key(2), Change::Up)];
    for is_alpha in [false, true] {
        let own = |check: Check| if is_alpha { alpha(check) } else { check };
        let before = with(vec![vec![own(tcp()), own(web())]]);
        let after = with(vec![vec![own(later(tcp())), own(later(web()))]]);
        let (good, bad) = (ProbeResult::Success, refused());
        for (was, first, second, told_first, told_second) in [
            (&good, &good, &good, vec![], vec![]),
            (&good, &good, &bad, vec![], down.clone()),
            (&good, &bad, &good, down.clone(), vec![]),
            (&bad, &good, &good, vec![], up.clone()),
            (&bad, &good, &bad, vec![], down.clone()),
        ] {
            let (mut schedule, now) = checked(&before, &[good.clone(), was.clone()]);
            let _moves = schedule.reload(&after, settings(), now);
            assert_eq!(told(&mut schedule), []);
            schedule.handle_timeout(now + LOOP);
            let case = format!("alpha {is_alpha}: {was:?}, then {first:?}, {second:?}");
            for (id, outcome, expected) in [(0, first, told_first), (1, second, told_second)] {
                schedule.handle_result(CheckerId(id), outcome.clone(), now + LOOP);
                assert_eq!(told(&mut schedule), expected, "{case}");
            }
        }
    }
}

/// A check that never answers (a script that is not there) does
/// not keep a server down after a reload that would not be down without.
#[test]
fn what_never_answers_says_nothing_after_a_reload_either() {
    let silent = || checker(Kind::Ping, 0);
    let checks = |silent: Vec<Check>| with(vec![[vec![tcp()], silent].concat()]);
    for before in [vec![silent()], vec![]] {
        for bad_first in [false, true] {
            let first = if bad_first {
                refused()
            } else {
                ProbeResult::Success
            };
            let (mut schedule, now) = checked(&checks(before.clone()), &[first]);
            for _ in 0..2 {
                let _moves = schedule.reload(&checks(vec![silent()]), settings(), now);
            }
            assert_eq!(told(&mut schedule), []);
            if !bad_first {
                schedule.handle_result(CheckerId(0), refused(), now);
                assert_eq!(told(&mut schedule), [(server_key(2), Change::Down)]);
            }
            schedule.handle_result(CheckerId(0), ProbeResult::Success, now);
            assert_eq!(told(&mut schedule), [(server_key(2), Change::Up)]);
        }
    }
}

/// One reload after the other, while nothing has answered.
#[test]
fn what_a_server_waits_for_is_not_forgotten_by_the_next_reload() {
    let (mut schedule, now) = checked(&with(vec![vec![tcp()]]), &[refused()]);
    for _ in 0..3 {
        let _moves = schedule.reload(&with(vec![vec![web()]]), settings(), now);
        assert_eq!(told(&mut schedule), []);
    }
    schedule.handle_result(CheckerId(0), ProbeResult::Success, now);
    assert_eq!(told(&mut schedule), [(server_key(2), Change::Up)]);
}

/// The agent is started anew before the new question is answered.
#[test]
fn what_a_server_waits_for_is_not_forgotten_by_a_restart() {
    for (is_alpha, up) in [(false, false), (false, true), (true, false), (true, true)] {
        let own = |check: Check| if is_alpha { alpha(check) } else { check };
        let (outcome, other, change) = if up {
            (ProbeResult::Success, refused(), Change::Down)
        } else {
            (refused(), ProbeResult::Success, Change::Up)
        };
        let (mut before, now) = checked(&with(vec![vec![own(tcp())]]), &[outcome]);
        let after = with(vec![vec![own(web())]]);
        let _moves = before.reload(&after, settings(), now);
        assert_eq!(told(&mut before), []);
        let known = snapshot(before.record(now).named(), vec![pool(up, 0)]);
        let mut next = Schedule::new(&after, settings(), now);
        next.restore(&known, now);
        assert_eq!(told(&mut next), [], "alpha {is_alpha} up {up}");
        next.handle_result(CheckerId(0), other, now);
        let expected = [(server_key(2), change)];
        assert_eq!(told(&mut next), expected, "alpha {is_alpha} up {up}");
    }
}

/// One checker without an answer holds a server down since a reload; another one, which is down for a
/// reason of its own, has it in addition.
#[test]
fn what_holds_one_server_down_holds_no_other_after_a_restart() {
    let ping = || checker(Kind::Ping, 0);
    let outcomes = [refused(), refused()];
    let (mut before, now) = checked(&with(vec![vec![tcp()], vec![ping()]]), &outcomes);
    let after = with(vec![vec![web()], vec![ping(), web()]]);
    let _moves = before.reload(&after, settings(), now);
    let mut pool = pool(false, 0);
    let other = ServerRecord {
        real_server: "[10.0.0.3]:tcp:80".to_owned(),
        ..pool.servers[0].clone()
    };
    pool.servers.push(other);
    let known = snapshot(before.record(now).named(), vec![pool]);
    let mut next = Schedule::new(&after, settings(), now);
    next.restore(&known, now);
    drop(told(&mut next));
    let [web, ping] = [0, 1].map(CheckerId);
    next.handle_result(ping, ProbeResult::Success, now);
    assert_eq!(told(&mut next), [(server_key(3), Change::Up)]);
    next.handle_result(web, ProbeResult::Success, now);
    assert_eq!(told(&mut next), [(server_key(2), Change::Up)]);
}

#[test]
fn what_never_answers_says_nothing_after_a_restart_either() {
    let service = with(vec![vec![tcp(), checker(Kind::Ping, 0)]]);
    let (before, now) = checked(&service, &[refused()]);
    let known = snapshot(before.record(now).named(), vec![pool(false, 0)]);
    let mut next = Schedule::new(&service, settings(), now);
    next.restore(&known, now);
    drop(told(&mut next));
    next.handle_result(CheckerId(0), ProbeResult::Success, now);
    assert_eq!(told(&mut next), [(server_key(2), Change::Up)]);
}

/// A `BFD_CHECK` gets another session, which begins, or does not.
#[test]
fn a_session_that_does_not_begin_ends_what_another_one_has_left() {
    let bfd = |name: &str| {
        let name = name.to_owned();
        checker(Kind::Bfd(BfdCheck { name }), 0)
    };
    for (is_alpha, before, then) in [
        (true, true, vec![(server_key(2), Change::Down)]),
        (true, false, vec![]),
        (false, true, vec![(server_key(2), Change::Down)]),
        // Said again, as of any check that is answered first after a reload: the pool knows it.
        (false, false, vec![(server_key(2), Change::Down)]),
    ] {
        let own = |check: Check| if is_alpha { alpha(check) } else { check };
        let now = clock::now();
        let mut schedule = Schedule::new(&with(vec![vec![own(bfd("old"))]]), settings(), now);
        schedule.handle_bfd("old", Session::Up, now);
        schedule.handle_bfd("old", if before { Session::Up } else { Session::Down }, now);
        drop(told(&mut schedule));
        let after = with(vec![vec![own(bfd("new"))]]);
        let _moves = schedule.reload(&after, settings(), now);
        assert_eq!(told(&mut schedule), [], "alpha {is_alpha} up {before}");
        for (session, expected) in [
            (Session::Beginning, vec![]),
            (Session::Down, then),
            (Session::Down, vec![]),
        ] {
            schedule.handle_bfd("new", session, now);
            let news = told(&mut schedule);
            assert_eq!(news, expected, "alpha {is_alpha} up {before}");
        }
    }
}

/// The session that a `BFD_CHECK` gets is down; it was VRRP's only until now.
#[test]
fn a_session_that_was_down_before_it_was_a_checkers_is_down() {
    let bfd = |name: &str| {
        let name = name.to_owned();
        with(vec![vec![checker(Kind::Bfd(BfdCheck { name }), 0)]])
    };
    for before in [true, false] {
        let now = clock::now();
        let mut schedule = Schedule::new(&bfd("old"), settings(), now);
        let last = if before { Session::Up } else { Session::Down };
        for (name, session) in [("old", Session::Up), ("old", last), ("new", Session::Down)] {
            schedule.handle_bfd(name, session, now);
        }
        drop(told(&mut schedule));
        let _moves = schedule.reload(&bfd("new"), settings(), now);
        schedule.handle_bfd("new", Session::Down, now);
        let news = told(&mut schedule);
        let is_down = !before || news.contains(&(server_key(2), Change::Down));
        assert!(is_down, "{news:?}");
        assert!(!news.contains(&(server_key(2), Change::Up)), "{news:?}");
        // And it recovers with its session.
        schedule.handle_bfd("new", Session::Up, now);
        assert_eq!(told(&mut schedule), [(server_key(2), Change::Up)]);
    }
}

/// What the pool makes of the same reload is the same number.
#[test]
fn a_weight_of_checkers_goes_on_from_what_the_pool_has_over_a_reload() {
    let weighing = |weight, checks| {
        services(vec![Server {
            checks,
            ..real_server(2, weight)
        }])
    };
    let says = ProbeResult::Weighs(Weight::Instead(3));
    for (weight, checks, expected) in [
        // The pool has 10 - 2, the checker still says 3.
        (10, vec![tcp()], Some(3)),
        // 5 - 2, and it says so: nothing to tell.
        (5, vec![tcp()], None),
        // The checker is gone, and what it took with it.
        (5, vec![web()], Some(5)),
        (9, vec![], Some(9)),
    ] {
        let before = weighing(5, vec![tcp()]);
        let (mut schedule, now) = checked(&before, std::slice::from_ref(&says));
        let (mut pool, _) = Pool::new(before[0].clone());
        let event = |weight| Event {
            virtual_server: VIP,
            real_server: server_key(2),
            change: Change::Weight(weight),
            reason: String::new(),
            at: now,
        };
        drop(pool.handle_event(&event(3)));
        let after = weighing(weight, checks);
        let (mut pool, _) = pool.reload(after[0].clone());
        let _moves = schedule.reload(&after, settings(), now);
        let news: Vec<Change> = told(&mut schedule).into_iter().map(|it| it.1).collect();
        assert_eq!(
            news,
            Vec::from_iter(expected.map(Change::Weight)),
            "{weight}"
        );
        for change in news {
            drop(pool.handle_event(&Event { change, ..event(0) }));
        }
        let wanted = expected.unwrap_or(3);
        assert_eq!(pool.members()[0].weight, wanted, "{weight}");
    }
}

#[test]
fn who_is_not_checked_any_more_is_up_when_its_address_comes() {
    let address = VIP.address().unwrap();
    let suspended = |mut services: Vec<Service>| {
        services[0].ha_suspend = [address].into();
        services
    };
    let now = clock::now();
    let mut schedule = Schedule::new(&suspended(one(0)), settings(), now);
    schedule.handle_address(address, true, now);
    schedule.handle_timeout(now + LOOP);
    schedule.handle_result(CheckerId(0), refused(), now + LOOP);
    assert_eq!(told(&mut schedule), [(server_key(2), Change::Down)]);
    schedule.handle_address(address, false, now);
    let unchecked = suspended(services(vec![real_server(2, 1)]));
    let _moves = schedule.reload(&unchecked, settings(), now);
    assert_eq!(told(&mut schedule), []);
    schedule.handle_address(address, true, now);
    assert_eq!(told(&mut schedule), [(server_key(2), Change::Up)]);
}

/// Two that ask the same in different rhythms; one of them gets another rhythm.
#[test]
fn a_new_rhythm_goes_on_from_its_own_memory() {
    let (quick, slow) = (checker(Kind::Tcp, 1), checker(Kind::Tcp, 7));
    let other = checker(Kind::Tcp, 9);
    let before = with(vec![vec![quick.clone()], vec![slow]]);
    for (after, expected) in [
        (
            with(vec![vec![quick], vec![other.clone()]]),
            [State::Up, State::Down],
        ),
        (with(vec![vec![other.clone()], vec![other]]), [State::Up; 2]),
    ] {
        let (mut schedule, now) = checked(&before, &[ProbeResult::Success, refused()]);
        let _moves = schedule.reload(&after, settings(), now);
        let states: Vec<State> = schedule.status(now).iter().map(|it| it.state).collect();
        assert_eq!(states, expected);
    }
}
