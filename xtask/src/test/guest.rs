//! Runs a test program in a guest, one test at a time: a guest may be slow, and some measure time.

use std::env;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use lb_tests::now;

use super::output::{NO_GUEST, Outcomes};
use super::{Options, Program, prepared, said};
use crate::vm::{self, kernel::Kernel};

/// Seconds; a minute is enough where nobody else wants the processors.
const TIME_LIMIT: &str = "1800";

/// Where tests run.
pub(super) struct Guest<'a> {
    /// Its kernel; `None`: the quickest one here.
    pub(super) kernel: Option<Kernel>,
    pub(super) options: &'a Options,
}

/// How a program is told to run the tests whose names follow.
const HOW: [&str; 3] = ["--show-output", "--test-threads=1", "--exact"];

/// Modules whose tests need what the quick guest's kernel has not: BTF, a JIT compiler, nftables for IPv4,
/// ends of GUE.
const NOT_FOR_UML: [&str; 8] = [
    "bonds::",
    "ends::",
    "mixed::",
    "moving::",
    "nftables::",
    "refused::",
    "sctp::",
    "tags::",
];

impl<'a> Guest<'a> {
    /// The guests that the tests of a program run in, each with what the program is told there:
    /// most in the quickest one, some need another kernel. None: there is nothing to run.
    pub(super) fn of(
        program: &Program,
        arguments: &[String],
        kernel: Option<Kernel>,
        options: &'a Options,
    ) -> Result<Vec<(Self, Vec<String>)>> {
        let names = tests(program, arguments)?;
        let (stock, quick): (Vec<_>, Vec<_>) = match (kernel, Kernel::choose(None)?) {
            (None, Kernel::Uml) => names
                .into_iter()
                .partition(|name| NOT_FOR_UML.iter().any(|module| name.starts_with(module))),
            (Some(_), _) | (None, Kernel::Qemu) => (Vec::new(), names),
        };
        let told = |names: Vec<String>| HOW.map(str::to_owned).into_iter().chain(names).collect();
        let guests = [(kernel, quick), (Some(Kernel::Qemu), stock)];
        let guests = guests.into_iter().filter(|(_, names)| !names.is_empty());
        Ok(guests
            .map(|(kernel, names)| (Self { kernel, options }, told(names)))
            .collect())
    }

    /// Runs tests of one program. Where no guest can be started each is skipped, with the reason.
    pub(super) fn run(&self, program: &Program, arguments: &[String]) -> Result<Outcomes> {
        if !self.options.no_setup
            && let Err(error) = vm::prepare(self.kernel)
        {
            return Ok(skipped(program, arguments, &format!("{error:#}")));
        }
        let ourselves = env::current_exe().context("cannot tell where the running program lies")?;
        let mut tests = Command::new(ourselves);
        tests.args(["vm", "--no-setup", "--time-limit", TIME_LIMIT]);
        if let Some(kernel) = self.kernel {
            tests.args(["--kernel", kernel.name()]);
        }
        tests.arg("--").arg(&program.executable).args(arguments);
        let started = now();
        let output = prepared(program, &mut tests).output();
        Ok(match output {
            Ok(output) if output.status.code() == Some(vm::FAILED.into()) => {
                skipped(program, arguments, &reason(&output))
            }
            output => said(&program.name, output.map_err(Into::into), started.elapsed()),
        })
    }
}

/// The tests that the filter lets through.
fn tests(program: &Program, arguments: &[String]) -> Result<Vec<String>> {
    let mut list = Command::new(&program.executable);
    list.args(arguments).args(["--list", "--format", "terse"]);
    let output = prepared(program, &mut list)
        .output()
        .with_context(|| format!("cannot start {}", program.name))?;
    let lines = String::from_utf8_lossy(&output.stdout);
    let names = lines.lines().filter_map(|line| line.strip_suffix(": test"));
    Ok(names.map(str::to_owned).collect())
}

/// What `vm` has said.
fn reason(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    errors.trim().trim_start_matches("error: ").to_owned()
}

/// The tests that a guest would have been told to run.
fn skipped(program: &Program, arguments: &[String], reason: &str) -> Outcomes {
    let names: Vec<_> = arguments
        .iter()
        .filter(|it| !it.starts_with("--"))
        .collect();
    let reason = format!("{NO_GUEST}{reason}");
    let outcomes = Outcomes::skipped(&program.name, &names, &reason);
    println!("{}", outcomes.line(&program.name));
    outcomes
}
