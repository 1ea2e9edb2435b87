//! 20 000 servers in 2 000 virtual servers, checked every 6 seconds, a tenth of them failing:
//! `cargo xtask bench checks`.
//!
//! The servers are addresses of 127.0.0.0/8 in a namespace: a process of its own answers on all of
//! them. Of those that fail one half refuses the connection, the other takes it and is silent. First
//! the checks alone, then the agent with its data plane, then a few of them beside keepalived.
//!
//! It ends with a failure when a target is missed, or when it could not measure: the exit status is
//! the proof.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

mod agent;
mod beside;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::config::model::{AddressKey, Protocol, RealServerKey, VirtualServerKey};
use lb_agent::health::Change;
use lb_agent::health::driver::{self, Handle};
use lb_agent::health::spec::{
    Check, HttpGet, HttpProtocol, Kind, PoolRules, Question, Server, Service, Target, Url,
};
use lb_agent::runtime::clock;
use lb_tests::{Namespace, Need, Process, needs};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage, setrlimit};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

const VIRTUAL_SERVERS: u32 = 2000;
const SERVERS_EACH: u32 = 10;
const LOOP: Duration = Duration::from_secs(6);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Of the probes so many must begin on time, per cent.
const ON_TIME: f64 = 99.0;
/// After the first loop, which has the warm-up in it.
const MEASURED: Duration = Duration::from_mins(1);

fn main() -> ExitCode {
    if env::args().any(|argument| argument == server::ARGUMENT) {
        return server::main();
    }
    let beside = env::args().any(|argument| argument == beside::ARGUMENT);
    let needs: &[Need] = if beside { &beside::NEEDS } else { &NEEDS };
    if needs::skipped(needs) {
        println!("error: nothing has been measured");
        return ExitCode::FAILURE;
    }
    match Namespace::new("checks").and_then(|machine| run(&machine, beside)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(machine: &Namespace, beside: bool) -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    let mut child = Command::new(env::current_exe()?);
    child.arg(server::ARGUMENT).stdin(Stdio::null());
    let _server: Process = machine.start(&mut child)?;
    let mut missed = machine.enter(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            if beside {
                return beside::measure(machine).await;
            }
            let mut missed = measure().await?;
            missed.extend(agent::measure(machine).await?);
            Ok(missed)
        })
    })?;
    if !beside && let Err(error) = beside::in_guest() {
        missed.push(format!("{error:#}"));
    }
    ensure!(missed.is_empty(), "missed: {}", missed.join("; "));
    Ok(())
}

/// How punctual probes have been between two looks, in words, and which target that misses.
fn on_time(who: &str, probes: u64, late: u64, worst: Duration) -> Option<String> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a share of some hundred thousand"
    )]
    let share = 100.0 * probes.saturating_sub(late) as f64 / probes.max(1) as f64;
    println!(
        "  begun within 5 % of the interval: {share:.3} % of {probes}, the worst {worst:?} late"
    );
    let missed = share < ON_TIME || probes == 0;
    missed.then(|| format!("{who}: {share:.3} % of the probes on time, not {ON_TIME} %"))
}

/// The targets that it misses.
async fn measure() -> Result<Vec<String>> {
    pass(Duration::from_secs(1)).await;
    let before = resident()?;
    let services = services();
    let (sender, mut events) = mpsc::unbounded_channel();
    let handle = driver::spawn(&services, true, sender);
    drop(services);
    pass(LOOP + CONNECT_TIMEOUT).await;
    let mut changes = 0_u32;
    while let Ok(event) = events.try_recv() {
        changes += u32::from(event.change == Change::Down);
    }
    let (start, cpu) = (handle.punctuality().await, cpu()?);
    pass(MEASURED).await;
    let (end, cpu) = (handle.punctuality().await, self::cpu()?.saturating_sub(cpu));
    let probes = end.probes.saturating_sub(start.probes);
    let late = end.late.saturating_sub(start.late);
    let all = f64::from(u32::try_from(probes.max(1))?);
    println!(
        "{} servers in {VIRTUAL_SERVERS} virtual servers, every {LOOP:?}, {}",
        VIRTUAL_SERVERS * SERVERS_EACH,
        if cfg!(debug_assertions) {
            "unoptimised build"
        } else {
            "optimised build"
        }
    );
    println!("  servers found down after the first loop: {changes}");
    println!("  probes in {MEASURED:?}: {probes}");
    let missed = on_time("the checks alone", probes, late, end.worst);
    let share = 100.0 * cpu.as_secs_f64() / MEASURED.as_secs_f64();
    let each = cpu.as_secs_f64() * 1e6 / all;
    println!("  CPU: {share:.1} % of one core, {each:.1} µs a probe");
    let after = resident()?;
    println!(
        "  memory: {} MiB, {} MiB before the checks",
        after >> 10,
        before >> 10
    );
    states(&handle).await;
    handle.stop().await;
    Ok(missed.into_iter().collect())
}

async fn pass(time: Duration) {
    sleep_until((clock::now() + time).into()).await;
}

/// What the checks have found, by what they say.
async fn states(handle: &Handle) {
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    for status in handle.status().await {
        let last = status.last.map_or_else(
            || "nothing yet".to_owned(),
            |last| last.reason.unwrap_or_else(|| "success".to_owned()),
        );
        *found.entry(last).or_default() += 1;
    }
    for (result, count) in found {
        println!("  {count:>6} {result}");
    }
}

fn services() -> Vec<Service> {
    let server = |place: u32| {
        let [_, b, c, d] = place.to_be_bytes();
        let address = Ipv4Addr::new(127, b.saturating_add(1), c, d);
        let port = match place % 20 {
            0 => server::REFUSED,
            10 => server::SILENT,
            _ => server::GOOD,
        };
        let target = Target {
            connect_timeout: CONNECT_TIMEOUT,
            ..Target::new((address, port).into())
        };
        Server {
            key: RealServerKey {
                address: address.into(),
                port,
            },
            weight: 1,
            inhibit_on_failure: false,
            checks: vec![Check {
                question: Question {
                    target,
                    kind: http(),
                },
                retry: 1,
                delay_before_retry: Duration::from_secs(1),
                delay_loop: LOOP,
                warmup: LOOP,
                alpha: false,
                log_all_failures: false,
            }],
        }
    };
    let service = |number: u32| Service {
        key: VirtualServerKey::Address(AddressKey {
            address: Ipv4Addr::from(0x0a00_0000 | number).into(),
            port: 80,
            protocol: Protocol::Tcp,
        }),
        ha_suspend: BTreeSet::new(),
        rules: PoolRules::default(),
        servers: (number * SERVERS_EACH..(number + 1) * SERVERS_EACH)
            .map(server)
            .collect(),
    };
    (0..VIRTUAL_SERVERS).map(service).collect()
}

fn http() -> Kind {
    Kind::Http(HttpGet {
        urls: vec![Url::new("/")],
        http_protocol: HttpProtocol::V1_0,
        fast_recovery: false,
    })
}

/// What this process has used so far.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let (user, system) = (usage.user_time(), usage.system_time());
    let micros = (user.tv_sec() + system.tv_sec()) * 1_000_000 + user.tv_usec() + system.tv_usec();
    Ok(Duration::from_micros(micros.try_into()?))
}

/// Memory of this process, KiB.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.context("no VmRSS")?.trim();
    Ok(line.trim_end_matches(" kB").trim().parse()?)
}
