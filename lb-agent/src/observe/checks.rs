//! The checkers: what each holds of its server, and why.

use std::io::{self, Write};
use std::time::Duration;

use super::model::{CheckResult, CheckState, CheckView, Checks, PunctualityView};
use super::table::{self, Align, or_dash};
use crate::health::schedule::Punctuality;
use crate::health::status::CheckerStatus;
use crate::health::verdict::State;

/// Writes the table, or why there is none.
pub fn write(out: &mut dyn Write, checks: &Checks) -> io::Result<()> {
    use Align::{Left, Right};
    let checks = match checks {
        Checks::Known(checks) => checks,
        Checks::Unknown(why) => return writeln!(out, "The checks are not known: {why}"),
    };
    let rows: Vec<_> = checks.iter().map(row).collect();
    table::write(
        out,
        [
            ("Virtual server", Left),
            ("Real server", Left),
            ("Checker", Left),
            ("Asks", Left),
            ("Probe", Right),
            ("Shared", Right),
            ("State", Left),
            ("Since", Right),
            ("Next", Right),
            ("Last", Right),
            ("Result", Left),
        ],
        &rows,
    )
}

fn row(check: &CheckView) -> [String; 11] {
    [
        check.virtual_server.clone(),
        check.real_server.clone(),
        check.checker.clone(),
        check.asks.clone(),
        check.probe.to_string(),
        check.shared_by.to_string(),
        state(check),
        or_dash(check.since.map(time)),
        or_dash(check.next_check.map(time)),
        or_dash(check.last_result_age.map(time)),
        result(check),
    ]
}

fn state(check: &CheckView) -> String {
    let mut words = match check.state {
        CheckState::Unproven if check.up => "up, not checked yet".to_owned(),
        CheckState::Unproven => "down, not checked yet".to_owned(),
        CheckState::Up => "up".to_owned(),
        CheckState::Failing => format!("up, failed {} of {}", check.failures, check.tries()),
        CheckState::Down => "down".to_owned(),
    };
    if check.suspended {
        words.push_str(", suspended");
    }
    words
}

impl CheckView {
    /// Failures that take the server down.
    const fn tries(&self) -> u32 {
        self.retry.saturating_add(1)
    }
}

fn result(check: &CheckView) -> String {
    let reason = check.reason.as_deref().unwrap_or_default();
    match check.last_result {
        Some(CheckResult::Success) => "success".to_owned(),
        Some(CheckResult::Failure) => reason.to_owned(),
        Some(CheckResult::NotAsked) => format!("could not be asked: {reason}"),
        None => "-".to_owned(),
    }
}

/// `4.2s`, `3m20s`, `5h07m`, `12d03h`.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    if minutes == 0 {
        format!("{:.1}s", (time.as_secs_f64() * 10.0).floor() / 10.0)
    } else if hours == 0 {
        format!("{minutes}m{:02}s", seconds % 60)
    } else if days == 0 {
        format!("{hours}h{:02}m", minutes % 60)
    } else {
        format!("{days}d{:02}h", hours % 24)
    }
}

impl From<Punctuality> for PunctualityView {
    fn from(seen: Punctuality) -> Self {
        Self {
            probes: seen.probes,
            late: seen.late,
            worst: seen.worst,
        }
    }
}

impl From<CheckerStatus> for CheckView {
    fn from(status: CheckerStatus) -> Self {
        let (state, failures) = match status.state {
            State::Unproven => (CheckState::Unproven, 0),
            State::Up => (CheckState::Up, 0),
            State::Failing { failures } => (CheckState::Failing, failures),
            State::Down => (CheckState::Down, 0),
        };
        let last = status.last.as_ref();
        let last_result = last.map(|last| match last.success {
            Some(true) => CheckResult::Success,
            Some(false) => CheckResult::Failure,
            None => CheckResult::NotAsked,
        });
        Self {
            virtual_server: status.virtual_server.to_string(),
            real_server: status.real_server.to_string(),
            address: (&status.virtual_server).into(),
            checker: status.checker.to_owned(),
            probe: status.probe as u64,
            shared_by: status.shared_by as u64,
            up: status.up,
            state,
            failures,
            retry: status.retry,
            since: status.since,
            suspended: status.suspended,
            last_result,
            reason: last.and_then(|last| last.reason.clone()),
            last_result_age: last.map(|last| last.age),
            next_check: status.next_probe,
            probes: status.counters.probes,
            failed: status.counters.failures,
            not_asked: status.counters.not_probed,
            changes: status.counters.changes,
            asks: status.asks,
        }
    }
}

#[cfg(test)]
mod tests;
