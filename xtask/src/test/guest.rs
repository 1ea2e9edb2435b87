//! Runs a test program in a guest, one test at a time: a guest may be slow, and some measure time.

use std::env;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use lb_tests::now;

use super::output::Outcomes;
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

impl Guest<'_> {
    /// Runs tests of one program. Where no guest can be started they are skipped as one, with the
    /// reason.
    pub(super) fn run(&self, program: &Program, arguments: &[String]) -> Result<Outcomes> {
        if !has_tests(program, arguments)? {
            return Ok(Outcomes::default());
        }
        if !self.options.no_setup
            && let Err(error) = vm::prepare(self.kernel)
        {
            return Ok(skipped(program, &format!("{error:#}")));
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
                skipped(program, &reason(&output))
            }
            output => said(&program.name, output.map_err(Into::into), started.elapsed()),
        })
    }
}

/// Whether the filter lets any test through: a guest takes its time.
fn has_tests(program: &Program, arguments: &[String]) -> Result<bool> {
    let mut list = Command::new(&program.executable);
    list.args(arguments).args(["--list", "--format", "terse"]);
    let output = prepared(program, &mut list)
        .output()
        .with_context(|| format!("cannot start {}", program.name))?;
    Ok(!output.stdout.is_empty())
}

/// What `vm` has said.
fn reason(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    errors.trim().trim_start_matches("error: ").to_owned()
}

fn skipped(program: &Program, reason: &str) -> Outcomes {
    let outcomes = Outcomes::skipped(&program.name, format!("no guest to run it in: {reason}"));
    println!("{}", outcomes.line(&program.name));
    outcomes
}
