//! Gives tests that failed a second attempt, alone.
//!
//! Many live in real time, with real peers, and several run at a time: on a busy machine a process
//! may get no processor for longer than a test allows for. What is broken fails twice. What passes
//! the second time is said, with its first failure: it is unsteady, and wants mending.

use anyhow::{Context, Result};

use super::Program;
use super::output::{Case, Outcomes};

/// If more have failed, something is broken: nothing runs again.
const AT_MOST: usize = 8;

/// What the tests of `programs` have come to: those that failed run again by `run`, which is given
/// the program and what to tell it.
pub(super) fn settle(
    mut outcomes: Outcomes,
    programs: &[Program],
    mut run: impl FnMut(&Program, &[String]) -> Result<Outcomes>,
) -> Result<Outcomes> {
    let is_one_test = |case: &Case| !case.test.is_empty();
    if outcomes.failed.len() > AT_MOST || !outcomes.failed.iter().all(is_one_test) {
        return Ok(outcomes);
    }
    for case in std::mem::take(&mut outcomes.failed) {
        println!("again  {case}");
        let program = programs.iter().find(|it| it.name == case.program);
        let program = program.context("a program that was not run has failed")?;
        let arguments = ["--show-output", "--test-threads=1", "--exact", &case.test];
        let second = run(program, &arguments.map(str::to_owned))?;
        if second.passed == 1 {
            outcomes.passed += 1;
            outcomes.unsteady.push(case);
        } else {
            outcomes.failed.push(case);
        }
    }
    Ok(outcomes)
}

#[cfg(test)]
mod tests;
