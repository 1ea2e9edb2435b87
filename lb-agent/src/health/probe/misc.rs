//! `MISC_CHECK`: a script's exit status. What runs it is [`crate::script::process`].

use super::{Failure, NotProbed, ProbeResult, Weight};
use crate::health::spec::MiscCheck;
use crate::script::Outcome;
use crate::script::process::{Abandoned, run};

/// With `misc_dynamic` a status from this on is a weight, plus this.
const FIRST_WEIGHT: u8 = 2;

/// Runs the script, `misc_timeout` at most; then its group gets SIGTERM and SIGKILL.
pub async fn probe(check: &MiscCheck) -> ProbeResult {
    let Some(script) = &check.script else {
        let reason = "it was not found, or must not be run".to_owned();
        return ProbeResult::NotProbed(NotProbed::Script(reason));
    };
    let limit = Some(check.misc_timeout);
    judge(check, run(script, limit, Abandoned::Terminate).await)
}

/// What a run comes to.
#[must_use]
pub fn judge(check: &MiscCheck, outcome: Outcome) -> ProbeResult {
    match outcome {
        Outcome::Exited(0) => ProbeResult::Success,
        Outcome::Exited(status) => match status.checked_sub(FIRST_WEIGHT) {
            Some(weight) if check.misc_dynamic => {
                ProbeResult::Weighs(Weight::Instead(u32::from(weight)))
            }
            Some(_) | None => ProbeResult::Failed(Failure::ScriptStatus(status)),
        },
        Outcome::Signalled(signal) => ProbeResult::Failed(Failure::ScriptSignal(signal)),
        Outcome::TimedOut => ProbeResult::Failed(Failure::ScriptTimeout(check.misc_timeout)),
        Outcome::NotStarted => ProbeResult::Failed(Failure::ScriptHangs(check.misc_timeout)),
        // As in keepalived, where it is the child that fails.
        Outcome::NotRun(reason) => ProbeResult::Failed(Failure::ScriptNotRun(reason)),
    }
}

#[cfg(test)]
mod tests;
