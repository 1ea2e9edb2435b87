use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use super::*;
use crate::health::Change;
use crate::health::probe::Failure;
use crate::health::testing::{VIP, checker, http, real_server, server_key, virtual_server};
use crate::health::verdict::State;
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
                seen.events.push((event.change == Change::Up, event.reason));
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
        (tcp, ProbeResult::Success, None),
        (web, refused(), Some(false)),
        (tcp, refused(), None),
        (tcp, refused(), None),
        (web, ProbeResult::Success, None),
        (tcp, ProbeResult::Success, Some(true)),
    ];
    let mut now = now;
    for (index, (id, outcome, event)) in steps.into_iter().enumerate() {
        now += LOOP;
        schedule.handle_timeout(now);
        let mut seen = result(&mut schedule, id, outcome, now).events;
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
        "checker": "TCP_CHECK",
        "up": true,
        "state": "failing",
        "failures": 1,
        "counters": { "probes": 2, "failures": 1, "not_probed": 0, "changes": 0 },
        "shared_by": 1,
        "suspended": false,
        "last_result": "Connection refused (os error 111)",
        "last_result_seconds_ago": 0.25,
        "next_probe_in_seconds": 0.75,
    }]);
    assert_eq!(serde_json::to_value(&status).unwrap(), expected);
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
