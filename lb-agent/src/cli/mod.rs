//! The command line.

mod call;
mod check;
mod completions;
mod dump;
mod genhash;
mod host;
mod keepalived;
mod run;
mod trace;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use nix::sched::{CloneFlags, setns};

use crate::config::{self, Environment, Loaded};
use crate::runtime::parts::Parts;
use crate::runtime::reload::Origin;
use crate::script::groups;

/// Where keepalived looks, and so do we.
const DEFAULT_CONFIG: &str = "/etc/keepalived/keepalived.conf";

/// keepalived's configuration, VRRP and health checks, with an XDP data plane.
#[derive(Debug, Parser)]
#[command(
    version,
    about,
    arg_required_else_help = true,
    after_help = "Without a subcommand the switches of keepalived are understood: \
                  lb-agent -f FILE -n -l -D -P -C -V -I -t …"
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run in the foreground: elect a MASTER, check the servers, forward.
    Run(run::Arguments),
    /// Read the configuration and say what is wrong with it. Needs no rights.
    Check(check::Arguments),
    /// Show services, connections, VRRP instances, next hops. Works without a running agent, too.
    Dump(dump::Arguments),
    /// Show what becomes of packets, as they come: the decision of the XDP program, one line each.
    Trace(trace::Arguments),
    /// Have the running agent read its configuration again; says what is wrong with it, if anything.
    Reload(call::Reload),
    /// Give a real server no new connections; those that it has go on.
    Drain(call::Target),
    /// End what `drain` or `weight` has set.
    Enable(call::Target),
    /// Give a real server a weight, until `enable`, over reloads and restarts.
    Weight(call::Weight),
    /// Check servers now: all, those of a virtual server, or one of them.
    CheckNow(call::CheckNow),
    /// Say where a keyword of the configuration may stand, what it takes and what it does here.
    Keyword(completions::Keyword),
    /// Print completions for a shell: of this command line, and of the names of keywords.
    Completions(completions::Completions),
    /// Fetch a page and print its digest, for `digest` in the configuration.
    Genhash(genhash::Arguments),
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct ConfigArguments {
    /// The configuration file.
    #[arg(short = 'f', long, value_name = "FILE", alias = "use-file", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
    /// What `@ID` in front of a line is compared with; default: the short name of this host.
    #[arg(short = 'i', long, value_name = "ID")]
    config_id: Option<String>,
}

impl ConfigArguments {
    /// Where it comes from, with what its macros can ask for.
    fn origin(&self) -> Origin {
        Origin {
            // The agent keeps to it, wherever it may go.
            path: std::path::absolute(&self.config).unwrap_or_else(|_| self.config.clone()),
            environment: self.environment(),
            parts: Parts::default(),
        }
    }

    fn environment(&self) -> Environment {
        Environment {
            config_id: self.config_id.clone().unwrap_or_else(short_host_name),
            variables: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            random: u64::from(std::process::id()),
        }
    }

    /// Reads it for a program, with every remark.
    fn load_for_machines(&self, explained: bool) -> Loaded {
        let environment = self.environment();
        let path = &self.config;
        config::load_for_machines(&config::FileSystem, path, &environment, explained)
    }

    /// Reads it.
    fn load(&self, explained: bool) -> Loaded {
        let environment = self.environment();
        let read = if explained {
            config::load_explained
        } else {
            config::load_in
        };
        read(&config::FileSystem, &self.config, &environment)
    }
}

/// The host's name up to the first dot; empty when it has none.
fn short_host_name() -> String {
    let name = nix::unistd::gethostname().unwrap_or_default();
    let name = name.to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// Which agent of this host.
#[derive(Debug, clap::Args)]
struct InstanceArguments {
    /// Name of this agent, if several run on one host; part of the path of its pinned maps.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = instance_name)]
    instance: String,
}

/// A name that can be a file name, whoever chose it.
fn instance_name(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || text.starts_with('.') || !text.chars().all(allowed) {
        return Err("up to 64 letters, digits, '-', '_' and '.' (not as the first)".to_owned());
    }
    Ok(text.to_owned())
}

/// Does what a command line says, ours or keepalived's; the first word is the program's name.
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    if let Some(status) = groups::become_script(&arguments) {
        return status;
    }
    let ours = match keepalived::read(arguments) {
        Ok(keepalived::Meaning::Keepaliveds(switches)) => return as_keepalived(*switches),
        Ok(keepalived::Meaning::Ours(arguments)) => arguments,
        Err(error) => error.exit(),
    };
    match Arguments::parse_from(ours).command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Check(arguments) => check::main(&arguments),
        Command::Dump(arguments) => dump::main(&arguments),
        Command::Trace(arguments) => trace::main(&arguments),
        Command::Reload(arguments) => arguments.main(),
        Command::Drain(target) => target.drain(),
        Command::Enable(target) => target.enable(),
        Command::Weight(arguments) => arguments.main(),
        Command::CheckNow(arguments) => arguments.main(),
        Command::Keyword(arguments) => arguments.main(),
        Command::Completions(arguments) => arguments.main(),
        Command::Genhash(arguments) => genhash::main(&arguments),
    }
}

/// Writes what a command has to say to standard output. Who reads only its beginning, as `head`
/// does, has what he wants.
fn answer(text: &str) {
    drop(io::stdout().lock().write_all(text.as_bytes()));
}

/// Does what keepalived's switches say.
#[expect(clippy::print_stderr, reason = "the answers of the command")]
fn as_keepalived(switches: keepalived::Switches) -> ExitCode {
    if switches.version {
        answer(concat!("lb-agent ", env!("CARGO_PKG_VERSION"), "\n"));
        return ExitCode::SUCCESS;
    }
    if let Some(name) = &switches.signum {
        let Some(number) = keepalived::signal_number(name) else {
            eprintln!("no signal is called {name}: STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON");
            return ExitCode::FAILURE;
        };
        answer(&format!("{number}\n"));
        return ExitCode::SUCCESS;
    }
    if let Some(name) = &switches.namespace
        && let Err(error) = enter_namespace(name)
    {
        eprintln!("cannot enter network namespace {name}: {error}");
        return ExitCode::from(NAMESPACE);
    }
    let config = ConfigArguments {
        config: switches.use_file.clone(),
        config_id: switches.config_id.clone(),
    };
    match switches.config_test.clone() {
        Some(log) => check::main(&check::Arguments::of(config, log)),
        None => run::main(&run::Arguments::of(config, switches)),
    }
}

/// keepalived's exit status when there is no such namespace.
const NAMESPACE: u8 = 204;

fn enter_namespace(name: &str) -> io::Result<()> {
    let file = File::open(Path::new("/run/netns").join(name))?;
    setns(file, CloneFlags::CLONE_NEWNET).map_err(Into::into)
}
