//! The `lb-agent` binary: arguments in, exit status out.

use std::process::ExitCode;

use clap::Parser as _;
use lb_agent::cli;

fn main() -> ExitCode {
    cli::main(cli::Arguments::parse())
}
