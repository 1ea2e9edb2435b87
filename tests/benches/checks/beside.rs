//! The same servers, checked by keepalived and by `lb-agent`, one after the other: what each of them
//! costs. In a guest, because keepalived's checkers run only where the kernel has IPVS, which both
//! daemons fill there.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, Need, Process};
use nix::sys::signal::Signal;

use super::{LOOP, agent, pass};

/// Says that this process is in the guest already.
pub(crate) const ARGUMENT: &str = "--beside-keepalived";

/// What starts a command in a guest (`cargo xtask`), by its path.
const GUEST: &str = "LB_GUEST";

pub(crate) const NEEDS: [Need; 5] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Ipvs,
    Need::Program("keepalived"),
];

/// A guest is slow: what its one processor can serve, too.
const VIRTUAL_SERVERS: u32 = 100;

/// Warm-up, and the loop with the first failures.
const SETTLED: Duration = LOOP.saturating_mul(3);

const MEASURED: Duration = Duration::from_mins(1);

/// Runs this program in a guest.
pub(crate) fn in_guest() -> Result<()> {
    let Some(xtask) = std::env::var_os(GUEST) else {
        println!("not beside keepalived: `cargo xtask bench checks` has a guest for it");
        return Ok(());
    };
    let status = Command::new(xtask)
        .args(["vm", "--time-limit", "900", "--"])
        .arg(std::env::current_exe()?)
        .arg(ARGUMENT)
        .status()
        .context("cannot start the guest")?;
    anyhow::ensure!(status.success(), "the guest ended with {status}");
    Ok(())
}

/// Both, in the guest.
pub(super) async fn measure(machine: &Namespace) -> Result<()> {
    let servers = VIRTUAL_SERVERS * super::SERVERS_EACH;
    println!(
        "{servers} servers in {VIRTUAL_SERVERS} virtual servers, beside keepalived, in a guest"
    );
    let configuration = agent::configuration(VIRTUAL_SERVERS)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keepalived.conf");
    fs::write(&file, &configuration)?;
    for turn in 1..=2 {
        let mut keepalived = keepalived(machine, &file)?;
        pass(SETTLED).await;
        let checkers = fs::read_to_string(folder.path().join("checkers"))?;
        let ids = [keepalived.id(), checkers.trim().parse()?];
        report(machine, &format!("keepalived, turn {turn}"), &ids).await?;
        keepalived.signal(Signal::SIGTERM)?;
        keepalived.wait(Duration::from_secs(30))?;

        let agent = Agent::start(machine, &configuration)?;
        pass(SETTLED).await;
        report(machine, &format!("lb-agent, turn {turn}"), &[agent.id()]).await?;
        agent.terminate()?;
    }
    Ok(())
}

/// Its checkers only.
fn keepalived(machine: &Namespace, file: &Path) -> Result<Process> {
    let folder = file.parent().context("no folder")?;
    let log = File::create(folder.join("log"))?;
    machine.start(
        Command::new("keepalived")
            .args(["-n", "-l", "-C", "-f"])
            .arg(file)
            .arg("-p")
            .arg(folder.join("pid"))
            .arg("-c")
            .arg(folder.join("checkers"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log),
    )
}

/// What these processes use in a while, and how many connections they begin.
async fn report(machine: &Namespace, who: &str, ids: &[u32]) -> Result<()> {
    let now = || -> Result<(f64, f64)> {
        let used = ids.iter().map(|id| agent::cpu(*id));
        Ok((used.sum::<Result<f64>>()?, connections(machine)?))
    };
    let (used, begun) = now()?;
    pass(MEASURED).await;
    let (after, all) = now()?;
    let (used, begun) = (after - used, (all - begun).max(1.0));
    println!(
        "  {who}: {begun} probes in {MEASURED:?}, {:.1} % of a processor, {:.0} µs a probe",
        100.0 * used / MEASURED.as_secs_f64(),
        1e6 * used / begun
    );
    Ok(())
}

/// Connections that anybody in `machine` has begun (`ActiveOpens` of RFC 1213).
fn connections(machine: &Namespace) -> Result<f64> {
    let text = machine.enter(|| Ok(fs::read_to_string("/proc/thread-self/net/snmp")?))?;
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Tcp: "));
    let (names, values) = lines.next().zip(lines.next()).context("no Tcp in snmp")?;
    let mut all = names.split(' ').zip(values.split(' '));
    let (_, value) = all
        .find(|(name, _)| *name == "ActiveOpens")
        .context("no ActiveOpens")?;
    Ok(value.parse()?)
}
