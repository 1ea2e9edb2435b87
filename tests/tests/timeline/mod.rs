//! Configurations, and for each a series of failures, for keepalived and for us: what each of them says,
//! tells and has in its pools after every step. `keepalived-2.2.7*.txt` is what keepalived did; the
//! tests of `ipvs` repeat it in a guest (`cargo xtask record` writes it down anew), the tests of `pools`
//! compare us with it.

mod kinds;
mod neighbour;
mod others;
mod servers;
mod tls;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Namespace, now};
use nix::libc::O_NONBLOCK;
use tempfile::TempDir;

pub(crate) use kinds::KINDS;
use neighbour::Neighbour;
pub(crate) use others::OTHERS;
use servers::{Manner, Server, Talk};
use tls::Tls;

/// A configuration and what happens to it.
pub(crate) struct Series {
    /// The file beside this one that says what keepalived did.
    pub(crate) name: &'static str,
    /// What that says.
    pub(crate) keepalived: &'static str,
    /// A step is over when nothing has changed for so long: three loops and their retries.
    quiet: Duration,
    /// Servers at 10.9.0.x and this port, what they speak, and how they are at the start.
    servers: &'static [(u8, u16, Talk, Manner)],
    /// The configuration, of which there may be several: the number says which.
    configuration: fn(&Stage, u8) -> String,
    /// What is so at the start.
    before: &'static [Injection],
    steps: &'static [(&'static str, &'static [Injection])],
}

/// Failures of TCP, HTTP and scripts, with quorum, hysteresis, `alpha`, `omega` and sorry servers.
pub(crate) const FAILURES: Series = Series {
    name: "keepalived-2.2.7.txt",
    keepalived: include_str!("keepalived-2.2.7.txt"),
    quiet: Duration::from_millis(2500),
    servers: &[
        (11, 81, Talk::Web, Manner::Good),
        (12, 81, Talk::Web, Manner::Good),
        (13, 81, Talk::Web, Manner::Good),
        (11, 82, Talk::Web, Manner::Good),
        (12, 82, Talk::Web, Manner::Good),
        (13, 82, Talk::Web, Manner::Good),
        (11, 83, Talk::Web, Manner::Good),
        (12, 83, Talk::Web, Manner::Good),
        (13, 83, Talk::Web, Manner::Good),
    ],
    configuration: Stage::failures,
    before: &[],
    steps: STEPS,
};

/// The longest step.
const LONGEST: Duration = Duration::from_secs(30);

/// What lines about events begin with.
const EVENTS: [&str; 9] = [
    "Adding ",
    "Removing ",
    "Enabling ",
    "Disabling ",
    "Gained quorum ",
    "Lost quorum ",
    "Starting with quorum ",
    "Changing weight ",
    "Shutting down ",
];

/// A daemon that is looked at.
pub(crate) trait Daemon: Sized {
    /// Starts it.
    fn start(machine: &Namespace, configuration: &Path) -> Result<Self>;
    /// What it has logged.
    fn log(&self) -> Result<String>;
    /// The pools: (port of the virtual server, server, weight).
    fn pools(&self, machine: &Namespace) -> Result<Vec<(u16, String, u64)>>;
    /// Takes the configuration again, which is another one now.
    fn reload(&mut self, configuration: &Path) -> Result<()>;
    /// SIGTERM, and waits for the end; what it has logged.
    fn stop(self) -> Result<String>;
}

pub(crate) struct Stage {
    series: &'static Series,
    // Before the machines that it is in.
    neighbour: Neighbour,
    tls: Tls,
    machine: Namespace,
    _far: Namespace,
    folder: TempDir,
    servers: BTreeMap<(u16, u8), Server>,
    fifo: File,
    lines: String,
}

/// Lets a daemon live through everything; what was observed.
pub(crate) fn observe<D: Daemon>(series: &'static Series) -> Result<String> {
    let mut stage = Stage::new(series)?;
    let mut daemon = D::start(&stage.machine, &stage.file("keepalived.conf"))?;
    let mut observed = String::new();
    stage.settle(&daemon, 0, ("start", true), &mut observed)?;
    for (name, injected) in series.steps {
        let said = daemon.log()?.len();
        for injection in *injected {
            stage.inject(*injection)?;
            if let Reload(_) = injection {
                daemon.reload(&stage.file("keepalived.conf"))?;
            }
        }
        // Which of several servers is checked first is chance.
        let reloads = injected.iter().any(|it| matches!(it, Reload(_)));
        let chance = reloads || injected.len() > 1;
        stage.settle(&daemon, said, (*name, chance), &mut observed)?;
    }
    let said = daemon.log()?.len();
    let log = daemon.stop()?;
    stage.read_fifo()?;
    observed.push_str("== stop\n");
    observed.push_str(&events(log.get(said..).unwrap_or_default()));
    observed.push_str(&std::mem::take(&mut stage.lines));
    stage.scripts_agree(&observed)?;
    Ok(observed)
}

/// What happens.
#[derive(Clone, Copy)]
enum Injection {
    /// The server at 10.9.0.x behaves like this for the virtual server of this port.
    Server(u16, u8, Manner),
    /// The script's exit status.
    Script(u8),
    /// What stands in the tracked file.
    Value(i32),
    /// The configuration is this one from now on.
    Reload(u8),
    /// Whether the machine answers echo requests.
    Echo(bool),
    /// Whether the BFD neighbour speaks.
    Speaks(bool),
    /// What the TLS server does.
    Secure(Manner),
    /// Whether 192.0.2.2 is here.
    Address(bool),
}

use Injection::{Address, Echo, Reload, Script, Secure, Server as Behaves, Speaks, Value};

const STEPS: &[(&str, &[Injection])] = &[
    ("TCP fails", &[Behaves(81, 11, Manner::Closed)]),
    ("TCP recovers", &[Behaves(81, 11, Manner::Good)]),
    ("HTTP fails", &[Behaves(81, 12, Manner::Error)]),
    ("HTTP recovers", &[Behaves(81, 12, Manner::Good)]),
    (
        "one of two urls fails",
        &[Behaves(81, 13, Manner::ErrorForB)],
    ),
    ("it recovers", &[Behaves(81, 13, Manner::Good)]),
    ("all but two fail", &[Behaves(81, 11, Manner::Closed)]),
    ("all but one fail", &[Behaves(81, 12, Manner::Closed)]),
    ("the last one fails", &[Behaves(81, 13, Manner::Closed)]),
    ("the second recovers", &[Behaves(81, 12, Manner::Good)]),
    ("the first recovers", &[Behaves(81, 11, Manner::Good)]),
    ("the third recovers", &[Behaves(81, 13, Manner::Good)]),
    ("one with inhibit fails", &[Behaves(82, 12, Manner::Closed)]),
    ("within the hysteresis", &[Behaves(82, 11, Manner::Closed)]),
    ("the quorum is lost", &[Behaves(82, 13, Manner::Closed)]),
    ("below the hysteresis", &[Behaves(82, 13, Manner::Good)]),
    ("still below it", &[Behaves(82, 11, Manner::Good)]),
    ("the quorum is back", &[Behaves(82, 12, Manner::Good)]),
    ("a script says a weight", &[Script(7)]),
    ("a script fails", &[Script(1)]),
    (
        "the sorry server is enabled",
        &[Behaves(83, 12, Manner::Closed)],
    ),
    ("the script succeeds", &[Script(0)]),
    ("all is well", &[Behaves(83, 12, Manner::Good)]),
];

impl Stage {
    fn new(series: &'static Series) -> Result<Self> {
        let (machine, far) = (Namespace::new("director")?, Namespace::new("far")?);
        let other = far.name();
        machine.ip(&format!("link add v0 type veth peer name v1 netns {other}"))?;
        machine.ip("link set v0 up")?;
        far.ip("link set v1 up")?;
        machine.ip("address add 192.0.2.1/24 dev v0")?;
        far.ip("address add 192.0.2.14/24 dev v1")?;
        let mut servers = BTreeMap::new();
        for host in 11..=13 {
            machine.ip(&format!("address add 10.9.0.{host}/32 dev lo"))?;
        }
        for &(host, port, talk, manner) in series.servers {
            let address = Ipv4Addr::new(10, 9, 0, host);
            let server = Server::start(&machine, (address, port), talk, manner)?;
            servers.insert((port, host), server);
        }
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("fifo");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU)?;
        let mut options = fs::OpenOptions::new();
        let fifo = options.read(true).custom_flags(O_NONBLOCK).open(&path)?;
        let mut stage = Self {
            series,
            neighbour: Neighbour::start(&far)?,
            tls: Tls::default(),
            machine,
            _far: far,
            folder,
            servers,
            fifo,
            lines: String::new(),
        };
        let script = format!("#!/bin/sh\necho \"$*\" >>{}\n", stage.shown("events"));
        fs::write(stage.file("tell"), script)?;
        fs::set_permissions(stage.file("tell"), fs::Permissions::from_mode(0o755))?;
        fs::write(stage.file("events"), "")?;
        for start in [Script(0), Value(0), Reload(0)].iter().chain(series.before) {
            stage.inject(*start)?;
        }
        Ok(stage)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shown(&self, name: &str) -> String {
        self.file(name).display().to_string()
    }

    /// There is one only.
    fn failures(&self, _number: u8) -> String {
        let (tell, status) = (self.shown("tell"), self.shown("status"));
        let service = |port: u16, settings: &str, servers: &[(u8, &str)]| {
            let servers = servers.iter().map(|(host, lines)| {
                format!(
                    " real_server 10.9.0.{host} {port} {{\n  notify_up \"{tell} RS \
                     [10.9.0.{host}]:tcp:{port} [192.0.2.1]:tcp:{port} UP\"\n  notify_down \
                     \"{tell} RS [10.9.0.{host}]:tcp:{port} [192.0.2.1]:tcp:{port} DOWN\"\n\
                     {lines} }}\n"
                )
            });
            format!(
                "virtual_server 192.0.2.1 {port} {{\n delay_loop 0.5\n warmup 0.2\n \
                 delay_before_retry 0.2\n lb_algo wrr\n lb_kind DR\n protocol TCP\n quorum_up \
                 \"{tell} VS [192.0.2.1]:tcp:{port} UP\"\n quorum_down \"{tell} VS \
                 [192.0.2.1]:tcp:{port} DOWN\"\n{settings}{}}}\n",
                servers.collect::<String>()
            )
        };
        let tcp = "  TCP_CHECK {\n  }\n";
        let page = "  HTTP_GET {\n   url {\n    path /\n   }\n  }\n";
        let pages = "  HTTP_GET {\n   url {\n    path /a\n   }\n   url {\n    path /b\n   }\n  }\n";
        let inhibited = format!("  inhibit_on_failure\n{tcp}");
        let script = format!(
            "  MISC_CHECK {{\n   misc_path \"/bin/sh -c 'exit $(cat {status})'\"\n   \
             misc_dynamic\n   misc_timeout 5\n   retry 1\n  }}\n"
        );
        let heavy = format!("  weight 3\n{tcp}");
        format!(
            "global_defs {{\n script_user root\n lvs_notify_fifo {}\n}}\n{}{}{}",
            self.shown("fifo"),
            service(81, " retry 2\n", &[(11, tcp), (12, page), (13, pages)]),
            service(
                82,
                " retry 1\n alpha\n omega\n quorum 2\n hysteresis 1\n sorry_server 10.9.0.19 82\n",
                &[(11, tcp), (12, &inhibited), (13, page)]
            ),
            service(
                83,
                " retry 1\n sorry_server 10.9.0.19 83\n sorry_server_inhibit\n",
                &[(11, &script), (12, &heavy)]
            ),
        )
    }

    fn inject(&mut self, injection: Injection) -> Result<()> {
        match injection {
            Echo(answers) => {
                let ignored = if answers { "0" } else { "1" };
                self.machine.sysctl("ipv4.icmp_echo_ignore_all", ignored)
            }
            Speaks(speaks) => {
                self.neighbour.speak(speaks);
                Ok(())
            }
            Secure(manner) => self.tls.behave(&self.machine, self.folder.path(), manner),
            Address(here) => {
                let what = if here { "add" } else { "delete" };
                let line = format!("address {what} 192.0.2.2/32 dev v0");
                self.machine.ip(&line).map(drop)
            }
            Behaves(port, host, manner) => {
                let server = self.servers.get(&(port, host)).context("no such server")?;
                server.behave(manner);
                Ok(())
            }
            Script(status) => self.replace("status", &status.to_string()),
            Value(value) => self.replace("value", &format!("{value}\n")),
            Reload(number) => {
                let text = (self.series.configuration)(self, number);
                self.replace("keepalived.conf", &text)
            }
        }
    }

    /// At once: nobody sees half of it.
    fn replace(&self, name: &str, text: &str) -> Result<()> {
        let new = self.file("new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, self.file(name))?)
    }

    /// Waits until nothing changes any more, and writes down what has happened since the log was
    /// `said` bytes long; sorted, where the order is chance.
    fn settle<D: Daemon>(
        &mut self,
        daemon: &D,
        said: usize,
        (name, chance): (&str, bool),
        observed: &mut String,
    ) -> Result<()> {
        let start = now();
        let (mut before, mut since) = (String::new(), now());
        while since.elapsed() < self.series.quiet {
            ensure!(start.elapsed() < LONGEST, "{name}: never quiet:\n{before}");
            thread::sleep(Duration::from_millis(100));
            self.read_fifo()?;
            let log = daemon.log()?;
            let events = events(log.get(said..).unwrap_or_default());
            if events != before {
                (before, since) = (events, now());
            }
        }
        let mut told = std::mem::take(&mut self.lines);
        if chance {
            (before, told) = (sorted(&before), sorted(&told));
        }
        writeln!(observed, "== {name}")?;
        observed.push_str(&before);
        observed.push_str(&told);
        let mut pools = daemon.pools(&self.machine)?;
        pools.sort();
        for (port, server, weight) in pools {
            writeln!(observed, "pool {port}: {server} {weight}")?;
        }
        Ok(())
    }

    fn read_fifo(&mut self) -> Result<()> {
        let mut bytes = [0; 4096];
        loop {
            match self.fifo.read(&mut bytes) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    let text = bytes.iter().take(length).filter(|byte| **byte != 0);
                    let text: Vec<u8> = text.copied().collect();
                    self.lines.push_str(&String::from_utf8(text)?);
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The scripts of each server and virtual server have heard the same as the FIFO, in its order.
    fn scripts_agree(&self, observed: &str) -> Result<()> {
        let by_subject = |text: &str| {
            let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let told = text.lines().filter_map(|line| line.rsplit_once(' '));
            for (subject, state) in told {
                if subject.starts_with("RS ") || subject.starts_with("VS ") {
                    heard
                        .entry(subject.to_owned())
                        .or_default()
                        .push(state.to_owned());
                }
            }
            heard
        };
        let (fifo, events) = (
            by_subject(observed),
            fs::read_to_string(self.file("events"))?,
        );
        ensure!(
            by_subject(&events) == fifo,
            "scripts heard something else than the FIFO:\n{events}"
        );
        Ok(())
    }
}

fn sorted(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// The events that a log speaks of.
fn events(log: &str) -> String {
    let mut events = String::new();
    for line in log.lines() {
        let place = EVENTS.iter().filter_map(|begin| line.find(begin)).min();
        if let Some(event) = place.and_then(|place| line.get(place..)) {
            events.push_str(event.trim_end());
            events.push('\n');
        }
    }
    events
}
