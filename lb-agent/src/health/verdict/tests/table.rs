//! Every event in every state: what changes stands in a table, everything else stays as it is.

use super::*;
use crate::health::spec::SmtpCheck;

const ONE: State = State::Failing { failures: 1 };
const TWO: State = State::Failing { failures: 2 };

/// With two retries.
const STATES: [State; 5] = [State::Unproven, State::Up, ONE, TWO, State::Down];

/// What a probe comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Success,
    Weighs,
    Refused,
    TimedOut,
    NotProbed,
}

const HEARD: [Heard; 5] = [
    Heard::Success,
    Heard::Weighs,
    Heard::Refused,
    Heard::TimedOut,
    Heard::NotProbed,
];
const GOOD: &[Heard] = &[Heard::Success, Heard::Weighs];
const BAD: &[Heard] = &[Heard::Refused, Heard::TimedOut];

impl Heard {
    fn result(self) -> ProbeResult {
        match self {
            Self::Success => ProbeResult::Success,
            Self::Weighs => ProbeResult::Weighs(Weight::More(-2)),
            Self::Refused => refused(),
            Self::TimedOut => ProbeResult::Failed(Failure::ConnectTimeout(RETRY)),
            Self::NotProbed => no_socket(),
        }
    }

    fn failed(self) -> bool {
        BAD.contains(&self)
    }
}

/// (`alpha`, if it matters; state; what is heard; state then; what is told)
type Row = (Option<bool>, State, &'static [Heard], State, Option<bool>);

#[rustfmt::skip]
const RESULTS: [Row; 9] = [
    (Some(false), State::Unproven, GOOD, State::Up, None),
    (Some(true), State::Unproven, GOOD, State::Up, Some(true)),
    (None, State::Unproven, BAD, State::Down, Some(false)),
    (None, State::Up, BAD, ONE, None),
    (None, ONE, GOOD, State::Up, None),
    (None, ONE, BAD, TWO, None),
    (None, TWO, GOOD, State::Up, None),
    (None, TWO, BAD, State::Down, Some(false)),
    (None, State::Down, GOOD, State::Up, Some(true)),
];

fn expected(alpha: bool, state: State, heard: Heard) -> (State, Option<bool>) {
    let row = RESULTS.iter().find(|(for_alpha, before, of, _, _)| {
        for_alpha.is_none_or(|it| it == alpha) && *before == state && of.contains(&heard)
    });
    row.map_or((state, None), |&(_, _, _, then, told)| (then, told))
}

fn delay(state: State) -> Duration {
    match state {
        State::Failing { .. } => RETRY,
        State::Unproven | State::Up | State::Down => LOOP,
    }
}

fn all() -> impl Iterator<Item = (bool, State)> {
    let states = |alpha| STATES.into_iter().map(move |state| (alpha, state));
    [false, true].into_iter().flat_map(states)
}

fn bench(kind: Kind, alpha: bool, state: State) -> Bench {
    let mut bench = Bench::new(checker(kind, 2), alpha);
    bench.verdict.state = state;
    bench
}

#[test]
fn every_state_meets_every_result() {
    let smtp = || Kind::Smtp(SmtpCheck::default());
    for kind in [Kind::Tcp, Kind::Ping, smtp()] {
        for (alpha, state) in all() {
            for heard in HEARD {
                let case = format!("{kind:?}, alpha {alpha}, {state:?}, {heard:?}");
                let mut bench = bench(kind.clone(), alpha, state);
                bench.verdict.weight = Some(Weight::More(3));
                let outcome = bench.step(heard.result());
                let (then, told) = expected(alpha, state, heard);
                assert_eq!(outcome.state, then, "{case}");
                assert_eq!(outcome.changed, told, "{case}");
                assert_eq!(outcome.delay, delay(then), "{case}");
                let weight = match heard {
                    Heard::Success => None,
                    Heard::Weighs => Some(Weight::More(-2)),
                    Heard::Refused | Heard::TimedOut | Heard::NotProbed => Some(Weight::More(3)),
                };
                assert_eq!(bench.verdict.weight(), weight, "{case}");
                let counters = Counters {
                    probes: 1,
                    failures: u64::from(heard.failed()),
                    not_probed: u64::from(heard == Heard::NotProbed),
                    changes: u64::from(told.is_some()),
                };
                assert_eq!(bench.verdict.counters(), counters, "{case}");
            }
        }
    }
}

/// Whatever else happens, the state and what is told of it stay; only the time of the next probe may
/// change.
#[test]
fn every_state_meets_everything_that_is_no_result() {
    for (alpha, state) in all() {
        let case = format!("alpha {alpha}, {state:?}");
        let mut bench = bench(Kind::Tcp, alpha, state);
        bench.verdict.deadline = Some(bench.now + LOOP);
        let (start, due) = (bench.now, bench.now + LOOP);
        let up = bench.verdict.is_up();
        let verdict = &mut bench.verdict;

        verdict.handle_timeout(start);
        assert_eq!(verdict.poll_timeout(), Some(due), "too early: {case}");
        verdict.resume(0, start);
        assert_eq!(verdict.poll_timeout(), Some(due), "not suspended: {case}");
        verdict.suspend();
        assert_eq!(verdict.poll_timeout(), None, "suspended: {case}");
        assert!(!verdict.check_now(start), "suspended: {case}");
        verdict.handle_timeout(due);
        assert_eq!(verdict.poll_action(), None, "suspended: {case}");
        verdict.resume(0, due);
        assert_eq!(verdict.poll_timeout(), Some(due), "resumed: {case}");
        assert!(verdict.check_now(start), "{case}");
        assert_eq!(
            verdict.poll_timeout(),
            Some(start),
            "brought forward: {case}"
        );
        verdict.handle_timeout(start);
        assert_eq!(verdict.poll_action(), Some(Action::Probe { url: 0 }));
        assert!(!verdict.check_now(start), "under way: {case}");
        verdict.handle_timeout(due);
        assert_eq!(verdict.poll_action(), None, "under way: {case}");
        assert_eq!((verdict.state(), verdict.is_up()), (state, up), "{case}");
        assert_eq!(verdict.counters(), Counters::default(), "{case}");
    }
}

/// A probe that is under way when its checker is suspended counts, and no other follows.
#[test]
fn every_state_meets_every_result_while_suspended() {
    for (alpha, state) in all() {
        for heard in HEARD {
            let case = format!("alpha {alpha}, {state:?}, {heard:?}");
            let mut bench = bench(Kind::Tcp, alpha, state);
            bench.probe();
            bench.verdict.suspend();
            bench.verdict.handle_result(heard.result(), bench.now);
            let (then, _) = expected(alpha, state, heard);
            assert_eq!(bench.verdict.state(), then, "{case}");
            assert_eq!(bench.verdict.poll_timeout(), None, "{case}");
            bench.verdict.resume(0, bench.now);
            assert_eq!(bench.verdict.poll_timeout(), Some(bench.now), "{case}");
        }
    }
}

/// Nobody asks: another says so.
#[test]
fn every_state_meets_what_a_bfd_session_says() {
    let kind = || {
        Kind::Bfd(BfdCheck {
            name: "session".to_owned(),
        })
    };
    for (alpha, state) in all() {
        for heard in [Heard::Success, Heard::Refused] {
            let case = format!("alpha {alpha}, {state:?}, {heard:?}");
            let mut bench = bench(kind(), alpha, state);
            assert!(!bench.verdict.check_now(bench.now), "{case}");
            bench.verdict.handle_result(heard.result(), bench.now);
            let (then, _) = expected(alpha, state, heard);
            assert_eq!(bench.verdict.state(), then, "{case}");
            assert_eq!(bench.verdict.poll_timeout(), None, "{case}");
        }
    }
}

/// (state, retries then, state then): with fewer of them one more failure takes it down.
#[test]
fn every_state_outlives_a_reload_and_a_restart() {
    let fewer = [(TWO, 1, ONE), (ONE, 0, State::Up), (TWO, 0, State::Up)];
    for (alpha, state) in all() {
        for retry in 0..4 {
            let before = bench(Kind::Tcp, alpha, state);
            let record = before.verdict.record(before.now);
            let mut after = Bench::new(checker(Kind::Tcp, retry), alpha);
            let due = after.verdict.poll_timeout();
            after.verdict.restore(&record, after.now);
            let row = fewer.iter().find(|row| (row.0, row.1) == (state, retry));
            let then = row.map_or(state, |row| row.2);
            assert_eq!(after.verdict.state(), then, "{state:?} with {retry}");
            assert_eq!(after.verdict.poll_timeout(), due, "its rhythm is its own");
        }
        let before = bench(Kind::Tcp, alpha, state);
        let mut equal = Bench::new(checker(Kind::Tcp, 2), alpha);
        equal.verdict.succeed(before.verdict);
        assert_eq!(equal.verdict.state(), state);
    }
}

/// Of a web server a url has failed, or none has: (state, failed, what is heard, state then, failed then,
/// what is told). In every other state it is as above.
#[test]
fn a_web_server_that_has_failed_needs_one_success_more() {
    use State::{Down, Unproven};
    #[rustfmt::skip]
    let table = [
        (Unproven, false, BAD, Down, true, Some(false)),
        (TWO, false, BAD, Down, true, Some(false)),
        (Down, true, GOOD, Down, false, None),
        (Down, true, BAD, Down, true, None),
        (Down, false, GOOD, State::Up, false, Some(true)),
        (Down, false, BAD, Down, true, None),
    ];
    for (state, failed, of, then, failed_then, told) in table {
        for heard in of.iter().copied().filter(|it| *it != Heard::Weighs) {
            let case = format!("{state:?}, {failed}, {heard:?}");
            let mut bench = bench(http(&["/"]), false, state);
            bench.verdict.failed_url = failed;
            let outcome = bench.step(heard.result());
            assert_eq!((outcome.state, outcome.changed), (then, told), "{case}");
            assert_eq!(bench.verdict.failed_url, failed_then, "{case}");
        }
    }
}
