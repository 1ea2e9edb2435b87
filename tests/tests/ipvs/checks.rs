//! keepalived 2.2.7 lives through the series of failures that our own pools are compared with.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Namespace, Need, Process, checked, skipped};
use nix::sys::signal::Signal;

use crate::timeline::{self, Daemon, Series};

struct Keepalived {
    process: Process,
    log: PathBuf,
}

impl Daemon for Keepalived {
    fn start(machine: &Namespace, configuration: &Path) -> Result<Self> {
        let folder = configuration.parent().context("no folder")?;
        let log = folder.join("log");
        let file = File::create(&log)?;
        let process = machine.start(
            Command::new("keepalived")
                .args(["-n", "-l", "-f"])
                .arg(configuration)
                .arg("-p")
                .arg(folder.join("pid"))
                .arg("-c")
                .arg(folder.join("pid.checkers"))
                .arg("-b")
                .arg(folder.join("pid.bfd"))
                .stdin(Stdio::null())
                .stdout(file.try_clone()?)
                .stderr(file),
        )?;
        Ok(Self { process, log })
    }

    fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(&self.log)?)
    }

    fn pools(&self, machine: &Namespace) -> Result<Vec<(u16, String, u64)>> {
        let listing = machine.enter(|| checked(Command::new("ipvsadm").arg("-Sn")))?;
        let mut pools = Vec::new();
        // -a -t 192.0.2.1:81 -r 10.9.0.11:81 -g -w 1
        for line in listing.lines().filter(|line| line.starts_with("-a ")) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let after = |option: &str| {
                let place = words.iter().position(|word| *word == option)?;
                words.get(place + 1).copied()
            };
            let service = after("-t").context("no service")?;
            let (_, port) = service.rsplit_once(':').context("no port")?;
            let server = after("-r").context("no server")?;
            let weight = after("-w").context("no weight")?;
            pools.push((port.parse()?, server.to_owned(), weight.parse()?));
        }
        Ok(pools)
    }

    fn reload(&mut self, _configuration: &Path) -> Result<()> {
        self.process.signal(Signal::SIGHUP)
    }

    fn stop(mut self) -> Result<String> {
        self.process.signal(Signal::SIGTERM)?;
        self.process.wait(Duration::from_secs(20))?;
        self.log()
    }
}

#[test]
fn keepalived_does_what_our_pools_are_compared_with() -> Result<()> {
    repeat(&timeline::FAILURES)
}

#[test]
fn keepalived_does_what_our_other_checks_are_compared_with() -> Result<()> {
    repeat(&timeline::KINDS)
}

#[test]
fn keepalived_does_what_our_checks_of_hosts_tls_and_bfd_are_compared_with() -> Result<()> {
    if skipped(&[Need::Program("openssl"), Need::Program("ss")]) {
        return Ok(());
    }
    repeat(&timeline::OTHERS)
}

/// What follows the first line here, `cargo xtask record` writes down.
fn repeat(series: &'static Series) -> Result<()> {
    let needs = [
        Need::Root,
        Need::Namespaces,
        Need::Ipvs,
        Need::Program("ip"),
        Need::Program("ipvsadm"),
        Need::Program("keepalived"),
    ];
    if skipped(&needs) {
        return Ok(());
    }
    let observed = timeline::observe::<Keepalived>(series)?;
    assert!(
        observed == series.keepalived,
        "not what tests/tests/timeline/{} says:\n{observed}== end",
        series.name
    );
    Ok(())
}
