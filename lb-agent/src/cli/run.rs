//! `lb-agent run`.

use std::process::ExitCode;

use tracing::{error, info, warn};

use super::keepalived::{PidFiles, Switches};
use super::{ConfigArguments, InstanceArguments};
use crate::config;
use crate::runtime::lock::InstanceLock;
use crate::runtime::status::StatusFile;
use crate::runtime::{logging, supervisor};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    #[command(flatten)]
    instance: InstanceArguments,
    /// What to log: error, warn, info, debug, trace, or a filter as in `RUST_LOG`.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log: String,
    /// Refuse a configuration of which anything would be left out or is not understood. Without it
    /// the rest runs, as with keepalived.
    #[arg(long)]
    strict: bool,
    /// keepalived's switches.
    #[arg(skip)]
    switches: Box<Switches>,
    /// Whether they were given: our own command line does not ask for what they do.
    #[arg(skip)]
    as_keepalived: bool,
}

impl Arguments {
    /// keepalived's command line.
    pub(super) fn of(config: ConfigArguments, switches: Switches) -> Self {
        let log = if switches.log_detail {
            "info,lb_agent::vrrp=debug"
        } else {
            "info"
        };
        Self {
            config,
            instance: InstanceArguments {
                instance: switches.instance.clone(),
            },
            log: log.into(),
            strict: false,
            switches: Box::new(switches),
            as_keepalived: true,
        }
    }

    fn given(&self) -> impl Iterator<Item = &Switches> {
        self.as_keepalived.then_some(&*self.switches).into_iter()
    }
}

/// Exit status: 0 after a clean stop, 1 when the agent cannot run, else as for `check`.
#[expect(clippy::print_stderr, reason = "the log does not stand yet, or cannot")]
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let path = &arguments.config.config;
    let switches = &arguments.switches;
    let mut origin = arguments.config.origin();
    origin.parts = switches.parts();
    let loaded = origin.load();
    let log = match logging::start(&arguments.log) {
        Ok(log) => log,
        Err(error) => {
            eprintln!("cannot start the thread that writes the log: {error}");
            return ExitCode::FAILURE;
        }
    };
    let messages = config::render(&loaded, false);
    if !messages.is_empty() {
        eprintln!("{messages}");
    }
    let status = loaded.exit_status();
    if loaded.is_fatal() {
        error!("{} cannot be used; nothing was started", path.display());
        say_left(&arguments.instance.instance);
        return ExitCode::from(status);
    }
    if loaded.is_faulty() {
        let path = path.display();
        if arguments.strict {
            error!(
                "{path} has faults (`lb-agent check` shows them), and `--strict` wants none; nothing was started"
            );
            say_left(&arguments.instance.instance);
            return ExitCode::from(status);
        }
        warn!(
            "{path} has faults (`lb-agent check` shows them): what they are about is left out, \
             the rest runs, as with keepalived; `run --strict` would start nothing"
        );
    }
    if switches.dump_conf {
        let explained = arguments.config.load(true);
        eprintln!("{}", config::explain(&explained));
    }
    for notice in arguments.given().flat_map(Switches::without_effect) {
        warn!("{notice}");
    }
    info!(
        "Starting lb-agent {} with {}",
        env!("CARGO_PKG_VERSION"),
        path.display()
    );
    let instance = &arguments.instance.instance;
    let outcome = supervisor::run(loaded, origin, instance, switches.conduct(), || {
        // Not before: those of an agent that runs already are not ours to write over.
        PidFiles::write(switches.pid_files().cloned())
    });
    let status = match &outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let nothing = if error.is_of_start() {
                "; nothing was started"
            } else {
                ""
            };
            error!("{}{nothing}", chain(error));
            ExitCode::FAILURE
        }
    };
    drop(log);
    status
}

/// An error with its causes, each said once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let causes = std::iter::successors(error.source(), |error| error.source());
    for cause in causes.map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// This agent cannot start, and the one before it was killed. Its addresses stay, as with keepalived:
/// nothing says that they should go; but nobody else would say that they are there.
fn say_left(instance: &str) {
    let file = StatusFile::new(instance);
    // Who has the lock runs, and nothing is left.
    let Ok(_lock) = InstanceLock::take(instance, file.folder()) else {
        return;
    };
    let Ok((status, _age)) = file.read() else {
        return;
    };
    let masters = status.vrrp.iter().filter(|it| it.state == "MASTER");
    let addresses = masters.flat_map(|it| &it.virtual_ipaddress);
    let addresses: Vec<String> = addresses.map(ToString::to_string).collect();
    if !addresses.is_empty() {
        error!(
            "the agent before this one was killed as MASTER: {} may still be set on this host, while \
             another router has them; they go when an agent starts with a configuration that names \
             them, or with `ip address del`",
            addresses.join(", ")
        );
    }
}
