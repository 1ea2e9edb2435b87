//! A server that speaks TLS: `openssl s_server`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Namespace, Process, checked, wait_until};
use nix::sys::signal::Signal;

use super::servers::Manner;

/// Where it is.
pub(super) const ADDRESS: &str = "10.9.0.12:87";

/// For what must come but is not measured.
const PATIENCE: Duration = Duration::from_mins(1);

/// The server, while it runs.
#[derive(Default)]
pub(super) struct Tls(Option<Process>);

impl Tls {
    /// From now on it behaves like this; its certificate is in `folder`.
    pub(super) fn behave(
        &mut self,
        machine: &Namespace,
        folder: &Path,
        manner: Manner,
    ) -> Result<()> {
        match manner {
            Manner::Closed => self.0 = None,
            Manner::Hang => self.signal(Signal::SIGSTOP)?,
            Manner::Good | Manner::Error | Manner::ErrorForB if self.0.is_some() => {
                self.signal(Signal::SIGCONT)?;
            }
            Manner::Good | Manner::Error | Manner::ErrorForB => {
                self.0 = Some(serve(machine, folder)?);
            }
        }
        Ok(())
    }

    fn signal(&mut self, signal: Signal) -> Result<()> {
        let process = self.0.as_mut().context("it does not run")?;
        process.signal(signal)
    }
}

fn serve(machine: &Namespace, folder: &Path) -> Result<Process> {
    let file = |name: &str| folder.join(name);
    if !file("cert.pem").exists() {
        checked(
            Command::new("openssl")
                .args(["req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"])
                .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
                .args(["-subj", "/CN=www.example.org", "-keyout"])
                .arg(file("key.pem"))
                .arg("-out")
                .arg(file("cert.pem")),
        )?;
    }
    let process = machine.start(
        Command::new("openssl")
            .args(["s_server", "-quiet", "-www", "-accept", ADDRESS, "-cert"])
            .arg(file("cert.pem"))
            .arg("-key")
            .arg(file("key.pem"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    let listens = || {
        let sockets = machine.run(Command::new("ss").arg("-ltn")).ok()?;
        sockets.contains(ADDRESS).then_some(())
    };
    wait_until(PATIENCE, listens).context("openssl does not listen")?;
    Ok(process)
}
