//! `MISC_CHECK`: what a script's end says about a real server. Pure.
//!
//! The retries and the weight's sum are the health check's; the process is [`super::process`]'s.

use std::fmt::Display;

use super::Outcome;

/// What one run says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiscResult {
    /// Up, with the weight it has.
    Success,
    /// Up, with this weight, 0 to 253 (`misc_dynamic`).
    Weight(u8),
    /// Down.
    Failure,
}

/// Judges the end of a run; `dynamic`: `misc_dynamic` is set.
pub const fn judge(outcome: &Outcome, dynamic: bool) -> MiscResult {
    match outcome {
        Outcome::Exited(0) => MiscResult::Success,
        Outcome::Exited(status @ 2..) if dynamic => MiscResult::Weight(status.saturating_sub(2)),
        Outcome::Exited(_) | Outcome::Signalled(_) | Outcome::TimedOut | Outcome::NotRun(_) => {
            MiscResult::Failure
        }
    }
}

/// keepalived's line about a change: `server` and `virtual_server` are its names for the two
/// (`[10.0.0.2]:tcp:80`), `retries` how many were in vain before the server counted as down.
pub fn line(
    server: impl Display,
    virtual_server: impl Display,
    program: impl Display,
    outcome: &Outcome,
    dynamic: bool,
    retries: u32,
) -> String {
    let (word, reason) = words(outcome, dynamic);
    let after = if retries > 0 {
        format!(" after {retries} retries")
    } else {
        String::new()
    };
    format!("Misc check for [{server} VS {virtual_server}] by [{program}] {word}{after}{reason}.")
}

/// The body of the mail about a change, without its arrows.
pub fn mail_body(outcome: &Outcome, dynamic: bool) -> String {
    let (word, _) = words(outcome, dynamic);
    format!("MISC CHECK {word} on service")
}

fn words(outcome: &Outcome, dynamic: bool) -> (&'static str, String) {
    match (judge(outcome, dynamic), outcome) {
        (MiscResult::Success | MiscResult::Weight(_), _) => ("succeeded", String::new()),
        (MiscResult::Failure, Outcome::Exited(status)) => {
            ("failed", format!(" (exited with status {status})"))
        }
        (MiscResult::Failure, Outcome::Signalled(signal)) => {
            ("failed", format!(" (due to signal {signal})"))
        }
        (MiscResult::Failure, Outcome::TimedOut) => ("timed out", String::new()),
        (MiscResult::Failure, Outcome::NotRun(reason)) => ("failed", format!(" ({reason})")),
    }
}

#[cfg(test)]
mod tests;
