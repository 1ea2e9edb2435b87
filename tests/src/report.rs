//! The frame of a benchmark.

use std::process::ExitCode;

use anyhow::Result;

use crate::needs::{self, Need};

/// Runs a benchmark and says what went wrong. Where it cannot run that is said, and no error.
#[expect(clippy::print_stdout, reason = "for the terminal")]
pub fn report(needs: &[Need], run: impl FnOnce() -> Result<()>) -> ExitCode {
    if needs::skipped(needs) {
        return ExitCode::SUCCESS;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
