//! Has the kernel's modules loaded.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

/// Where the kernel says which program loads modules.
const PROGRAM: &str = "/proc/sys/kernel/modprobe";

/// The module that brings IPVS; those of schedulers are called after it.
const MODULE: &str = "ip_vs";

/// A module is loaded within milliseconds; a disk that hangs never answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked whether the program has ended.
const LOOK: Duration = Duration::from_millis(5);

/// Loads IPVS and the modules of these schedulers with the kernel's own program for it. Waits for
/// the program, for ten seconds at most. A scheduler that cannot be loaded is no error here: the
/// kernel tries again when a service asks for it, and says what is missing.
///
/// # Errors
///
/// Why IPVS's own module is not loaded.
pub fn load(schedulers: &[&str]) -> Result<(), String> {
    run(MODULE)?;
    for scheduler in schedulers {
        if let Err(why) = run(&format!("{MODULE}_{scheduler}")) {
            tracing::debug!("{why}");
        }
    }
    Ok(())
}

fn run(module: &str) -> Result<(), String> {
    let program = fs::read_to_string(PROGRAM).unwrap_or_default();
    let program = program.trim();
    if program.is_empty() {
        return Err("this kernel loads no modules".to_owned());
    }
    let mut child = Command::new(program)
        .arg(module)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| {
            format!("cannot start {program}: {error} (Debian's package kmod has it)")
        })?;
    let status = match wait(&mut child) {
        Ok(status) => status,
        Err(why) => {
            leave(child);
            return Err(format!("`{program} {module}` {why}"));
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        // What is no text is not worth telling.
        stderr.read_to_string(&mut said).ok();
    }
    let said = said.trim();
    if said.is_empty() {
        return Err(format!("`{program} {module}` failed: {status}"));
    }
    Err(format!("`{program} {module}` says: {said}"))
}

/// Waits for the end, as long as [`PATIENCE`] says.
fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => thread::sleep(LOOK),
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
    let seconds = PATIENCE.as_secs();
    Err(format!("did not end within {seconds} seconds"))
}

/// Ends it. One that waits for a disk goes when that answers: a thread waits for it, so that nothing
/// of it is left then.
fn leave(mut child: Child) {
    child.kill().ok();
    let wait = move || child.wait().map(drop);
    if let Err(error) = thread::Builder::new().name("modprobe".into()).spawn(wait) {
        tracing::debug!("nobody waits for modprobe: {error}");
    }
}
