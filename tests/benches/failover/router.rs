//! A router in a process of its own: lb-agent or keepalived.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Namespace, PATIENCE, Process, built, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// lb-agent.
    Ours,
    /// keepalived.
    Keepalived,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "lb-agent",
            Self::Keepalived => "keepalived",
        }
    }
}

/// A running router.
pub(crate) struct Router {
    process: Process,
    /// keepalived's child, which does the work.
    child: Option<PathBuf>,
}

impl Router {
    pub(crate) fn start(
        kind: Kind,
        machine: &Namespace,
        folder: &Path,
        priority: u32,
        interval: Duration,
    ) -> Result<Self> {
        let file = |name: &str| folder.join(format!("{}.{name}", machine.label()));
        let interval = interval.as_secs_f64();
        fs::write(
            file("conf"),
            format!(
                "vrrp_instance VI_1 {{\n state BACKUP\n interface eth0\n virtual_router_id 66\n \
                 version 3\n priority {priority}\n advert_int {interval}\n virtual_ipaddress {{\n \
                 10.0.0.100\n }}\n}}\n"
            ),
        )?;
        let log = File::create(file("log"))?;
        let mut command = match kind {
            Kind::Ours => Command::new(built::lb_agent()?),
            Kind::Keepalived => Command::new("keepalived"),
        };
        // The same switches for both.
        command.args(["-P", "-n", "-l", "-f"]).arg(file("conf"));
        command.arg("-p").arg(file("pid"));
        let child = file("vrrp.pid");
        match kind {
            Kind::Ours => command.args(["--instance", machine.name()]),
            Kind::Keepalived => command.arg("-r").arg(&child),
        };
        let process = machine.start(
            command
                .stdin(Stdio::null())
                .stdout(log.try_clone()?)
                .stderr(log),
        )?;
        let is_child = kind == Kind::Keepalived;
        let said = || {
            let log = fs::read_to_string(file("log")).ok()?;
            log.contains("Entering BACKUP STATE").then_some(())
        };
        wait_until(PATIENCE, said).context("the router does not come up")?;
        Ok(Self {
            process,
            child: is_child.then_some(child),
        })
    }

    /// SIGTERM.
    pub(crate) fn stop(&mut self) -> Result<()> {
        self.process.signal(Signal::SIGTERM)
    }

    /// SIGKILL, whoever does the work first.
    pub(crate) fn kill(&mut self) -> Result<()> {
        // The parent would start another child.
        self.process.signal(Signal::SIGSTOP)?;
        if let Some(child) = &self.child {
            let pid = fs::read_to_string(child)?;
            kill(Pid::from_raw(pid.trim().parse()?), Signal::SIGKILL)?;
        }
        self.process.signal(Signal::SIGKILL)
    }
}
