//! Runs a command as root in a small virtual machine that sees this machine's files, on a kernel
//! that has what this machine's may lack: IPVS first of all.
//!
//! ```text
//!   this machine                          guest
//!   / ──── hostfs or 9p, read only ─────▶ lower half of / ┐
//!                                         memory ─────────┴▶ / (what is written is lost)
//!   environment, directory, words ──────▶ /run/guest/command
//!   stdout, stderr ◀── pipes ──────────── its stdout, stderr
//!   exit status ◀───── pipe ───────────── its exit status
//! ```
//!
//! The guest has no network to the outside. Its kernel is Debian's: [`kernel`] fetches it,
//! [`machine`] says how it is started, `init.sh` and `session.sh` are what runs in it.

mod cpio;
pub(crate) mod kernel;
mod machine;
mod pipes;
mod script;
mod wait;

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use kernel::{Fetched, Kernel};
use machine::Machine;
use pipes::Pipes;
use wait::{End, Signals};

/// What is to run, and in which guest.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The guest's kernel [default: uml, or qemu where this machine's processor cannot run uml].
    #[arg(long, value_enum)]
    kernel: Option<Kernel>,
    /// Its memory, MiB.
    #[arg(long, default_value_t = 1024)]
    memory: u32,
    /// Its processors (qemu; uml has one).
    #[arg(long, default_value_t = 2)]
    cpus: u32,
    /// Seconds until it is switched off, with status 124.
    #[arg(long, default_value_t = 600)]
    time_limit: u64,
    /// Install nothing, even if something is missing.
    #[arg(long)]
    no_setup: bool,
    /// The command and its words.
    #[arg(required = true, last = true)]
    command: Vec<OsString>,
}

/// Statuses of our own, as timeout(1) and shells have them.
const TIMED_OUT: u8 = 124;
pub(crate) const FAILED: u8 = 125;
const SIGNALLED: u8 = 128;

/// Runs the command; its status is ours. 124: too slow. 125: there was no guest to run it in.
pub(crate) fn run(options: &Options) -> ExitCode {
    match boot(options) {
        Ok(status) => status.into(),
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "standard output is the command's")]
            {
                eprintln!("error: {error:#}");
            }
            FAILED.into()
        }
    }
}

/// Fetches what a guest needs; without a kernel, the default one.
pub(crate) fn prepare(kernel: Option<Kernel>) -> Result<()> {
    kernel::fetch(Kernel::choose(kernel)?).map(drop)
}

fn boot(options: &Options) -> Result<u8> {
    let kernel = Kernel::choose(options.kernel)?;
    let fetched = if options.no_setup {
        kernel::there(kernel)?
    } else {
        kernel::fetch(kernel)?
    };
    let control = control(&fetched, &options.command)?;
    let console = control.path().join("console");
    let pipes = Pipes::new()?;
    let mut guest = Machine {
        kernel: &fetched,
        memory: options.memory,
        cpus: options.cpus,
        control: control.path(),
        channels: pipes.writers(),
    }
    .start(&console)?;
    // Not earlier: programs inherit what is blocked.
    let signals = Signals::block()?;
    let reports = pipes.relay();
    let limit = Duration::from_secs(options.time_limit);
    match wait::until_ended(&mut guest, &signals, limit)? {
        End::Exited(status) => reports.status().with_context(|| died(&console, status)),
        End::TimedOut => {
            reports.status();
            #[expect(clippy::print_stderr, reason = "standard output is the command's")]
            {
                eprintln!(
                    "error: not done after {} s (--time-limit)",
                    options.time_limit
                );
            }
            Ok(TIMED_OUT)
        }
        End::Signalled(signal) => {
            reports.status();
            Ok(SIGNALLED.saturating_add(signal))
        }
    }
}

/// What the guest reads when it starts: a directory that goes when the value is dropped.
fn control(fetched: &Fetched, words: &[OsString]) -> Result<TempDir> {
    let control = tempfile::Builder::new()
        .prefix("lb-guest-")
        .tempdir()
        .context("cannot make a temporary directory")?;
    let path = control.path();
    // It goes into the kernel's command line, where a blank ends a word.
    if path
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .any(u8::is_ascii_whitespace)
    {
        bail!(
            "{} has a blank in it: set TMPDIR to a path without",
            path.display()
        );
    }
    let directory = env::current_dir().context("the current directory is gone")?;
    let environment: Vec<_> = env::vars_os().collect();
    let command = script::command(
        words.iter().map(OsString::as_os_str),
        &directory,
        environment
            .iter()
            .map(|(name, value)| (name.as_os_str(), value.as_os_str())),
    );
    let mut settings = script::setting("directory", fetched.directory.as_os_str());
    settings.extend(script::setting("version", OsStr::new(&fetched.version)));
    let files: [(&str, &[u8]); 4] = [
        ("command", &command),
        ("settings", &settings),
        ("init.sh", include_bytes!("vm/init.sh")),
        ("session.sh", include_bytes!("vm/session.sh")),
    ];
    for (name, content) in files {
        kernel::write(&path.join(name), content)?;
    }
    Ok(control)
}

/// Why there is no status: the end of what the kernel has said.
fn died(console: &Path, status: ExitStatus) -> String {
    let text = fs::read(console).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let last = lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default();
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    };
    format!(
        "the guest ended with {how} before the command did; its console:\n{}",
        last.join("\n")
    )
}
