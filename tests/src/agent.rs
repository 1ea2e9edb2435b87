//! An `lb-agent` in a director.

use std::fs::{self, File};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::built;
use crate::clock::wait_until;
use crate::namespace::{Namespace, scratch};
use crate::process::{Process, checked};

/// `lb-agent run` in a machine; dropped, it is killed as by `kill -9`.
///
/// Its instance is called as the machine's namespace, so that an agent started later in the same
/// machine finds what an earlier one has left, and so that what remains goes with the namespace.
#[derive(Debug)]
pub struct Agent {
    process: Process,
    instance: String,
    directory: TempDir,
}

/// What came of a command.
#[derive(Clone, Debug)]
pub struct Told {
    /// Exit status; `None`: it was killed.
    pub status: Option<i32>,
    /// Standard output.
    pub text: String,
    /// Standard error.
    pub error: String,
}

impl Told {
    /// `lb-agent <arguments> --instance <instance>`, whether such an agent runs or not; the
    /// arguments are separated by blanks.
    pub fn by(instance: &str, arguments: &str) -> Result<Self> {
        let output = Command::new(built::lb_agent()?)
            .args(arguments.split_whitespace())
            .args(["--instance", instance])
            .stdin(Stdio::null())
            .output()
            .context("cannot start lb-agent")?;
        Ok(output.into())
    }
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            text: String::from_utf8_lossy(&output.stdout).into_owned(),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// An agent that has ended.
#[derive(Debug)]
pub struct AgentExit {
    /// How.
    pub status: ExitStatus,
    /// What it logged.
    pub log: String,
}

impl Agent {
    /// Starts an agent with the text of a keepalived.conf.
    pub fn start(machine: &Namespace, configuration: &str) -> Result<Self> {
        let run = ["run", "--config"];
        Self::spawn(machine, configuration, &[], &run, &[])
    }

    /// The same without these capabilities, as setpriv(1) names them.
    pub fn start_without(
        machine: &Namespace,
        configuration: &str,
        capabilities: &str,
    ) -> Result<Self> {
        let without: Vec<String> = capabilities
            .split(',')
            .map(|name| format!("-{name}"))
            .collect();
        let set = format!("--bounding-set={}", without.join(","));
        let run = ["run", "--config"];
        Self::spawn(machine, configuration, &["setpriv", &set], &run, &[])
    }

    /// The same by keepalived's command line, with these switches of it.
    pub fn start_as_keepalived(
        machine: &Namespace,
        configuration: &str,
        switches: &[&str],
    ) -> Result<Self> {
        let run = ["--dont-fork", "--use-file"];
        Self::spawn(machine, configuration, &[], &run, switches)
    }

    /// `by` starts the program, if it is not started right away; `before` stands before the name of
    /// the file, `behind` behind it.
    fn spawn(
        machine: &Namespace,
        configuration: &str,
        by: &[&str],
        before: &[&str],
        behind: &[&str],
    ) -> Result<Self> {
        let directory = scratch()?;
        let file = directory.path().join("keepalived.conf");
        fs::write(&file, configuration).context("cannot write keepalived.conf")?;
        let log = File::create(directory.path().join("log")).context("cannot write the log")?;
        let program = built::lb_agent()?;
        let mut command = match by {
            [] => Command::new(program),
            [by, arguments @ ..] => {
                let mut command = Command::new(by);
                command.args(arguments).arg(program);
                command
            }
        };
        let process = machine.start(
            command
                .args(before)
                .arg(&file)
                .args(["--instance", machine.name()])
                .args(behind)
                // Of its log a test reads the times, which it leaves to the journal if there is one.
                .env_remove("JOURNAL_STREAM")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log),
        )?;
        Ok(Self {
            process,
            instance: machine.name().to_owned(),
            directory,
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Waits until it has logged `text`.
    pub fn wait_for(&mut self, text: &str, limit: Duration) -> Result<()> {
        self.wait_for_after(0, text, limit)
    }

    /// Waits until it has logged `text` after the first `position` bytes of its log.
    pub fn wait_for_after(&mut self, position: usize, text: &str, limit: Duration) -> Result<()> {
        let state = || {
            if self
                .log()
                .get(position..)
                .is_some_and(|log| log.contains(text))
            {
                Some(true)
            } else {
                self.process.ended().ok().flatten().map(|_| false)
            }
        };
        match wait_until(limit, state) {
            Some(true) => Ok(()),
            Some(false) => bail!("lb-agent ended without saying {text:?}:\n{}", self.log()),
            None => bail!(
                "lb-agent did not say {text:?} within {limit:?}:\n{}",
                self.log()
            ),
        }
    }

    /// Replaces the text of its configuration, for the next reload.
    pub fn rewrite(&self, configuration: &str) -> Result<()> {
        let file = self.directory.path().join("keepalived.conf");
        fs::write(file, configuration).context("cannot write keepalived.conf")
    }

    /// Sends a signal.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        self.process.signal(signal)
    }

    /// `lb-agent <arguments>`, which are separated by blanks: what the running agent is told.
    pub fn tell(&self, arguments: &str) -> Result<Told> {
        Told::by(&self.instance, arguments)
    }

    /// Replaces the text of its configuration and has it reloaded, which must succeed.
    pub fn reload(&self, configuration: &str) -> Result<Told> {
        self.rewrite(configuration)?;
        let told = self.tell("reload")?;
        if told.status == Some(0) {
            Ok(told)
        } else {
            bail!("lb-agent reload: {told:?}\n{}", self.log())
        }
    }

    /// SIGTERM, and waits for the end.
    pub fn terminate(self) -> Result<AgentExit> {
        self.end(Signal::SIGTERM)
    }

    /// `kill -9`.
    pub fn kill(self) -> Result<AgentExit> {
        self.end(Signal::SIGKILL)
    }

    /// Sends a signal, and waits for the end.
    fn end(mut self, signal: Signal) -> Result<AgentExit> {
        self.process.signal(signal)?;
        self.wait(Duration::from_secs(10))
    }

    /// Waits for it to end by itself.
    pub fn wait(mut self, limit: Duration) -> Result<AgentExit> {
        let status = self.process.wait(limit).with_context(|| self.log())?;
        Ok(AgentExit {
            status,
            log: self.log(),
        })
    }

    /// `lb-agent dump <arguments>`, which are separated by blanks.
    pub fn dump(&self, arguments: &str) -> Result<String> {
        checked(
            Command::new(built::lb_agent()?)
                .arg("dump")
                .args(arguments.split_whitespace())
                .args(["--instance", &self.instance]),
        )
    }
}
