use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::health::probe::{Failure, ProbeResult};
use crate::health::spec::{Check, Kind};
use crate::health::testing::{checker, http};
use crate::health::verdict::{State, Verdict};
use crate::runtime::clock;

fn verdict(check: Check, now: Instant) -> Verdict {
    Verdict::new(Arc::new(check), 0, now)
}

fn failed() -> ProbeResult {
    ProbeResult::Failed(Failure::StatusCode(503))
}

#[test]
fn equal_questions_have_one_fingerprint_and_others_another() {
    let print = |kind| fingerprint(&checker(kind, 0).question);
    assert_eq!(print(http(&["/a"])), print(http(&["/a"])));
    assert_ne!(print(http(&["/a"])), print(http(&["/b"])));
    assert_ne!(print(Kind::Tcp), print(Kind::Ping));
}

#[test]
fn a_verdict_goes_on_where_it_was() {
    let now = clock::now();
    let mut before = verdict(checker(http(&["/a", "/b"]), 3), now);
    for result in [
        ProbeResult::Success,
        ProbeResult::Success,
        failed(),
        failed(),
    ] {
        before.handle_result(result, now);
    }
    let later = now + Duration::from_secs(7);
    let text = serde_json::to_string(&before.record(later)).unwrap();
    let mut after = verdict(checker(http(&["/a", "/b"]), 3), later);
    after.restore(&serde_json::from_str(&text).unwrap(), later);
    assert_eq!(after.state(), State::Failing { failures: 2 });
    assert_eq!(after.counters(), before.counters());
    assert_eq!(after.last(), before.last());
    for _ in 0..2 {
        after.handle_result(failed(), later);
    }
    assert_eq!(after.state(), State::Down);
}

#[test]
fn with_fewer_retries_one_more_failure_is_enough() {
    let now = clock::now();
    let mut before = verdict(checker(Kind::Tcp, 9), now);
    before.handle_result(ProbeResult::Success, now);
    for _ in 0..5 {
        before.handle_result(failed(), now);
    }
    for retry in [0, 1, 5] {
        let mut after = verdict(checker(Kind::Tcp, retry), now);
        after.restore(&before.record(now), now);
        assert!(after.is_up(), "retry {retry}");
        after.handle_result(failed(), now);
        assert_eq!(after.state(), State::Down, "retry {retry}");
    }
}
