//! `startup_script` and `shutdown_script`: before anything is done, and after everything was undone.

use std::time::Duration;

use tracing::{info, warn};

use crate::config::model::{Config, TimedCommand};
use crate::script::process::{Abandoned, run as run_script};
use crate::script::{Outcome, Programs, Script};

/// A script, and how long it may take.
type Timed = Option<(Script, Duration)>;

/// Both scripts of a configuration, so that what is wrong with either is said at start.
pub(super) fn find(config: &Config, programs: &Programs) -> (Timed, Timed) {
    let scripts = &config.global_defs.scripts;
    let find = |kind, given: &Option<TimedCommand>| {
        let TimedCommand { command, timeout } = given.as_ref()?;
        let script = programs.find(kind, &command.command, command)?;
        Some((script, *timeout))
    };
    (
        find("startup script", &scripts.startup_script),
        find("shutdown script", &scripts.shutdown_script),
    )
}

/// Runs one to its end, or until its time is over; `kind` is `startup` or `shutdown`. Nothing
/// depends on how it ends.
pub(super) async fn run(kind: &str, script: Timed) {
    let Some((script, limit)) = script else {
        return;
    };
    let name = script.program.display();
    info!("Running {kind} script {name}");
    match run_script(&script, Some(limit), Abandoned::Terminate).await {
        Outcome::Exited(0) => {}
        Outcome::Exited(status) => warn!("{kind} script {name} exited with status {status}"),
        Outcome::Signalled(signal) => warn!("{kind} script {name} ended by signal {signal}"),
        Outcome::TimedOut => warn!("{kind} script {name} was ended after {limit:?}"),
        Outcome::NotRun(reason) => warn!("{kind} script {name} cannot be run: {reason}"),
    }
}
