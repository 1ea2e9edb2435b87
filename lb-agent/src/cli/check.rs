//! `lb-agent check`.

use std::process::ExitCode;

use super::ConfigArguments;
use crate::config;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
}

/// Exit status as keepalived's `-t`; the table stands at `config::status`.
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let path = &arguments.config.config;
    let loaded = config::load(&config::FileSystem, path);
    let messages = config::render(
        &loaded,
        std::io::IsTerminal::is_terminal(&std::io::stdout()),
    );
    if messages.is_empty() {
        println!("{}: no errors, no warnings", path.display());
    } else {
        println!("{messages}");
    }
    ExitCode::from(loaded.exit_status())
}
