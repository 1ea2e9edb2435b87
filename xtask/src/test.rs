//! Runs all tests and counts what passed, failed and could not run.
//!
//! Cargo builds the test programs; we run them, several at a time. A test that cannot run here
//! prints a line `skipped: <reason>` and returns: the harness of Rust has no word for that.
//!
//! Tests of IPVS, of ipvlan and of VLANs run in a guest where this machine's kernel has none, and one has
//! Debian's kernel load the XDP programs. A test that fails runs once more, alone (`again`).

mod again;
mod guest;
mod output;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use lb_tests::{Need, now};
use nix::unistd::geteuid;
use serde_json::Value;

use crate::cargo::{HOST, build_agent, command};
use crate::setup;
use crate::vm::kernel::Kernel;
use guest::Guest;
use output::Outcomes;

/// What is to be run.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Only tests whose name contains this; the test program's name counts, too.
    pub(crate) filter: Option<String>,
    /// Install nothing, even if something is missing.
    #[arg(long)]
    pub(crate) no_setup: bool,
    /// Tests that no guest could be started for are a failure.
    #[arg(skip)]
    pub(crate) needs_guests: bool,
}

/// A test program, built.
#[derive(Debug)]
struct Program {
    /// `lb-tests::dr`.
    name: String,
    executable: PathBuf,
    /// The package's directory: what cargo makes the working directory.
    directory: PathBuf,
}

impl Program {
    /// Whether its tests live in networks of namespaces and measure time: the quick ones are over
    /// before these begin.
    fn is_end_to_end(&self) -> bool {
        self.name.starts_with("lb-tests::")
    }

    /// Whether no other takes as long: it begins first, so that the rest runs beside it.
    fn takes_longest(&self) -> bool {
        self.name == "lb-tests::vrrp_peers"
    }

    /// What its tests need of a kernel and every guest's has.
    fn needs(&self) -> Option<Need> {
        match self.name.as_str() {
            "lb-tests::ipvs" => Some(Need::Ipvs),
            "lb-tests::ipvlan" => Some(Need::Ipvlan),
            "lb-tests::vlan" => Some(Need::Vlan),
            _ => None,
        }
    }

    /// The same in a kernel that is older than most, if that is worth a test: whether it takes the
    /// XDP programs.
    fn in_old_kernel(&self) -> Option<Self> {
        (self.name == "lb-tests::verifier").then(|| Self {
            name: format!("{} (Debian's kernel)", self.name),
            executable: self.executable.clone(),
            directory: self.directory.clone(),
        })
    }
}

/// Test programs that run at a time. Of an end-to-end program twice as many tests do: those mostly
/// wait.
const AT_A_TIME: usize = 2;

/// Runs the tests.
pub(crate) fn run(options: &Options) -> Result<()> {
    if geteuid().is_root() && !options.no_setup {
        setup::run(&setup::Part::ALL)?;
    } else if !options.no_setup {
        println!("Not root: what tests need besides the build is not installed; they are skipped.");
        setup::run(&[setup::Part::Build])?;
    }
    build_agent()?;
    let (slow, quick): (Vec<_>, Vec<_>) =
        build(&HOST)?.into_iter().partition(Program::is_end_to_end);
    let abroad = |program: &Program| program.needs().is_some_and(|need| !need.is_met());
    let (abroad, mut slow): (Vec<_>, Vec<_>) = slow.into_iter().partition(abroad);
    slow.sort_by_key(|program| !program.takes_longest());
    let old: Vec<_> = slow.iter().filter_map(Program::in_old_kernel).collect();
    let filter = options.filter.as_deref();
    let mut outcomes = Outcomes::default();
    for programs in [&quick, &slow] {
        let here = run_all(programs, filter);
        outcomes.append(again::settle(here, programs, |program, arguments| {
            Ok(run_program(program, arguments))
        })?);
    }
    for (programs, kernel) in [(&abroad, None), (&old, Some(Kernel::Qemu))] {
        for program in programs {
            let all = arguments(program, filter, 1);
            for (guest, arguments) in Guest::of(program, &all, kernel, options)? {
                let there = guest.run(program, &arguments)?;
                outcomes.append(again::settle(there, programs, |program, arguments| {
                    guest.run(program, arguments)
                })?);
            }
        }
    }
    if options.filter.is_none() {
        outcomes.append(run_one(
            "documentation",
            command(&["test", "--doc"]).args(HOST),
        ));
    }
    println!("\n{outcomes}");
    ensure!(
        outcomes.failed.is_empty(),
        "{} tests failed",
        outcomes.failed.len()
    );
    let without = outcomes.without_guest();
    ensure!(
        !options.needs_guests || without == 0,
        "{without} tests had no guest to run in (kernel IPVS, Debian's kernel): why none starts stands above"
    );
    Ok(())
}

/// A command that runs one of our test programs of namespaces, which is built.
pub(crate) fn program_of(target: &str) -> Result<Command> {
    built_as("--test", target)
}

/// A command that runs one of our benches, built as the tests are.
pub(crate) fn bench_of(target: &str) -> Result<Command> {
    built_as("--bench", target)
}

fn built_as(kind: &str, target: &str) -> Result<Command> {
    let built = build(&["--package", "lb-tests", kind, target])?;
    let name = format!("lb-tests::{target}");
    let found = built.iter().find(|program| program.name == name);
    let program = found.with_context(|| format!("cargo has not built {name}"))?;
    let mut command = Command::new(&program.executable);
    prepared(program, &mut command);
    Ok(command)
}

/// Has cargo build test programs.
fn build(which: &[&str]) -> Result<Vec<Program>> {
    let output = command(&[
        "test",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ])
    .args(which)
    .stderr(Stdio::inherit())
    .output()
    .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("the tests do not compile");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    Ok(messages
        .lines()
        .filter_map(|line| program(&serde_json::from_str(line).ok()?))
        .collect())
}

/// The test program that a message of cargo speaks of, if it does.
fn program(message: &Value) -> Option<Program> {
    if message.pointer("/profile/test")? != &Value::Bool(true) {
        return None;
    }
    let executable = PathBuf::from(message.get("executable")?.as_str()?);
    let manifest = Path::new(message.get("manifest_path")?.as_str()?);
    let directory = manifest.parent()?.to_owned();
    let target = message.pointer("/target/name")?.as_str()?;
    // The package's name is the last part of its id, `path+file:///…/lb-common#0.1.0`, or stands
    // behind the hash sign if it differs from its directory's.
    let id = message.get("package_id")?.as_str()?;
    let (path, version) = id.rsplit_once('#')?;
    let package = version
        .split_once('@')
        .map_or(path.rsplit('/').next()?, |(name, _)| name);
    Some(Program {
        name: format!("{package}::{target}"),
        executable,
        directory,
    })
}

/// Runs programs, some at a time.
fn run_all(programs: &[Program], filter: Option<&str>) -> Outcomes {
    let queue = Mutex::new(programs.iter());
    let all = Mutex::new(Outcomes::default());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    // Not `while let`: that would hold the lock as long as the program runs.
                    let Some(program) = lock(&queue).next() else {
                        break;
                    };
                    let arguments = arguments(program, filter, AT_A_TIME * 2);
                    let outcomes = run_program(program, &arguments);
                    lock(&all).append(outcomes);
                }
            });
        }
    });
    all.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The value in a mutex; a thread that panicked has left it whole.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs tests of one program.
fn run_program(program: &Program, arguments: &[String]) -> Outcomes {
    let mut tests = Command::new(&program.executable);
    tests.args(arguments);
    run_one(&program.name, prepared(program, &mut tests))
}

/// What a test program is told.
fn arguments(program: &Program, filter: Option<&str>, threads: usize) -> Vec<String> {
    let mut arguments = vec!["--show-output".to_owned()];
    if program.is_end_to_end() {
        arguments.push(format!("--test-threads={threads}"));
    }
    let filter = filter.filter(|filter| !program.name.contains(filter));
    arguments.extend(filter.map(str::to_owned));
    arguments
}

/// Puts a test program where cargo would start it.
fn prepared<'a>(program: &Program, tests: &'a mut Command) -> &'a mut Command {
    tests
        .current_dir(&program.directory)
        .env("CARGO_MANIFEST_DIR", &program.directory)
        // A failure names its place; the backtrace would name the harness of Rust.
        .env("RUST_BACKTRACE", "0")
}

/// Runs a test program to its end and reads what it says.
fn run_one(name: &str, tests: &mut Command) -> Outcomes {
    let started = now();
    let output = tests.output().map_err(Into::into);
    said(name, output, started.elapsed())
}

/// Reads what a test program has said, and prints a line on it.
fn said(name: &str, output: Result<Output>, took: Duration) -> Outcomes {
    let outcomes = match output {
        Ok(output) => Outcomes::read(
            name,
            output.status,
            &String::from_utf8_lossy(&output.stdout),
            &String::from_utf8_lossy(&output.stderr),
        ),
        Err(error) => Outcomes::broken(name, format!("cannot start: {error:#}")),
    };
    if !outcomes.is_empty() {
        println!("{} ({:.0} s)", outcomes.line(name), took.as_secs_f64());
    }
    outcomes
}
