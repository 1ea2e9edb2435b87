//! `lb-agent check`.

mod memory;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;

use super::{ConfigArguments, host};
use crate::config::{self, Entry, Loaded, Severity};
use crate::dataplane::xdp::memory::processors;
use crate::runtime::files;

/// Exit status of a configuration with warnings when those count as errors.
const FAULTY: u8 = 5;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// The configuration file, as with `--config`.
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// For people, or one JSON document for programs.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the configuration as it was understood, every value with the line that says it, what
    /// the data plane is given, and what memory the XDP program takes.
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
    /// keepalived's `-t`; with the name `-` or `/dev/stdout` the remarks go to standard output.
    pub(super) fn of(config: ConfigArguments, log: PathBuf) -> Self {
        Self {
            config,
            file: None,
            format: Format::Text,
            explain: false,
            strict: false,
            keywords: false,
            log: Some(log).filter(|log| log.as_os_str() != "-" && log != Path::new("/dev/stdout")),
        }
    }

    /// Which configuration: the file may stand alone, too.
    fn configuration(&self) -> ConfigArguments {
        ConfigArguments {
            config: self.file.as_ref().unwrap_or(&self.config.config).clone(),
            config_id: self.config.config_id.clone(),
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
    /// With `--explain`: its page.
    #[serde(skip_serializing_if = "Option::is_none")]
    explained: Option<String>,
}

/// Exit status as keepalived's `-t`; the table stands at [`Loaded::exit_status`].
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    if arguments.keywords {
        match arguments.format {
            Format::Text => super::answer(&config::configuration_md()),
            Format::Json => super::answer(&format!("{}\n", config::keywords_json())),
        }
        return ExitCode::SUCCESS;
    }
    let configuration = arguments.configuration();
    let mut loaded = match arguments.format {
        Format::Text => configuration.load(arguments.explain),
        Format::Json => configuration.load_for_machines(arguments.explain),
    };
    let remarks = host::remarks(&loaded);
    loaded.add(remarks);
    let status = exit_status(&loaded, arguments.strict);
    let explained = arguments.explain.then(|| {
        let memory = memory::page(&loaded.config, processors());
        config::explain(&loaded) + &memory
    });
    if let Some(log) = &arguments.log {
        let text = text(arguments, &loaded);
        if let Err(error) = files::write(log, format!("{text}\n").as_bytes()) {
            super::answer(&format!(
                "cannot write {}: {error}\n{text}\n",
                log.display()
            ));
        }
        return ExitCode::from(status);
    }
    match arguments.format {
        Format::Text => {
            super::answer(&explained.unwrap_or_default());
            super::answer(&format!("{}\n", text(arguments, &loaded)));
        }
        Format::Json => super::answer(&format!("{}\n", json(&loaded, status, explained))),
    }
    // The process ends here: the kernel takes back at once what would be freed piece by piece.
    std::mem::forget(loaded);
    ExitCode::from(status)
}

fn exit_status(loaded: &Loaded, strict: bool) -> u8 {
    let remarks = &loaded.diagnostics;
    let warned = remarks.iter().any(|one| one.severity != Severity::Notice);
    match loaded.exit_status() {
        0 if strict && warned => FAULTY,
        status => status,
    }
}

fn text(arguments: &Arguments, loaded: &Loaded) -> String {
    let messages = config::render(loaded, std::io::stdout().is_terminal());
    if messages.is_empty() {
        let path = arguments.configuration().config;
        return format!("{}: no errors, no warnings", path.display());
    }
    messages
}

fn json(loaded: &Loaded, exit_status: u8, explained: Option<String>) -> String {
    let report = Report {
        exit_status,
        remarks: config::report(loaded),
        explained,
    };
    // Nothing in it can fail to serialise: there are no maps, and paths are shown as text.
    serde_json::to_string_pretty(&report)
        .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
}

#[cfg(test)]
mod tests;
