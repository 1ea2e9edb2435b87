//! As many servers as keepalived can carry, checked by it and then by `lb-agent`: what each of them
//! costs. In a guest, because keepalived's checkers run only where the kernel has IPVS, which both
//! daemons fill there. The guest's one processor runs the servers, too, so its limit is lower than that
//! of a director, for both.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use lb_tests::{Agent, Namespace, Need, Process};
use nix::sys::signal::Signal;

use super::server::PERIOD;
use super::{LOOP, SERVERS_EACH, agent, pass};

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

/// Warm-up, and the loop with the first failures.
const SETTLED: Duration = LOOP.saturating_mul(3);

/// Once down and once up for those that flap: every such while has as many probes.
const MEASURED: Duration = PERIOD.saturating_mul(2);

/// Fewer than this part of the probes that it made of a few servers: it is late.
const ON_TIME: f64 = 0.95;

/// More than this part of a processor: it has no more to give.
const FULL: f64 = 0.95;

/// Runs this program in a guest.
pub(crate) fn in_guest() -> Result<()> {
    let Some(xtask) = std::env::var_os(GUEST) else {
        bail!("not beside keepalived: `cargo xtask bench checks` has a guest for it");
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

/// Both, in the guest; the targets that ours misses.
pub(super) async fn measure(machine: &Namespace) -> Result<Vec<String>> {
    println!(
        "as many servers as keepalived can carry, in a guest whose one processor also serves:"
    );
    let mut search = Search::default();
    let mut calm = None;
    while let Some(virtual_servers) = search.next() {
        let load = keepalived(machine, virtual_servers).await?;
        let calm = *calm.get_or_insert_with(|| load.each());
        load.report("keepalived", calm);
        search.tried(virtual_servers, load.is_late(calm));
    }
    search.report();
    let few = lb_agent(machine, Search::FIRST).await?;
    let calm = few.each();
    few.report("lb-agent", calm);
    let limit = search.good.unwrap_or(Search::FIRST);
    if limit == Search::FIRST {
        return Ok(few.missed(calm));
    }
    let load = lb_agent(machine, limit).await?;
    load.report("lb-agent", calm);
    Ok(load.missed(calm))
}

async fn lb_agent(machine: &Namespace, virtual_servers: u32) -> Result<Load> {
    let agent = Agent::start(machine, &agent::configuration(virtual_servers)?)?;
    pass(SETTLED).await;
    let load = Load::of(machine, virtual_servers, &[agent.id()]).await?;
    agent.terminate()?;
    Ok(load)
}

async fn keepalived(machine: &Namespace, virtual_servers: u32) -> Result<Load> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keepalived.conf");
    fs::write(&file, agent::configuration(virtual_servers)?)?;
    let mut keepalived = start_keepalived(machine, &file)?;
    pass(SETTLED).await;
    let checkers = fs::read_to_string(folder.path().join("checkers"))?;
    let ids = [keepalived.id(), checkers.trim().parse()?];
    let load = Load::of(machine, virtual_servers, &ids).await?;
    keepalived.signal(Signal::SIGTERM)?;
    keepalived.wait(Duration::from_mins(1))?;
    Ok(load)
}

/// For the largest number of virtual servers that is not too much: doubled until it is, and then one
/// try in between.
#[derive(Debug, Default)]
struct Search {
    good: Option<u32>,
    late: Option<u32>,
    between: bool,
}

impl Search {
    const FIRST: u32 = 50;
    const MOST: u32 = 1600;

    /// What to try; `None`: it is found.
    fn next(&mut self) -> Option<u32> {
        match (self.good, self.late) {
            (None, None) => Some(Self::FIRST),
            (Some(good), None) => Some(good * 2).filter(|next| *next <= Self::MOST),
            (None, Some(_)) => None,
            (Some(good), Some(late)) => {
                (!std::mem::replace(&mut self.between, true)).then(|| good.midpoint(late))
            }
        }
    }

    fn tried(&mut self, number: u32, late: bool) {
        if late {
            self.late = Some(number);
        } else {
            self.good = Some(number);
        }
    }

    /// What is known of the limit, from both sides where both have been seen.
    fn report(&self) {
        let servers = |virtual_servers: u32| virtual_servers * SERVERS_EACH;
        match (self.good, self.late) {
            (Some(good), Some(late)) => println!(
                "  keepalived carries {} servers here, and not {}",
                servers(good),
                servers(late)
            ),
            (Some(good), None) => println!(
                "  keepalived carries {} servers here at least: more have not been tried",
                servers(good)
            ),
            (None, Some(late)) => println!(
                "  keepalived carries fewer than {} servers here: fewer have not been tried",
                servers(late)
            ),
            (None, None) => println!("  keepalived has not been tried"),
        }
    }
}

/// What a daemon did in [`MEASURED`].
#[derive(Debug)]
struct Load {
    servers: u32,
    /// Connections begun.
    begun: f64,
    /// Part of a processor that the daemon used.
    used: f64,
    /// Part of it that anybody used.
    busy: f64,
}

impl Load {
    /// What these processes use in a while, and how many connections they begin.
    async fn of(machine: &Namespace, virtual_servers: u32, ids: &[u32]) -> Result<Self> {
        let now = || -> Result<[f64; 3]> {
            let used = ids.iter().map(|id| agent::cpu(*id));
            Ok([used.sum::<Result<f64>>()?, connections(machine)?, idle()?])
        };
        let [used_before, begun_before, idle_before] = now()?;
        pass(MEASURED).await;
        let [used, begun, idle] = now()?;
        let (used, begun) = (used - used_before, begun - begun_before);
        let idle = idle - idle_before;
        let seconds = MEASURED.as_secs_f64();
        Ok(Self {
            servers: virtual_servers * SERVERS_EACH,
            begun: begun.max(1.0),
            used: used / seconds,
            busy: 1.0 - idle / seconds,
        })
    }

    /// Probes of one server.
    fn each(&self) -> f64 {
        self.begun / f64::from(self.servers)
    }

    /// `calm`: the probes of one server when there are few.
    fn is_late(&self, calm: f64) -> bool {
        self.each() < ON_TIME * calm || self.used > FULL
    }

    /// The same demand on ours as on keepalived.
    fn missed(&self, calm: f64) -> Vec<String> {
        let late = format!("lb-agent is late with {} servers", self.servers);
        self.is_late(calm).then_some(late).into_iter().collect()
    }

    fn report(&self, who: &str, calm: f64) {
        println!(
            "  {who}, {} servers: {} probes in {MEASURED:?}, {:.0} % of what few servers get, {:.1} % \
             of the processor ({:.0} % busy), {:.0} µs a probe",
            self.servers,
            self.begun,
            100.0 * self.each() / calm,
            100.0 * self.used,
            100.0 * self.busy,
            1e6 * self.used * MEASURED.as_secs_f64() / self.begun
        );
    }
}

/// Seconds that all processors together have been idle (proc(5)).
fn idle() -> Result<f64> {
    let stat = fs::read_to_string("/proc/stat")?;
    let idle = stat.split_whitespace().nth(4).context("no cpu line")?;
    Ok(idle.parse::<f64>()? / agent::TICKS)
}

/// Its checkers only.
fn start_keepalived(machine: &Namespace, file: &Path) -> Result<Process> {
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
