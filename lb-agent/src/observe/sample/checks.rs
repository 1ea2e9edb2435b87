//! What checkers hold.

use std::time::Duration;

use super::endpoint;
use crate::observe::model::{CheckResult, CheckState, CheckView};

pub(in crate::observe) fn checks() -> Vec<CheckView> {
    let up = CheckView {
        virtual_server: "[192.168.159.200]:tcp:80".into(),
        real_server: "[192.168.159.105]:tcp:80".into(),
        address: Some(endpoint("192.168.159.200:80")),
        checker: "HTTP_GET".into(),
        asks: "192.168.159.105:80".into(),
        probe: 0,
        shared_by: 2,
        up: true,
        state: CheckState::Up,
        failures: 0,
        retry: 2,
        since: Some(Duration::from_hours(1)),
        suspended: false,
        last_result: Some(CheckResult::Success),
        reason: None,
        last_result_age: Some(Duration::from_millis(1200)),
        next_check: Some(Duration::from_millis(4800)),
        probes: 600,
        failed: 3,
        not_asked: 0,
        changes: 1,
    };
    let failing = CheckView {
        real_server: "[192.168.159.106]:tcp:80".into(),
        asks: "192.168.159.106:80".into(),
        probe: 1,
        shared_by: 1,
        state: CheckState::Failing,
        failures: 2,
        last_result: Some(CheckResult::Failure),
        reason: Some("status_code [503]".into()),
        next_check: None,
        ..up.clone()
    };
    let unproven = CheckView {
        virtual_server: "FWM 7".into(),
        address: None,
        checker: "MISC_CHECK".into(),
        asks: "/usr/local/bin/check -x 1".into(),
        probe: 2,
        shared_by: 1,
        up: false,
        state: CheckState::Unproven,
        since: None,
        suspended: true,
        last_result: None,
        last_result_age: None,
        next_check: None,
        probes: 0,
        failed: 0,
        changes: 0,
        ..up.clone()
    };
    vec![up, failing, unproven]
}
