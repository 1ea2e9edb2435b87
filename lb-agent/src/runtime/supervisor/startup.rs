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
    (
        find_one("startup script", scripts.startup_script.as_ref(), programs),
        find_shutdown(config, programs),
    )
}

/// The one for the end, of the configuration that is in force then.
pub(super) fn find_shutdown(config: &Config, programs: &Programs) -> Timed {
    let given = config.global_defs.scripts.shutdown_script.as_ref();
    find_one("shutdown script", given, programs)
}

fn find_one(kind: &str, given: Option<&TimedCommand>, programs: &Programs) -> Timed {
    let TimedCommand { command, timeout } = given?;
    let script = programs.find(kind, &command.command, command)?;
    Some((script, *timeout))
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
        Outcome::NotStarted => warn!(
            "{kind} script {name} was not started within {limit:?}: does its file system hang?"
        ),
        Outcome::NotRun(reason) => warn!("{kind} script {name} cannot be run: {reason}"),
    }
}
