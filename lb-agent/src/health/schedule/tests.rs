mod model;
mod reload;
mod restart;
mod shared;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::*;
use crate::config::model::AddressKey;
use crate::health::Change;
use crate::health::probe::{Failure, Weight};
use crate::health::spec::{BfdCheck, Kind};
use crate::health::testing::{
    VIP, VIP_ADDRESS, checker, http, real_server, server_key, virtual_server,
};
use crate::health::verdict::State;
use crate::observe::model::CheckView;
use crate::runtime::clock;

const LOOP: Duration = Duration::from_secs(10);

fn services(servers: Vec<Server>) -> Vec<Service> {
    vec![virtual_server(servers, None)]
}

/// Each checker for itself.
const fn alone(limit: usize, seed: u32) -> Settings {
    Settings {
        limit,
        seed,
        share: false,
    }
}

/// `count` servers with one `TCP_CHECK` each.
fn many(count: usize, warmup: Duration) -> Vec<Service> {
    let checks = vec![Check {
        warmup,
        ..checker(Kind::Tcp, 1)
    }];
    services(vec![
        Server {
            checks,
            ..real_server(2, 1)
        };
        count
    ])
}

fn refused() -> ProbeResult {
    ProbeResult::Failed(Failure::Connect(
        "Connection refused (os error 111)".to_owned(),
    ))
}

#[derive(Default)]
struct Seen {
    probes: Vec<(CheckerId, usize)>,
    lines: Vec<String>,
    events: Vec<(bool, String)>,
    /// Up or down, and whether the server went with it.
    mails: Vec<(bool, bool)>,
}

fn drain(schedule: &mut Schedule) -> Seen {
    let mut seen = Seen::default();
    while let Some(action) = schedule.poll_action() {
        match action {
            Action::Probe { id, url, .. } => seen.probes.push((id, url)),
            Action::Log(line) => seen.lines.push(line.text().to_owned()),
            Action::Changed(event) => {
                assert_eq!(
                    (event.virtual_server, event.real_server),
                    (VIP, server_key(2))
                );
                match event.change {
                    Change::Checker { up, server_too, .. } => seen.mails.push((up, server_too)),
                    Change::Up | Change::Down | Change::Weight(_) => {
                        let up = event.change == Change::Up;
                        seen.events.push((up, event.reason));
                    }
                }
            }
        }
    }
    seen
}

fn result(schedule: &mut Schedule, id: CheckerId, result: ProbeResult, now: Instant) -> Seen {
    schedule.handle_result(id, result, now);
    drain(schedule)
}

#[test]
fn each_checker_is_announced_as_keepalived_does() {
    let mut schedule = Schedule::new(&many(1, LOOP), alone(9, 0), clock::now());
    assert_eq!(
        drain(&mut schedule).lines,
        ["Activating healthchecker for service [10.0.0.2]:tcp:80 for VS [192.168.0.1]:tcp:80"]
    );
}

#[test]
fn a_server_is_up_when_all_its_checkers_are() {
    let checks = vec![checker(Kind::Tcp, 0), checker(http(&["/"]), 0)];
    let now = clock::now();
    let server = Server {
        checks,
        ..real_server(2, 1)
    };
    let mut schedule = Schedule::new(&services(vec![server]), alone(9, 0), now);
    schedule.handle_timeout(now);
    assert_eq!(drain(&mut schedule).probes.len(), 2);
    let (tcp, web) = (CheckerId(0), CheckerId(1));
    let steps = [
        (tcp, ProbeResult::Success, None, None),
        (web, refused(), Some(false), Some((false, true))),
        (tcp, refused(), None, Some((false, false))),
        (tcp, refused(), None, None),
        // The url that failed, and then all.
        (web, ProbeResult::Success, None, None),
        (web, ProbeResult::Success, None, Some((true, false))),
        (tcp, ProbeResult::Success, Some(true), Some((true, true))),
    ];
    let mut now = now;
    for (index, (id, outcome, event, mail)) in steps.into_iter().enumerate() {
        now += LOOP;
        schedule.handle_timeout(now);
        let seen = result(&mut schedule, id, outcome, now);
        assert_eq!(seen.mails, Vec::from_iter(mail), "step {index}");
        let mut seen = seen.events;
        if (id, index) == (tcp, 2) {
            // Up before, so this is the first of retry + 1 = 1 failures: down, but not news.
            assert_eq!(schedule.entries[0].verdict.state(), State::Down);
        }
        assert_eq!(seen.pop().map(|(up, _reason)| up), event, "step {index}");
        assert!(seen.is_empty());
    }
}

#[test]
fn with_alpha_the_last_checker_to_succeed_brings_the_server_up() {
    let alpha = |kind| Check {
        alpha: true,
        ..checker(kind, 0)
    };
    let server = Server {
        checks: vec![alpha(Kind::Tcp), alpha(http(&["/"]))],
        ..real_server(2, 1)
    };
    let now = clock::now();
    let mut schedule = Schedule::new(&services(vec![server]), alone(9, 0), now);
    schedule.handle_timeout(now);
    drain(&mut schedule);
    assert_eq!(
        result(&mut schedule, CheckerId(1), ProbeResult::Success, now).events,
        []
    );
    assert_eq!(
        result(&mut schedule, CheckerId(0), ProbeResult::Success, now).events,
        [(
            true,
            "TCP connection to [10.0.0.2]:tcp:80 success.".to_owned()
        )]
    );
}

#[test]
fn first_probes_are_spread_evenly_over_warmup() {
    let now = clock::now();
    for seed in [0, 1, u32::MAX / 3, u32::MAX] {
        let schedule = Schedule::new(&many(1000, LOOP), alone(1000, seed), now);
        let mut buckets = [0; 100];
        for entry in &schedule.entries {
            let deadline = entry.verdict.poll_timeout().unwrap();
            let after = (deadline - now).as_millis();
            buckets[usize::try_from(after / 100).unwrap()] += 1;
        }
        assert!(
            buckets.iter().all(|count| (8..=12).contains(count)),
            "{buckets:?}"
        );
    }
}

#[test]
fn no_more_probes_than_the_limit_and_the_rest_follow_in_order() {
    let now = clock::now();
    let mut schedule = Schedule::new(&many(5, Duration::ZERO), alone(2, 0), now);
    drain(&mut schedule);
    schedule.handle_timeout(now);
    let seen = drain(&mut schedule);
    assert_eq!(seen.probes, [(CheckerId(0), 0), (CheckerId(1), 0)]);
    assert_eq!(
        seen.lines,
        [
            "2 probes are under way, which is the limit: checks start late. Many servers hang, \
             or the limit of open files is too low"
        ]
    );
    assert_eq!(schedule.poll_timeout(), None, "or the driver would spin");
    for next in 2..5 {
        result(
            &mut schedule,
            CheckerId(next - 2),
            ProbeResult::Success,
            now,
        );
        assert_eq!(schedule.poll_timeout(), Some(now));
        schedule.handle_timeout(now);
        let seen = drain(&mut schedule);
        assert_eq!(seen.probes, [(CheckerId(next), 0)]);
        assert_eq!(seen.lines, [""; 0], "said once");
    }
}

#[test]
fn a_result_that_nobody_asked_for_is_harmless() {
    let now = clock::now();
    let mut schedule = Schedule::new(&many(1, Duration::ZERO), alone(2, 0), now);
    drain(&mut schedule);
    schedule.handle_result(CheckerId(7), refused(), now);
    assert!(schedule.poll_action().is_none());
}

#[test]
fn the_status_tells_state_result_and_next_probe() {
    let now = clock::now();
    let mut schedule = Schedule::new(&many(1, Duration::ZERO), alone(2, 0), now);
    schedule.handle_timeout(now);
    result(&mut schedule, CheckerId(0), ProbeResult::Success, now);
    schedule.handle_timeout(now + LOOP);
    result(&mut schedule, CheckerId(0), refused(), now + LOOP);
    let status = schedule.status(now + LOOP + Duration::from_millis(250));
    let expected = serde_json::json!([{
        "virtual_server": "[192.168.0.1]:tcp:80",
        "real_server": "[10.0.0.2]:tcp:80",
        "address": { "address": "192.168.0.1", "port": 80 },
        "checker": "TCP_CHECK",
        "asks": "10.0.0.2:80",
        "probe": 0,
        "shared_by": 1,
        "up": true,
        "state": "failing",
        "failures": 1,
        "retry": 1,
        "since_seconds": LOOP.as_secs_f64() + 0.25,
        "suspended": false,
        "last_result": "failure",
        "reason": "Connection refused (os error 111)",
        "last_result_seconds": 0.25,
        "next_check_seconds": 0.75,
        "probes": 2,
        "failed": 1,
        "not_asked": 0,
        "changes": 0,
    }]);
    let views: Vec<CheckView> = status.into_iter().map(Into::into).collect();
    assert_eq!(serde_json::to_value(&views).unwrap(), expected);
}

/// Virtual time: 20 000 servers, every tenth hangs for its time-out of 5 s, for two minutes.
#[test]
fn twenty_thousand_servers_are_probed_on_time() {
    const SERVERS: usize = 20_000;
    let start = clock::now();
    let mut schedule = Schedule::new(&many(SERVERS, LOOP), alone(4096, 0), start);
    drain(&mut schedule);
    let mut ends: BinaryHeap<Reverse<(Instant, CheckerId)>> = BinaryHeap::new();
    let mut probed = vec![0_u32; SERVERS];
    let mut most = 0;
    loop {
        let end = ends.peek().map(|&Reverse((at, _))| at);
        let now = schedule
            .poll_timeout()
            .into_iter()
            .chain(end)
            .min()
            .unwrap();
        if now > start + Duration::from_mins(2) {
            break;
        }
        assert_ne!(schedule.poll_timeout(), None, "the limit is never met");
        while let Some(&Reverse((at, id))) = ends.peek()
            && at <= now
        {
            ends.pop();
            let outcome = if id.0 % 10 == 0 {
                refused()
            } else {
                ProbeResult::Success
            };
            schedule.handle_result(id, outcome, now);
        }
        schedule.handle_timeout(now);
        while let Some(action) = schedule.poll_action() {
            if let Action::Probe { id, .. } = action {
                probed[id.0] += 1;
                let takes = if id.0 % 10 == 0 { 5000 } else { 2 };
                ends.push(Reverse((now + Duration::from_millis(takes), id)));
            }
        }
        most = most.max(ends.len());
    }
    for (index, count) in probed.into_iter().enumerate() {
        let expected = if index % 10 == 0 { 8..=9 } else { 11..=12 };
        assert!(
            expected.contains(&count),
            "server {index} was probed {count} times"
        );
    }
    // At start a tenth of 2 000 a second, each for 5 s, and the quick ones.
    assert!(most < 1100, "{most} probes at once");
}

/// Equal checkers are one.
const fn shared(limit: usize) -> Settings {
    Settings {
        limit,
        seed: 0,
        share: true,
    }
}

/// A virtual server at 192.168.0.`host` with one `TCP_CHECK` of 10.0.0.2.
fn service_at(host: u8) -> Service {
    let server = Server {
        checks: vec![checker(Kind::Tcp, 0)],
        ..real_server(2, 1)
    };
    let mut service = virtual_server(vec![server], None);
    service.key = VirtualServerKey::Address(AddressKey {
        address: [192, 168, 0, host].into(),
        ..VIP_ADDRESS
    });
    service
}

/// What is said of servers as a whole.
fn events(schedule: &mut Schedule) -> Vec<(Option<IpAddr>, Change)> {
    let actions = std::iter::from_fn(|| schedule.poll_action());
    actions
        .filter_map(|action| match action {
            Action::Changed(event) => Some((event.virtual_server.address(), event.change)),
            Action::Probe { .. } | Action::Log(_) => None,
        })
        .filter(|(_, change)| !matches!(change, Change::Checker { .. }))
        .collect()
}

#[test]
fn however_many_are_due_they_start_in_bursts() {
    let now = clock::now();
    let mut schedule = Schedule::new(&many(1000, Duration::ZERO), alone(10_000, 0), now);
    let mut started = Vec::new();
    let mut at = now;
    for _ in 0..20 {
        schedule.handle_timeout(at);
        let count = std::iter::from_fn(|| schedule.poll_action())
            .filter(|action| matches!(action, Action::Probe { .. }))
            .count();
        started.push(count);
        match schedule.poll_timeout() {
            Some(next) => at = next,
            None => break,
        }
    }
    assert_eq!(started.iter().sum::<usize>(), 1000);
    assert!(started.iter().all(|&count| count <= BURST), "{started:?}");
    assert_eq!(at - now, PACE * 15);
}

#[test]
fn check_now_brings_the_probe_forward() {
    let now = clock::now();
    let mut schedule = Schedule::new(&many(3, LOOP), alone(9, 0), now);
    schedule.handle_timeout(now);
    assert_eq!(drain(&mut schedule).probes.len(), 1);
    let other = RealServerKey {
        port: 81,
        ..server_key(2)
    };
    assert_eq!(schedule.check_now(Some(&VIP), Some(&other), now), 0);
    assert_eq!(schedule.check_now(Some(&VIP), None, now), 2);
    schedule.handle_timeout(now);
    // The one that is under way already is neither counted nor asked twice.
    assert_eq!(drain(&mut schedule).probes.len(), 2);
    schedule.handle_timeout(now + LOOP);
    assert_eq!(
        drain(&mut schedule).probes.len(),
        0,
        "their old times are void while they are under way"
    );
}

/// Every probe that is due until `end`, each answered at once; how many began in each tenth of a loop
/// since `since`.
fn run_loop(schedule: &mut Schedule, since: Instant, end: Instant) -> [usize; 10] {
    let mut begun = [0; 10];
    while let Some(at) = schedule.poll_timeout().filter(|at| *at < end) {
        let at = at.max(since);
        schedule.handle_timeout(at);
        for (id, _url) in drain(schedule).probes {
            let tenth = (at - since).as_millis() / (LOOP.as_millis() / 10);
            begun[usize::try_from(tenth).unwrap()] += 1;
            schedule.handle_result(id, ProbeResult::Success, at);
        }
    }
    begun
}

#[test]
fn check_now_leaves_the_probes_spread_over_the_loop() {
    let start = clock::now();
    let mut schedule = Schedule::new(&many(1000, LOOP), alone(1000, 0), start);
    let spread = |begun: [usize; 10]| begun.iter().all(|count| (95..=105).contains(count));
    let first = run_loop(&mut schedule, start, start + LOOP);
    assert!(spread(first), "{first:?}");
    let asked = start + LOOP + LOOP.mul_f64(0.55);
    run_loop(&mut schedule, start + LOOP, asked);
    // Twice: the second must not take the time of the first for that of the loop.
    for at in [asked, asked + Duration::from_millis(200)] {
        assert_eq!(schedule.check_now(None, None, at), 1000);
        let begun = run_loop(&mut schedule, at, at + Duration::from_millis(100));
        assert!(begun[0] >= 1000, "all of them at once: {begun:?}");
    }
    run_loop(&mut schedule, asked, start + 2 * LOOP);
    for passed in 2..5 {
        let since = start + passed * LOOP;
        let begun = run_loop(&mut schedule, since, since + LOOP);
        assert!(spread(begun), "loop {passed}: {begun:?}");
    }
}

#[test]
fn weights_of_several_checkers_add_up() {
    let now = clock::now();
    let server = Server {
        checks: vec![checker(Kind::Tcp, 0), checker(Kind::Ping, 0)],
        ..real_server(2, 10)
    };
    let mut schedule = Schedule::new(&services(vec![server]), shared(9), now);
    schedule.handle_timeout(now + LOOP);
    let weighs = |weight| ProbeResult::Weighs(weight);
    let steps = [
        (0, weighs(Weight::Instead(30)), Some(30)),
        (1, weighs(Weight::More(-5)), Some(25)),
        (1, weighs(Weight::More(-500)), Some(0)),
        (1, weighs(Weight::More(i64::MAX)), Some(2_147_483_647)),
        (1, ProbeResult::Success, Some(30)),
        (0, ProbeResult::Success, Some(10)),
        (0, ProbeResult::Success, None),
    ];
    events(&mut schedule);
    for (id, result, weight) in steps {
        schedule.handle_result(CheckerId(id), result, now);
        let told = events(&mut schedule);
        let expected: Vec<_> = weight
            .map(|weight| (VIP.address(), Change::Weight(weight)))
            .into_iter()
            .collect();
        assert_eq!(told, expected);
    }
}

/// A server with a `BFD_CHECK` of the instance `peer`.
fn told_by_bfd(alpha: bool) -> Vec<Service> {
    let bfd = Kind::Bfd(BfdCheck {
        name: "peer".to_owned(),
    });
    let check = Check {
        alpha,
        ..checker(bfd, 0)
    };
    let server = Server {
        checks: vec![check],
        ..real_server(2, 1)
    };
    services(vec![server])
}

#[test]
fn a_bfd_session_takes_its_servers_down_and_up() {
    let now = clock::now();
    let mut schedule = Schedule::new(&told_by_bfd(false), shared(9), now);
    schedule.handle_bfd("other", Session::Down, now);
    assert_eq!(events(&mut schedule), []);
    for (session, expected) in [
        // As keepalived: what is not up yet is down.
        (Session::Beginning, vec![(VIP.address(), Change::Down)]),
        (Session::Down, vec![]),
        (Session::Up, vec![(VIP.address(), Change::Up)]),
        (Session::Beginning, vec![]),
        (Session::Down, vec![(VIP.address(), Change::Down)]),
        (Session::Beginning, vec![]),
        (Session::Up, vec![(VIP.address(), Change::Up)]),
    ] {
        schedule.handle_bfd("peer", session, now);
        assert_eq!(events(&mut schedule), expected, "{session:?}");
    }
}

#[test]
fn with_alpha_a_bfd_session_tells_nothing_before_it_is_up() {
    let now = clock::now();
    let mut schedule = Schedule::new(&told_by_bfd(true), shared(9), now);
    for (session, expected) in [
        (Session::Beginning, vec![]),
        (Session::Down, vec![]),
        (Session::Up, vec![(VIP.address(), Change::Up)]),
        (Session::Down, vec![(VIP.address(), Change::Down)]),
    ] {
        schedule.handle_bfd("peer", session, now);
        assert_eq!(events(&mut schedule), expected, "{session:?}");
    }
}
