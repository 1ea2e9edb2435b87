//! keepalived's command line, as aliases of ours: units, scripts and habits go on working.
//!
//! It is meant when no subcommand is named: `lb-agent -f FILE -n -l`, or a link called `keepalived`
//! or `genhash`. Switches that have no meaning here are taken and said.

mod attached;
mod pid;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::Parser;

pub(super) use self::pid::PidFiles;

use crate::runtime::parts::Parts;
use crate::runtime::supervisor::Conduct;

/// keepalived's switches.
#[derive(Debug, Default, Parser)]
#[command(name = "lb-agent", disable_version_flag = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived's command line"
)]
pub(super) struct Switches {
    /// The configuration file.
    #[arg(short = 'f', long, value_name = "FILE", default_value = super::DEFAULT_CONFIG)]
    pub(super) use_file: PathBuf,
    /// Only VRRP: no virtual servers.
    #[arg(short = 'P', long)]
    pub(super) vrrp: bool,
    /// Only virtual servers and their checks: no VRRP.
    #[arg(short = 'C', long)]
    pub(super) check: bool,
    /// No BFD.
    #[arg(short = 'B', long = "no_bfd", alias = "no-bfd")]
    pub(super) no_bfd: bool,
    #[arg(long, hide = true)]
    pub(super) all: bool,
    /// Log to the console; it is always done.
    #[arg(short = 'l', long)]
    pub(super) log_console: bool,
    /// Log in detail.
    #[arg(short = 'D', long)]
    pub(super) log_detail: bool,
    #[arg(short = 'S', long, value_name = "FACILITY", hide = true)]
    pub(super) log_facility: Option<String>,
    #[arg(short = 'G', long, hide = true)]
    pub(super) no_syslog: bool,
    #[arg(short = 'g', long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-", hide = true)]
    pub(super) log_file: Option<PathBuf>,
    #[arg(long, hide = true)]
    pub(super) flush_log_file: bool,
    /// umask of the files that signals write, octal.
    #[arg(short = 'u', long, value_name = "MASK", value_parser = octal)]
    pub(super) umask: Option<u16>,
    #[arg(short = 'X', long, hide = true)]
    pub(super) release_vips: bool,
    /// Leave virtual addresses, routes and rules at the end.
    #[arg(short = 'V', long)]
    pub(super) dont_release_vrrp: bool,
    /// Leave the data plane at the end.
    #[arg(short = 'I', long)]
    pub(super) dont_release_ipvs: bool,
    #[arg(short = 'R', long, hide = true)]
    pub(super) dont_respawn: bool,
    /// Stay in the foreground; it is always done.
    #[arg(short = 'n', long)]
    pub(super) dont_fork: bool,
    /// Print the configuration as it was understood.
    #[arg(short = 'd', long)]
    pub(super) dump_conf: bool,
    /// Write the process id to this file.
    #[arg(short = 'p', long, value_name = "FILE")]
    pub(super) pid: Option<PathBuf>,
    /// The same: there is one process.
    #[arg(short = 'r', long = "vrrp_pid", value_name = "FILE")]
    pub(super) vrrp_pid: Option<PathBuf>,
    /// The same.
    #[arg(short = 'c', long = "checkers_pid", value_name = "FILE")]
    pub(super) checkers_pid: Option<PathBuf>,
    /// The same.
    #[arg(short = 'b', long = "bfd_pid", value_name = "FILE")]
    pub(super) bfd_pid: Option<PathBuf>,
    #[arg(short = 'a', long, hide = true)]
    pub(super) address_monitoring: bool,
    #[arg(short = 'x', long, hide = true)]
    pub(super) snmp: bool,
    #[arg(short = 'A', long, value_name = "FILE", hide = true)]
    pub(super) snmp_agent_socket: Option<String>,
    /// Run in this network namespace.
    #[arg(short = 's', long, value_name = "NAME")]
    pub(super) namespace: Option<String>,
    #[arg(short = 'm', long, hide = true)]
    pub(super) core_dump: bool,
    #[arg(short = 'M', long, value_name = "PATTERN", num_args = 0..=1, require_equals = true, default_missing_value = "-", hide = true)]
    pub(super) core_dump_pattern: Option<String>,
    #[arg(short = 'e', long, num_args = 0..=1, require_equals = true, default_missing_value = "-", hide = true)]
    pub(super) all_config: Option<String>,
    /// What `@ID` in front of a line is compared with.
    #[arg(short = 'i', long, value_name = "ID")]
    pub(super) config_id: Option<String>,
    /// Print the number of a signal: STOP, RELOAD, DATA, STATS, `STATS_CLEAR`, JSON.
    #[arg(long, value_name = "NAME")]
    pub(super) signum: Option<String>,
    /// Only check the configuration; `-`: the remarks go to standard output.
    #[arg(short = 't', long, value_name = "LOG", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub(super) config_test: Option<PathBuf>,
    /// Name of this agent, if several run on one host.
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = super::instance_name)]
    pub(super) instance: String,
    /// Print the version.
    #[arg(short = 'v', long)]
    pub(super) version: bool,
}

fn octal(text: &str) -> Result<u16, String> {
    u16::from_str_radix(text, 8)
        .ok()
        .filter(|mask| *mask <= 0o777)
        .ok_or_else(|| "an octal number up to 0777".to_owned())
}

/// What a command line means.
#[derive(Debug)]
pub(super) enum Meaning {
    /// One of ours.
    Ours(Vec<OsString>),
    /// keepalived's.
    Keepaliveds(Box<Switches>),
}

/// Tells whose a command line is.
pub(super) fn read(arguments: Vec<OsString>) -> Result<Meaning, clap::Error> {
    let name = arguments.first().map(Path::new).and_then(Path::file_name);
    let (is_keepalived, is_genhash) = (
        name == Some(OsStr::new("keepalived")),
        name == Some(OsStr::new("genhash")),
    );
    let first = arguments.get(1).map(OsString::as_os_str);
    let is_switch = first.is_some_and(|it| it.as_encoded_bytes().starts_with(b"-"));
    // Alone these are ours; `-V` means something else beside other switches.
    let alone = ["-h", "--help", "--version"]
        .iter()
        .any(|it| first == Some(OsStr::new(it)))
        || (first == Some(OsStr::new("-V")) && arguments.len() == 2);
    if is_genhash
        || (is_switch && matches!(first.and_then(OsStr::to_str), Some("-T" | "--genhash")))
    {
        let rest = arguments.into_iter().skip(if is_genhash { 1 } else { 2 });
        let ours = [OsString::from("lb-agent"), "genhash".into()];
        return Ok(Meaning::Ours(ours.into_iter().chain(rest).collect()));
    }
    if is_keepalived || (is_switch && !alone) {
        let switches = Switches::try_parse_from(attached::with_equals(arguments))?;
        return Ok(Meaning::Keepaliveds(Box::new(switches)));
    }
    Ok(Meaning::Ours(arguments))
}

impl Switches {
    /// The files that the process id goes to.
    pub(super) fn pid_files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.pid, &self.vrrp_pid, &self.checkers_pid, &self.bfd_pid]
            .into_iter()
            .flatten()
    }

    /// Which parts of the configuration count.
    pub(super) const fn parts(&self) -> Parts {
        Parts {
            only_vrrp: self.vrrp,
            only_virtual_servers: self.check,
            no_bfd: self.no_bfd,
            umask: self.umask,
        }
    }

    /// What they say about the end.
    pub(super) const fn conduct(&self) -> Conduct {
        Conduct {
            dont_release_vrrp: self.dont_release_vrrp,
            dont_release_ipvs: self.dont_release_ipvs,
        }
    }

    /// Switches that were given and mean nothing here, and what holds instead.
    pub(super) fn without_effect(&self) -> Vec<&'static str> {
        let table = [
            (
                !self.dont_fork,
                "without -n keepalived goes to the background; this program stays in the \
                 foreground (with systemd: Type=notify)",
            ),
            (
                self.log_facility.is_some() || self.no_syslog || self.log_file.is_some(),
                "-S, -G, -g: the log goes to standard error, for systemd or who else reads it",
            ),
            (self.dont_respawn, "-R: there are no child processes"),
            (
                self.address_monitoring,
                "-a: addresses that come and go are said when they matter",
            ),
            (
                self.snmp || self.snmp_agent_socket.is_some(),
                "-x, -A: this program is no SNMP agent",
            ),
            (
                self.core_dump || self.core_dump_pattern.is_some(),
                "-m, -M: core dumps are the system's matter (LimitCORE=)",
            ),
            (
                self.all_config.is_some(),
                "-e: `include_check` in the configuration says what a missing file is",
            ),
        ];
        table
            .into_iter()
            .filter(|(given, _)| *given)
            .map(|(_, words)| words)
            .collect()
    }
}

/// The number of a signal by keepalived's name for it.
pub(super) fn signal_number(name: &str) -> Option<i32> {
    use nix::libc::{SIGHUP, SIGRTMAX, SIGRTMIN, SIGTERM, SIGUSR1, SIGUSR2};
    Some(match name {
        "STOP" => SIGTERM,
        "RELOAD" => SIGHUP,
        "DATA" => SIGUSR1,
        "STATS" => SIGUSR2,
        "STATS_CLEAR" => SIGRTMAX() - 1,
        "JSON" => SIGRTMIN() + 2,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
