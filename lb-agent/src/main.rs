//! The `lb-agent` binary: arguments in, exit status out.

use std::process::ExitCode;

use lb_agent::cli;

fn main() -> ExitCode {
    cli::main(std::env::args_os().collect())
}
