//! `lb-agent reload`, `drain`, `enable`, `weight`, `check-now`: what the running agent is told.
//!
//! Exit status: 0, it was done; 1, it was not, or no agent could be asked; `reload` of a file that
//! cannot be used: as for `check`.

use std::process::ExitCode;
use std::time::Duration;

use super::InstanceArguments;
use crate::control::client::{self, CallError};
use crate::control::protocol::{Request, Response, Server};

/// For what the agent does at once.
const PATIENCE: Duration = Duration::from_secs(30);

/// For a reload: a file of any size, on a slow disk.
const RELOAD_PATIENCE: Duration = Duration::from_mins(10);

#[derive(Debug, clap::Args)]
pub(super) struct Reload {
    #[command(flatten)]
    instance: InstanceArguments,
}

/// A real server of a virtual server.
#[derive(Debug, clap::Args)]
pub(super) struct Target {
    /// The virtual server: ADDRESS:PORT, with /udp or /tcp if both are there.
    #[arg(value_name = "VIRTUAL_SERVER")]
    virtual_server: String,
    /// Its real server: ADDRESS, or ADDRESS:PORT.
    #[arg(value_name = "REAL_SERVER")]
    real_server: String,
    #[command(flatten)]
    instance: InstanceArguments,
}

#[derive(Debug, clap::Args)]
pub(super) struct Weight {
    #[command(flatten)]
    target: Target,
    /// Its share of new connections; 0: none.
    #[arg(value_name = "WEIGHT", value_parser = clap::value_parser!(u32).range(0..=65535), allow_negative_numbers = true)]
    weight: u32,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckNow {
    /// The virtual server: ADDRESS:PORT, with /udp or /tcp if both are there.
    #[arg(value_name = "VIRTUAL_SERVER")]
    virtual_server: Option<String>,
    /// Its real server: ADDRESS, or ADDRESS:PORT.
    #[arg(value_name = "REAL_SERVER")]
    real_server: Option<String>,
    #[command(flatten)]
    instance: InstanceArguments,
}

impl Reload {
    pub(super) fn main(&self) -> ExitCode {
        call(&self.instance, &Request::Reload, RELOAD_PATIENCE)
    }
}

impl Target {
    fn server(&self) -> Server {
        Server {
            virtual_server: self.virtual_server.clone(),
            real_server: self.real_server.clone(),
        }
    }

    pub(super) fn drain(&self) -> ExitCode {
        call(&self.instance, &Request::Drain(self.server()), PATIENCE)
    }

    pub(super) fn enable(&self) -> ExitCode {
        call(&self.instance, &Request::Enable(self.server()), PATIENCE)
    }
}

impl Weight {
    pub(super) fn main(&self) -> ExitCode {
        let request = Request::Weight {
            server: self.target.server(),
            weight: self.weight,
        };
        call(&self.target.instance, &request, PATIENCE)
    }
}

impl CheckNow {
    pub(super) fn main(&self) -> ExitCode {
        let request = Request::CheckNow {
            virtual_server: self.virtual_server.clone(),
            real_server: self.real_server.clone(),
        };
        call(&self.instance, &request, PATIENCE)
    }
}

fn call(instance: &InstanceArguments, request: &Request, limit: Duration) -> ExitCode {
    report(client::call(&instance.instance, request, limit))
}

#[expect(clippy::print_stderr, reason = "the answer of the command")]
fn report(answer: Result<Response, CallError>) -> ExitCode {
    match answer {
        Ok(response) => {
            let text = response.text.trim_end();
            match (response.exit_status, text) {
                (_, "") => {}
                (0, text) => super::answer(&format!("{text}\n")),
                (_, text) => eprintln!("{text}"),
            }
            ExitCode::from(response.exit_status)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
