use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::health::spec::{BfdCheck, HttpGet};
use crate::health::testing::{VIP, checker, http, server_key};
use crate::runtime::clock;

const LOOP: Duration = Duration::from_secs(10);
const RETRY: Duration = Duration::from_secs(1);
const SERVICE: &str = "[10.0.0.2]:tcp:80";

fn refused() -> ProbeResult {
    ProbeResult::Failed(Failure::Connect(
        "Connection refused (os error 111)".to_owned(),
    ))
}

fn no_socket() -> ProbeResult {
    ProbeResult::NotProbed(NotProbed::Socket("Too many open files".to_owned()))
}

fn real_server(host: u8) -> ServiceName {
    ServiceName::of_real_server(&VIP, &server_key(host))
}

/// A verdict with its own time: nothing passes but what the test lets pass.
struct Bench {
    verdict: Verdict,
    now: Instant,
}

/// What a result came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    state: State,
    delay: Duration,
    changed: Option<bool>,
    lines: Vec<String>,
}

impl Bench {
    fn new(checker: Check, alpha: bool) -> Self {
        let now = clock::now();
        let mut verdict = Verdict::new(Arc::new(Check { alpha, ..checker }), 0, now);
        verdict.add_service(&VIP, real_server(2));
        Self { verdict, now }
    }

    /// A `TCP_CHECK` that allows two retries.
    fn tcp(alpha: bool) -> Self {
        Self::new(checker(Kind::Tcp, 2), alpha)
    }

    /// Lets time pass until the probe is due and returns the url that it is to fetch.
    fn probe(&mut self) -> usize {
        self.now = self.verdict.poll_timeout().expect("no probe under way");
        self.verdict.handle_timeout(self.now);
        assert_eq!(self.verdict.poll_timeout(), None, "one probe at a time");
        match self.verdict.poll_action() {
            Some(Action::Probe { url }) => url,
            other => panic!("no probe but {other:?}"),
        }
    }

    fn answer(&mut self, result: ProbeResult) -> Outcome {
        let was_up = self.verdict.is_up();
        self.verdict.handle_result(result, self.now);
        let (mut changed, mut lines) = (None, Vec::new());
        while let Some(action) = self.verdict.poll_action() {
            match action {
                Action::Probe { .. } => panic!("a probe before its time"),
                Action::Log(line) => lines.push(line.text().to_owned()),
                Action::Weighs(weight) => assert_eq!(weight, self.verdict.weight()),
                Action::Changed { up, sentence, .. } => {
                    assert_eq!(changed, None, "changed twice");
                    assert_eq!(sentence.is_some(), up != was_up, "a mail");
                    assert_eq!(up, self.verdict.is_up());
                    changed = Some(up);
                }
            }
        }
        let delay = self.verdict.poll_timeout().expect("a next probe") - self.now;
        Outcome {
            state: self.verdict.state(),
            delay,
            changed,
            lines,
        }
    }

    fn step(&mut self, result: ProbeResult) -> Outcome {
        self.probe();
        self.answer(result)
    }
}

#[test]
fn every_state_meets_every_result_as_the_table_says() {
    use State::{Down, Failing, Unproven, Up};
    let success = "TCP connection to [10.0.0.2]:tcp:80 success.";
    let failed =
        "TCP_CHECK on service [10.0.0.2]:tcp:80 failed. Connection refused (os error 111).";
    let retried = "TCP_CHECK on service [10.0.0.2]:tcp:80 failed after 2 retries. Connection refused (os error 111).";
    let local = "TCP connect fail to create socket. Rescheduling. [10.0.0.2]:tcp:80 stays as it is: no socket: Too many open files";
    let one = Failing { failures: 1 };
    let two = Failing { failures: 2 };
    #[rustfmt::skip]
    let table = [
        (false, Unproven, ProbeResult::Success, Up, LOOP, None, Some(success)),
        (false, Unproven, refused(), Down, LOOP, Some(false), Some(failed)),
        (false, Unproven, no_socket(), Unproven, LOOP, None, Some(local)),
        (true, Unproven, ProbeResult::Success, Up, LOOP, Some(true), Some(success)),
        (true, Unproven, refused(), Down, LOOP, Some(false), Some(failed)),
        (true, Unproven, no_socket(), Unproven, LOOP, None, Some(local)),
        (false, Up, ProbeResult::Success, Up, LOOP, None, None),
        (false, Up, refused(), one, RETRY, None, None),
        (false, Up, no_socket(), Up, LOOP, None, Some(local)),
        (false, one, ProbeResult::Success, Up, LOOP, None, None),
        (false, one, refused(), two, RETRY, None, None),
        (false, one, no_socket(), one, RETRY, None, Some(local)),
        (false, two, ProbeResult::Success, Up, LOOP, None, None),
        (false, two, refused(), Down, LOOP, Some(false), Some(retried)),
        (false, two, no_socket(), two, RETRY, None, Some(local)),
        (false, Down, ProbeResult::Success, Up, LOOP, Some(true), Some(success)),
        (false, Down, refused(), Down, LOOP, None, None),
        (false, Down, no_socket(), Down, LOOP, None, Some(local)),
    ];
    for (alpha, state, result, next, delay, changed, line) in table {
        let mut bench = Bench::tcp(alpha);
        bench.verdict.state = state;
        let outcome = bench.step(result.clone());
        let lines = line.into_iter().map(str::to_owned).collect();
        let expected = Outcome {
            state: next,
            delay,
            changed,
            lines,
        };
        assert_eq!(outcome, expected, "alpha {alpha}, {state:?}, {result:?}");
    }
}

#[test]
fn warmup_sets_the_first_probe_and_nothing_after_it() {
    for (share, wait) in [(0, 0), (1 << 30, 2), (1 << 31, 4), (3 << 30, 6)] {
        let now = clock::now();
        let warm = Check {
            warmup: Duration::from_secs(8),
            ..checker(Kind::Tcp, 2)
        };
        let verdict = Verdict::new(Arc::new(warm), share, now);
        assert_eq!(
            verdict.poll_timeout(),
            Some(now + Duration::from_secs(wait))
        );
        let mut bench = Bench { verdict, now };
        assert_eq!(bench.step(ProbeResult::Success).delay, LOOP);
    }
}

#[test]
fn nothing_is_probed_before_its_time() {
    let mut bench = Bench::tcp(false);
    bench.step(ProbeResult::Success);
    let due = bench.verdict.poll_timeout().unwrap();
    bench
        .verdict
        .handle_timeout(due.checked_sub(Duration::from_nanos(1)).unwrap());
    assert_eq!(bench.verdict.poll_action(), None);
    bench.verdict.handle_timeout(due);
    assert_eq!(bench.verdict.poll_action(), Some(Action::Probe { url: 0 }));
}

#[test]
fn delay_loop_counts_from_the_end_of_a_probe() {
    let mut bench = Bench::tcp(false);
    bench.probe();
    bench.now += Duration::from_secs(3);
    let ended = bench.now;
    bench.answer(ProbeResult::Success);
    assert_eq!(bench.verdict.poll_timeout(), Some(ended + LOOP));
}

#[test]
fn what_was_brought_forward_goes_on_in_the_time_of_its_loop() {
    let brought = Duration::from_secs(4);
    let takes = Duration::from_secs(1);
    for probe_takes in [takes, LOOP, LOOP + takes] {
        let mut bench = Bench::tcp(false);
        bench.step(ProbeResult::Success);
        let due = bench.verdict.poll_timeout().unwrap();
        bench.now += brought;
        assert!(bench.verdict.check_now(bench.now));
        assert!(bench.verdict.check_now(bench.now), "asked for twice");
        bench.probe();
        bench.now += probe_takes;
        bench.answer(ProbeResult::Success);
        let expected = if bench.now < due { due } else { due + LOOP };
        assert_eq!(
            bench.verdict.poll_timeout(),
            Some(expected),
            "{probe_takes:?}"
        );
        // From here on as ever.
        bench.probe();
        assert_eq!(bench.answer(ProbeResult::Success).delay, LOOP);
    }
}

#[test]
fn what_was_brought_forward_and_failed_is_retried_soon_and_then_keeps_its_loop() {
    let mut bench = Bench::tcp(false);
    bench.step(ProbeResult::Success);
    let due = bench.verdict.poll_timeout().unwrap();
    bench.now += Duration::from_secs(4);
    assert!(bench.verdict.check_now(bench.now));
    assert_eq!(bench.step(refused()).delay, RETRY);
    assert_eq!(bench.step(refused()).delay, RETRY);
    bench.step(refused());
    assert_eq!(bench.verdict.state(), State::Down);
    assert_eq!(bench.verdict.poll_timeout(), Some(due));
}

#[test]
fn what_was_brought_forward_is_forgotten_with_a_suspension() {
    let mut bench = Bench::tcp(false);
    bench.step(ProbeResult::Success);
    bench.now += Duration::from_secs(4);
    assert!(bench.verdict.check_now(bench.now));
    bench.verdict.suspend();
    assert!(!bench.verdict.check_now(bench.now), "nothing is probed");
    bench.verdict.resume(0, bench.now);
    assert_eq!(bench.step(ProbeResult::Success).delay, LOOP);
}

#[test]
fn a_server_that_fails_leaves_within_its_retries_and_their_probes() {
    for retry in 0..5 {
        for probe_takes in [
            Duration::ZERO,
            Duration::from_millis(700),
            Duration::from_secs(5),
        ] {
            let mut bench = Bench::new(checker(Kind::Tcp, retry), false);
            bench.step(ProbeResult::Success);
            let first_failure = bench.verdict.poll_timeout().unwrap();
            while bench.verdict.is_up() {
                bench.probe();
                bench.now += probe_takes;
                bench.answer(refused());
            }
            let expected = (RETRY + probe_takes) * retry + probe_takes;
            assert_eq!(bench.now - first_failure, expected, "retry {retry}");
        }
    }
}

#[test]
fn each_failure_is_logged_only_with_log_all_failures_and_not_while_down() {
    let loud = Check {
        log_all_failures: true,
        ..checker(Kind::Tcp, 1)
    };
    let mut bench = Bench::new(loud, false);
    bench.step(ProbeResult::Success);
    let single = format!("TCP connection to {SERVICE} failed. Connection refused (os error 111).");
    let timeout = ProbeResult::Failed(Failure::ConnectTimeout(Duration::from_secs(5)));
    assert_eq!(bench.step(refused()).lines, [single]);
    assert_eq!(
        bench.step(timeout).lines,
        [
            format!("TCP connection to {SERVICE} timeout. no connection within 5s."),
            format!(
                "TCP_CHECK on service {SERVICE} failed after 1 retries. no connection within 5s."
            ),
        ]
    );
    assert_eq!(bench.step(refused()).lines, [""; 0]);
}

#[test]
fn a_probe_that_cannot_leave_is_logged_once() {
    let mut bench = Bench::tcp(false);
    assert_eq!(bench.step(no_socket()).lines.len(), 1);
    assert_eq!(bench.step(no_socket()).lines.len(), 0);
    bench.step(ProbeResult::Success);
    assert_eq!(bench.step(no_socket()).lines.len(), 1);
}

#[test]
fn urls_are_fetched_in_turn_one_a_loop() {
    let mut bench = Bench::new(checker(http(&["/a", "/b", "/c"]), 1), false);
    let mut fetched = Vec::new();
    for _ in 0..7 {
        fetched.push(bench.probe());
        assert_eq!(bench.answer(ProbeResult::Success).delay, LOOP);
    }
    assert_eq!(fetched, [0, 1, 2, 0, 1, 2, 0]);
}

#[test]
fn the_url_that_failed_is_first_and_then_all_must_succeed() {
    let mut bench = Bench::new(checker(http(&["/a", "/b", "/c"]), 0), true);
    let error = || ProbeResult::Failed(Failure::StatusCode(404));
    assert_eq!(bench.step(ProbeResult::Success).changed, None);
    let failed = bench.step(error());
    let line = format!("HTTP_CHECK on service {SERVICE} failed. url(/b): status_code [404].");
    assert_eq!((failed.state, failed.lines), (State::Down, vec![line]));

    let passed = |path| format!("HTTP status code success to {SERVICE} url({path})");
    let up = format!("Remote Web server {SERVICE} succeed on service.");
    for (url, state, changed, lines) in [
        (1, State::Down, None, vec![passed("/b")]),
        (0, State::Down, None, vec![passed("/a")]),
        (1, State::Down, None, vec![passed("/b")]),
        (2, State::Up, Some(true), vec![passed("/c"), up]),
    ] {
        assert_eq!(bench.probe(), url);
        let expected = Outcome {
            state,
            delay: LOOP,
            changed,
            lines,
        };
        assert_eq!(bench.answer(ProbeResult::Success), expected);
    }
}

#[test]
fn a_web_server_that_failed_needs_two_loops_as_with_keepalived_and_waits_the_longer_delay() {
    let slow = Check {
        delay_before_retry: Duration::from_secs(30),
        ..checker(http(&["/"]), 0)
    };
    let mut bench = Bench::new(slow, false);
    bench.step(ProbeResult::Success);
    assert_eq!(bench.step(refused()).delay, Duration::from_secs(30));
    let first = bench.step(ProbeResult::Success);
    assert_eq!((first.state, first.delay), (State::Down, LOOP));
    let second = bench.step(ProbeResult::Success);
    assert_eq!((second.state, second.changed), (State::Up, Some(true)));
}

#[test]
fn a_server_that_counts_as_up_already_is_announced_without_its_urls() {
    let mut bench = Bench::new(checker(http(&["/a", "/b"]), 0), false);
    assert_eq!(bench.step(ProbeResult::Success).lines, [""; 0]);
    let up = format!("Remote Web server {SERVICE} succeed on service.");
    assert_eq!(bench.step(ProbeResult::Success).lines, [up]);
}

#[test]
fn a_url_that_fails_is_retried_before_the_next_one() {
    let mut bench = Bench::new(checker(http(&["/a", "/b"]), 2), false);
    bench.step(ProbeResult::Success);
    bench.step(ProbeResult::Success);
    bench.step(ProbeResult::Success);
    let mut fetched = Vec::new();
    for result in [
        refused(),
        refused(),
        ProbeResult::Success,
        ProbeResult::Success,
    ] {
        fetched.push(bench.probe());
        bench.answer(result);
    }
    assert_eq!(fetched, [1, 1, 1, 0]);
    assert_eq!(bench.verdict.state(), State::Up);
}

#[test]
fn the_reason_of_a_change_says_what_the_probe_met() {
    let mut bench = Bench::new(checker(http(&["/health"]), 0), false);
    bench.probe();
    bench
        .verdict
        .handle_result(ProbeResult::Failed(Failure::NoData), bench.now);
    let actions: Vec<_> = std::iter::from_fn(|| bench.verdict.poll_action()).collect();
    let reason = "url(/health): the server closed the connection without an answer.".to_owned();
    let sentence = "CHECK failed on service : HTTP request failed".to_owned();
    assert!(
        actions.contains(&Action::Changed {
            up: false,
            reason,
            sentence: Some(sentence)
        }),
        "{actions:?}"
    );
}

#[test]
fn a_delay_beyond_the_clock_means_never() {
    let never = Check {
        delay_loop: Duration::MAX,
        ..checker(Kind::Tcp, 0)
    };
    let mut bench = Bench::new(never, false);
    bench.probe();
    bench.verdict.handle_result(ProbeResult::Success, bench.now);
    assert_eq!(bench.verdict.poll_timeout(), None);
}

#[test]
fn fast_recovery_asks_the_other_urls_at_once_but_only_until_the_server_is_up() {
    let Kind::Http(get) = http(&["/a", "/b"]) else {
        panic!("http() is HTTP_GET")
    };
    let fast = Kind::Http(HttpGet {
        fast_recovery: true,
        ..get
    });
    let mut bench = Bench::new(checker(fast, 0), false);
    let delays: Vec<Duration> = [
        ProbeResult::Success,
        ProbeResult::Success,
        ProbeResult::Success,
        refused(),
        refused(),
        ProbeResult::Success,
        ProbeResult::Success,
        ProbeResult::Success,
    ]
    .map(|result| bench.step(result).delay)
    .to_vec();
    let now = Duration::ZERO;
    assert_eq!(delays, [now, LOOP, LOOP, LOOP, LOOP, now, now, LOOP]);
}

#[test]
fn a_weight_is_told_when_it_changes_and_forgotten_with_a_plain_success() {
    let mut bench = Bench::tcp(false);
    let mut told = Vec::new();
    for result in [
        ProbeResult::Success,
        ProbeResult::Weighs(Weight::Instead(5)),
        ProbeResult::Weighs(Weight::Instead(5)),
        refused(),
        ProbeResult::Success,
    ] {
        bench.probe();
        bench.verdict.handle_result(result, bench.now);
        told.extend(
            std::iter::from_fn(|| bench.verdict.poll_action()).filter_map(|action| match action {
                Action::Weighs(weight) => Some(weight),
                Action::Probe { .. } | Action::Log(_) | Action::Changed { .. } => None,
            }),
        );
    }
    assert_eq!(told, [Some(Weight::Instead(5)), None]);
}

#[test]
fn a_suspended_checker_asks_nothing_and_keeps_its_state() {
    let mut bench = Bench::tcp(false);
    bench.step(refused());
    bench.probe();
    bench.verdict.suspend();
    assert_eq!(bench.verdict.poll_timeout(), None);
    bench.verdict.handle_result(refused(), bench.now);
    assert_eq!(
        bench.verdict.poll_timeout(),
        None,
        "the one under way ended"
    );
    bench.verdict.check_now(bench.now);
    assert_eq!(bench.verdict.poll_timeout(), None);
    bench.verdict.resume(0, bench.now);
    assert_eq!(bench.verdict.poll_timeout(), Some(bench.now));
    assert_eq!(bench.verdict.state(), State::Down);
}

#[test]
fn what_is_told_is_never_asked() {
    let bfd = Kind::Bfd(BfdCheck {
        name: "b".to_owned(),
    });
    let mut bench = Bench::new(checker(bfd, 0), false);
    assert_eq!(bench.verdict.poll_timeout(), None);
    bench
        .verdict
        .handle_result(ProbeResult::Failed(Failure::BfdDown), bench.now);
    assert_eq!(bench.verdict.poll_timeout(), None);
    assert_eq!(bench.verdict.state(), State::Down);
}

#[test]
fn each_name_of_a_shared_checker_has_its_line() {
    let mut bench = Bench::tcp(false);
    bench.verdict.add_service(&VIP, real_server(3));
    bench.verdict.add_service(&VIP, real_server(3));
    let lines = bench.step(ProbeResult::Success).lines;
    assert_eq!(
        lines,
        [
            "TCP connection to [10.0.0.2]:tcp:80 success.",
            "TCP connection to [10.0.0.3]:tcp:80 success."
        ]
    );
}

fn any_result() -> impl Strategy<Value = ProbeResult> {
    prop_oneof![
        4 => Just(ProbeResult::Success),
        4 => Just(refused()),
        1 => Just(no_socket()),
    ]
}

proptest! {
    #[test]
    fn up_and_down_follow_from_the_results_alone(
        retry in 0_u32..4,
        urls in 1_usize..4,
        alpha: bool,
        results in prop::collection::vec(any_result(), 0..60),
    ) {
        let paths = &["/a", "/b", "/c"][..urls];
        let mut bench = Bench::new(checker(http(paths), retry), alpha);
        let (mut failures, mut passed, mut proven, mut up) = (0, 0, false, !alpha);
        let mut failed_url = false;
        for result in results {
            let outcome = bench.step(result.clone());
            match result {
                ProbeResult::Success | ProbeResult::Weighs(_) if failed_url => {
                    (failures, failed_url) = (0, false);
                }
                ProbeResult::Success | ProbeResult::Weighs(_) => (failures, passed) = (0, passed + 1),
                ProbeResult::Failed(_) => {
                    (failures, passed) = (failures + 1, 0);
                    failed_url |= proven && !up;
                }
                ProbeResult::NotProbed(_) => {}
            }
            let (before, new) = (up, !proven);
            if passed >= urls {
                (proven, up) = (true, true);
            } else if failures > retry || (failures > 0 && !proven) {
                (proven, up, failed_url) = (true, false, true);
            }
            prop_assert_eq!(bench.verdict.is_up(), up);
            let told = before != up || (new && proven && !up);
            prop_assert_eq!(outcome.changed, told.then_some(up));
            let failing = proven && up && failures > 0;
            prop_assert_eq!(outcome.delay, if failing { RETRY } else { LOOP });
        }
    }
}

#[test]
fn a_line_that_says_the_same_of_several_virtual_servers_is_written_once() {
    let check = checker(Kind::Ping, 1);
    let mut bench = Bench::new(check, false);
    let other = VirtualServerKey::Address(crate::config::model::AddressKey {
        port: 8443,
        ..crate::health::testing::VIP_ADDRESS
    });
    bench.verdict.add_service(&other, real_server(2));
    let success = "ICMP connection to [10.0.0.2]:tcp:80 success.";
    assert_eq!(bench.step(ProbeResult::Success).lines, [success]);
    bench.step(refused());
    let lines = bench.step(refused()).lines;
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, port) in lines.iter().zip([80, 8443]) {
        let of = format!("of [192.168.0.1]:tcp:{port} failed after 1 retries.");
        assert!(line.contains(&of), "{line}");
    }
}
