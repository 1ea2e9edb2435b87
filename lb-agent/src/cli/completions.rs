//! `lb-agent completions` and `lb-agent keyword`: the command line for shells, and the keywords of
//! the configuration for people. A shell completes the names of the keywords, too: both come from
//! the keyword tables.

use std::process::ExitCode;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{CommandFactory as _, Error};
use clap_complete::Shell;

use crate::config::{self, KeywordNames};

#[derive(Debug, clap::Args)]
pub(super) struct Completions {
    /// Which shell.
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub(super) struct Keyword {
    /// Its name; without one the names of all are listed.
    #[arg(value_name = "NAME", value_parser = Names, hide_possible_values = true, allow_hyphen_values = true)]
    name: Option<String>,
}

impl Completions {
    pub(super) fn main(&self) -> ExitCode {
        super::answer(&script(self.shell));
        ExitCode::SUCCESS
    }
}

/// What the shell reads.
fn script(shell: Shell) -> String {
    let mut command = super::Arguments::command();
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "lb-agent", &mut script);
    // For bash clap_complete 4.6.11 takes the dash in the program's name for the one between a
    // command and its subcommand at some places and not at others.
    String::from_utf8_lossy(&script).replace("lb__subcmd__agent", "lb__agent")
}

impl Keyword {
    #[expect(clippy::print_stderr, reason = "the answer of the command")]
    pub(super) fn main(&self) -> ExitCode {
        let Some(name) = &self.name else {
            let names: Vec<&str> = KeywordNames.all().collect();
            super::answer(&format!("{}\n", names.join("\n")));
            return ExitCode::SUCCESS;
        };
        match config::keyword_md(name) {
            Ok(text) => {
                super::answer(&text);
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        }
    }
}

/// Takes any word, since [`config::keyword_md`] knows the nearest name; proposes those of the tables.
#[derive(Clone, Copy, Debug)]
struct Names;

impl TypedValueParser for Names {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(KeywordNames.all().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests;
