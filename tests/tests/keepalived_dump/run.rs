//! Starts keepalived and reads the configuration that it dumps into its log.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Namespace, Process};
use nix::sys::signal::Signal;

/// Until keepalived has written its configuration.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lines of its log up to the one that `ends`; `None` when it does not come so far. `part` is
/// the option that starts one of its parts only.
pub(crate) fn lines(
    machine: &Namespace,
    part: &str,
    file: &Path,
    scratch: &Path,
    mut ends: impl FnMut(&str) -> bool,
) -> Result<Option<Vec<String>>> {
    let mut command = Command::new("keepalived");
    command
        .args([part, "--dont-fork", "--log-console", "--dump-conf"])
        .args(["--config-id", "nobody", "--use-file"])
        .arg(file);
    for (option, name) in [("--pid", "p"), ("--vrrp_pid", "v"), ("--checkers_pid", "c")] {
        command.arg(option).arg(scratch.join(name));
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = machine.enter(|| command.spawn().context("cannot start keepalived"))?;
    let stderr = child.stderr.take().context("no standard error")?;
    let mut keepalived = Process::from(child);
    let (sender, lines) = mpsc::channel();
    // Ends when keepalived does.
    let reader = thread::spawn(move || {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let _nobody_listens = sender.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    let mut text = Vec::new();
    let mut complete = false;
    while let Ok(line) = lines.recv_timeout(PATIENCE) {
        let line = behind_the_time(&line).to_owned();
        complete = ends(&line);
        if complete {
            break;
        }
        text.push(line);
    }
    keepalived.signal(Signal::SIGTERM)?;
    keepalived.wait(PATIENCE)?;
    drop(reader.join());
    Ok(complete.then_some(text))
}

/// `Fri Nov 27 05:00:00 2026: `
fn behind_the_time(line: &str) -> &str {
    line.get(26..)
        .filter(|_| line.get(24..26) == Some(": "))
        .unwrap_or(line)
}
