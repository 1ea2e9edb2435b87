//! `lb-agent check`.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use super::ConfigArguments;
use crate::config;
use crate::net::link;
use crate::net::netlink::Connection;
use crate::runtime::interfaces;

/// Exit status of a configuration that names an interface which is not here.
const MISSING_INTERFACE: u8 = 5;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Check nothing: print what every keyword takes and does, as Markdown.
    #[arg(long)]
    keywords: bool,
}

/// Exit status as keepalived's `-t`; the table stands at [`config::Loaded::exit_status`]. An
/// interface that is missing here counts as an error in a configuration that runs (5).
#[expect(clippy::print_stdout, reason = "the answer of the command")]
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.keywords {
        print!("{}", config::configuration_md());
        return ExitCode::SUCCESS;
    }
    let path = &arguments.config.config;
    let loaded = config::load(&config::FileSystem, path);
    let messages = config::render(&loaded, std::io::stdout().is_terminal());
    if !messages.is_empty() {
        println!("{messages}");
    }
    let missing = missing_interface(&loaded.config);
    if let Some(missing) = &missing {
        println!("error: {}: {missing}", path.display());
    }
    if messages.is_empty() && missing.is_none() {
        println!("{}: no errors, no warnings", path.display());
    }
    match (loaded.exit_status(), missing) {
        (0, Some(_)) => ExitCode::from(MISSING_INTERFACE),
        (status, _) => ExitCode::from(status),
    }
}

/// The kernel lists interfaces to everybody; where it does not answer, there is nothing to say.
fn missing_interface(config: &config::model::Config) -> Option<interfaces::NoInterface> {
    let links = Connection::open()
        .and_then(|mut connection| link::list(&mut connection))
        .ok()?;
    let existing: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    interfaces::check(config, &existing).err()
}
