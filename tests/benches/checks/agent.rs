//! The same servers, checked by the agent itself: how long a verdict takes to reach the maps, while
//! a tenth of all servers goes down and comes back within one loop, again and again.

use std::fmt::Write as _;
use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lb_agent::observe::model::PunctualityView;
use lb_tests::{Agent, Namespace};
use serde_json::Value;

use super::server::{FLAPPING, GOOD, PERIOD};
use super::{CONNECT_TIMEOUT, LOOP, SERVERS_EACH, VIRTUAL_SERVERS, pass};

/// How long a start may take.
const START: Duration = Duration::from_mins(2);

/// Measured: several times down and up.
const MEASURED: Duration = Duration::from_mins(2);

/// Ticks of `/proc/PID/stat` in a second (`USER_HZ`, the same on every Linux).
pub(super) const TICKS: f64 = 100.0;

/// From the verdict to the map: 99 % of the changes within that.
const APPLIED: Duration = Duration::from_secs(1);

/// The targets that it misses.
pub(super) async fn measure(machine: &Namespace) -> Result<Vec<String>> {
    addresses(machine)?;
    let mut agent = Agent::start(machine, &configuration(VIRTUAL_SERVERS)?)?;
    agent.wait_for("Activating healthchecker", START)?;
    pass(PERIOD + LOOP + CONNECT_TIMEOUT).await;
    let start = punctuality(&agent)?;
    let (said, before) = (agent.log().len(), cpu(agent.id())?);
    pass(MEASURED).await;
    let used = cpu(agent.id())? - before;
    let end = punctuality(&agent)?;
    let log = agent.log();
    let mut delays = delays(log.get(said..).unwrap_or_default());
    delays.sort_unstable();
    let changes: u64 = delays.iter().map(|(_, count)| count).sum();
    let Some((worst, _)) = delays.last() else {
        bail!("no change in {MEASURED:?}:\n{log}")
    };
    let mut left = changes / 100;
    let mut tail = delays.iter().rev();
    let percentile = tail.find(|(_, count)| {
        left = left.saturating_sub(*count);
        left == 0
    });
    let Some((percentile, _)) = percentile.copied() else {
        bail!("no percentile of {changes} changes")
    };
    println!("the agent itself, a tenth of the servers down for {PERIOD:?}, up for {PERIOD:?}");
    println!(
        "  changes of health in {MEASURED:?}: {changes}, in {} updates of the maps",
        delays.len()
    );
    println!("  from the verdict to the map: 99 % within {percentile} ms, the worst {worst} ms");
    let mut missed = Vec::new();
    if u128::from(percentile) > APPLIED.as_millis() {
        missed.push(format!(
            "99 % of the changes within {percentile} ms in the maps, not {APPLIED:?}"
        ));
    }
    let (probes, late) = (end.probes - start.probes, end.late - start.late);
    missed.extend(super::on_time("the agent", probes, late, end.worst));
    let share = 100.0 * used / MEASURED.as_secs_f64();
    println!(
        "  CPU: {share:.1} % of one core, memory: {} MiB",
        resident(agent.id())? >> 10
    );
    let exit = agent.terminate()?;
    if !exit.status.success() {
        bail!("the agent ended with {}", exit.status);
    }
    Ok(missed)
}

/// What the agent says of its probes.
fn punctuality(agent: &Agent) -> Result<PunctualityView> {
    let dump: Value = serde_json::from_str(&agent.dump("checks --format json")?)?;
    let punctuality = dump.get("punctuality").context("no punctuality")?;
    Ok(serde_json::from_value(punctuality.clone())?)
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 | (number + 1))
}

fn addresses(machine: &Namespace) -> Result<()> {
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    let mut batch = String::new();
    for number in 0..VIRTUAL_SERVERS {
        writeln!(batch, "address add {}/32 dev v0", address(number))?;
    }
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), batch)?;
    machine.run(Command::new("ip").arg("-batch").arg(file.path()))?;
    Ok(())
}

/// So many virtual servers, with [`SERVERS_EACH`] real ones.
pub(super) fn configuration(virtual_servers: u32) -> Result<String> {
    let mut text = String::new();
    for service in 0..virtual_servers {
        write!(
            text,
            "virtual_server {} {GOOD} {{\n delay_loop {}\n connect_timeout {}\n retry 1\n \
             delay_before_retry 1\n lb_algo rr\n lb_kind DR\n protocol TCP\n",
            address(service),
            LOOP.as_secs(),
            CONNECT_TIMEOUT.as_secs(),
        )?;
        for server in service * SERVERS_EACH..(service + 1) * SERVERS_EACH {
            let at = Ipv4Addr::from(0x7f01_0000 + server);
            let port = if server % 10 == 9 { FLAPPING } else { GOOD };
            write!(
                text,
                " real_server {at} {GOOD} {{\n  HTTP_GET {{\n   connect_port {port}\n   url \
                 {{\n    path /\n    status_code 200\n   }}\n  }}\n }}\n"
            )?;
        }
        text.push_str("}\n");
    }
    Ok(text)
}

/// Milliseconds and how many changes took as long at most, of each update.
fn delays(log: &str) -> Vec<(u64, u64)> {
    let update = |line: &str| {
        let (_, line) = line.split_once("DEBUG ")?;
        let (count, rest) = line
            .trim()
            .split_once(" changes of health in the data plane, ")?;
        let (millis, _) = rest.split_once(" ms")?;
        Some((millis.parse().ok()?, count.parse().ok()?))
    };
    log.lines().filter_map(update).collect()
}

/// Seconds that a process has used so far: utime and stime of proc(5).
pub(super) fn cpu(id: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("no name")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| {
        let field = fields.get(place).context("too few fields")?;
        anyhow::Ok(field.parse::<f64>()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}

/// Memory of a process, KiB.
fn resident(id: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.context("no VmRSS")?.trim();
    Ok(line.trim_end_matches(" kB").trim().parse()?)
}
