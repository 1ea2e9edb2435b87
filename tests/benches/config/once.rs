//! One run of one program, measured by a process that has no other child.

use std::ffi::OsString;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::now;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use serde::{Deserialize, Serialize};

/// Asks this program for one run of the command behind it.
pub(crate) const ARGUMENT: &str = "--once";

/// What a run took.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Exit status; `None`: killed.
    pub(crate) status: Option<i32>,
    /// Wall clock.
    pub(crate) wall_ms: f64,
    /// CPU time of the program and of the kernel for it.
    pub(crate) cpu_ms: f64,
    /// The most that was resident.
    pub(crate) memory_mib: f64,
}

/// Runs the command and prints what it took.
pub(crate) fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    let run = run(words).and_then(|run| Ok(serde_json::to_string(&run)?));
    match run {
        Ok(run) => {
            println!("{run}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut words: impl Iterator<Item = OsString>) -> Result<Run> {
    let mut command = Command::new(words.next().context("no command")?);
    command
        .args(words)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = now();
    let status = command.status()?.code();
    let wall = now().duration_since(begun);
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = time(usage.user_time()) + time(usage.system_time());
    Ok(Run {
        status,
        wall_ms: wall.as_secs_f64() * 1e3,
        cpu_ms: cpu.as_secs_f64() * 1e3,
        // The kernel counts KiB.
        memory_mib: f64::from(i32::try_from(usage.max_rss())?) / 1024.0,
    })
}

fn time(value: TimeVal) -> Duration {
    Duration::from_micros(u64::try_from(value.tv_sec() * 1_000_000 + value.tv_usec()).unwrap_or(0))
}
