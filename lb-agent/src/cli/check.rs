//! `lb-agent check`.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

use super::ConfigArguments;
use crate::config::{self, Entry, Loaded, Severity};
use crate::net::link;
use crate::net::netlink::Connection;
use crate::runtime::interfaces;

/// Exit status of a configuration that names an interface which is not here, and of one with
/// warnings when those count as errors.
const FAULTY: u8 = 5;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// For people, or one JSON document for programs.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the configuration as it was understood, every value with the line that says it, and
    /// what the data plane is given.
    #[arg(long)]
    explain: bool,
    /// Warnings count as errors: the exit status is not 0.
    #[arg(long)]
    strict: bool,
    /// Check nothing: print what every keyword takes and does, as Markdown, or as JSON for editors.
    #[arg(long)]
    keywords: bool,
    /// Where the remarks go instead of standard output (keepalived's `-tLOG`).
    #[arg(skip)]
    log: Option<PathBuf>,
}

impl Arguments {
    /// keepalived's `-t`; with the name `-` the remarks go to standard output.
    pub(super) fn of(config: ConfigArguments, log: PathBuf) -> Self {
        Self {
            config,
            format: Format::Text,
            explain: false,
            strict: false,
            keywords: false,
            log: Some(log).filter(|log| log.as_os_str() != "-"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What `--format json` prints.
#[derive(Serialize)]
struct Report {
    /// As the command's exit status.
    exit_status: u8,
    /// All remarks, by file and place.
    remarks: Vec<Entry>,
    /// The interfaces that the configuration names and this host has not, and what follows.
    missing_interfaces: Vec<String>,
}

/// Exit status as keepalived's `-t`; the table stands at [`Loaded::exit_status`]. An interface
/// that is missing here counts as an error in a configuration that runs (5).
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.keywords {
        match arguments.format {
            Format::Text => super::answer(&config::configuration_md()),
            Format::Json => super::answer(&format!("{}\n", config::keywords_json())),
        }
        return ExitCode::SUCCESS;
    }
    let loaded = arguments.config.load(arguments.explain);
    let missing = missing_interfaces(&loaded.config);
    let status = exit_status(&loaded, !missing.is_empty(), arguments.strict);
    if arguments.explain {
        super::answer(&config::explain(&loaded));
    }
    if let Some(log) = &arguments.log {
        let text = text(arguments, &loaded, &missing);
        if let Err(error) = std::fs::write(log, format!("{text}\n")) {
            super::answer(&format!(
                "cannot write {}: {error}\n{text}\n",
                log.display()
            ));
        }
        return ExitCode::from(status);
    }
    match arguments.format {
        Format::Text => super::answer(&format!("{}\n", text(arguments, &loaded, &missing))),
        Format::Json => super::answer(&format!("{}\n", json(&loaded, missing, status))),
    }
    // The process ends here: the kernel takes back at once what would be freed piece by piece.
    std::mem::forget(loaded);
    ExitCode::from(status)
}

fn exit_status(loaded: &Loaded, is_missing: bool, strict: bool) -> u8 {
    let remarks = &loaded.diagnostics;
    let warned = remarks.iter().any(|one| one.severity != Severity::Notice);
    match loaded.exit_status() {
        0 if is_missing || (strict && warned) => FAULTY,
        status => status,
    }
}

fn text(arguments: &Arguments, loaded: &Loaded, missing: &[String]) -> String {
    let path = arguments.config.config.display();
    let messages = config::render(loaded, std::io::stdout().is_terminal());
    if messages.is_empty() && missing.is_empty() {
        return format!("{path}: no errors, no warnings");
    }
    let missing = missing.iter().map(|one| format!("error: {path}: {one}"));
    let missing: Vec<String> = missing.collect();
    messages + &missing.join("\n")
}

fn json(loaded: &Loaded, missing_interfaces: Vec<String>, exit_status: u8) -> String {
    let report = Report {
        exit_status,
        remarks: config::report(loaded),
        missing_interfaces,
    };
    // Nothing in it can fail to serialise: there are no maps, and paths are shown as text.
    serde_json::to_string_pretty(&report)
        .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
}

/// The kernel lists interfaces to everybody; where it does not answer, there is nothing to say.
fn missing_interfaces(config: &config::model::Config) -> Vec<String> {
    let links = Connection::open().and_then(|mut connection| link::list(&mut connection));
    let Ok(links) = links else {
        return Vec::new();
    };
    let existing: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let missing = interfaces::missing(config, &existing);
    missing.iter().map(ToString::to_string).collect()
}
