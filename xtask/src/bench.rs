//! Times the paths of the XDP program, the health checks, the tables of IPVS, and reading a
//! configuration.

use std::process::Command;

use anyhow::Result;

use crate::cargo::{build_agent, command, succeed};
use crate::{setup, test};

/// What is to be measured.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// `checks`: the health checks of 20 000 servers; `config`: reading 40 000 servers, beside
    /// keepalived; `ipvs`: 10 000 servers in the kernel's table, beside `ipvsadm`; `calm`: adverts under fire; `failover`: how long a MASTER is missed, ours and keepalived's; `live`:
    /// packets per second on one and two processors, beside the kernel's bridge and routing; else only those
    /// paths of the XDP program whose name contains this.
    filter: Option<String>,
    /// `calm`, `live`: how long each figure takes [default: 60, for `live` 3].
    #[arg(long)]
    seconds: Option<u64>,
    /// `live`: in a guest whose kernel has IPVS, beside that.
    #[arg(long)]
    guest: bool,
    /// Paths of the XDP program: rounds of each.
    #[arg(long)]
    rounds: Option<u32>,
    /// `calm`: only the rows under fire.
    #[arg(long)]
    fire: bool,
    /// `calm`: only the rows of this interval, milliseconds.
    #[arg(long)]
    interval: Option<u64>,
}

/// Builds the program and runs the benchmark, in the profile of the tests: nothing is compiled
/// twice, and the XDP program is always optimised.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(&[setup::Part::Build, setup::Part::Network])?;
    if options.filter.as_deref() == Some("checks") {
        return checks();
    }
    if options.filter.as_deref() == Some("config") {
        return config();
    }
    if options.filter.as_deref() == Some("calm") {
        return calm(options);
    }
    if options.filter.as_deref() == Some("ipvs") {
        return ipvs();
    }
    build_agent()?;
    if options.filter.as_deref() == Some("live") {
        return live(options);
    }
    if options.filter.as_deref() == Some("failover") {
        return failover();
    }
    let mut bench = command(&[
        "bench",
        "--quiet",
        "--package",
        "lb-tests",
        "--bench",
        "xdp",
    ]);
    bench.args(["--profile", "dev", "--"]).args(&options.filter);
    if let Some(rounds) = options.rounds {
        bench.args(["--rounds", &rounds.to_string()]);
    }
    succeed(&mut bench)
}

/// As fast as the kernel makes packets: little of it is ours to compile. In the guest the processors are
/// emulated, so only its rows beside each other say something.
fn live(options: &Options) -> Result<()> {
    let live = test::bench_of("live")?;
    let mut bench = if options.guest {
        let mut guest = Command::new(std::env::current_exe()?);
        guest.args(["vm", "--kernel", "qemu", "--time-limit", "1800", "--"]);
        guest.arg(live.get_program());
        if let Some(directory) = live.get_current_dir() {
            guest.current_dir(directory);
        }
        guest
    } else {
        live
    };
    bench.args(["--seconds", &options.seconds.unwrap_or(3).to_string()]);
    succeed(&mut bench)
}

/// Optimised: it is the agent's own CPU time that counts here.
fn checks() -> Result<()> {
    build_optimised()?;
    let mut bench = command(&["bench", "--quiet", "--package", "lb-tests"]);
    bench.args(["--bench", "checks"]);
    // It reads in the agent's log when the data plane has heard of a change.
    bench.env("RUST_LOG", "info,lb_agent::runtime::supervisor=debug");
    // What is beside keepalived it runs in a guest.
    bench.env("LB_GUEST", std::env::current_exe()?);
    succeed(&mut bench)
}

/// In Debian's own kernel, emulated: what of it is the kernel's own time, `ipvsadm` with the same table
/// says in the same run.
fn ipvs() -> Result<()> {
    let tests = test::program_of("ipvs")?;
    let mut guest = Command::new(std::env::current_exe()?);
    guest.args(["vm", "--kernel", "qemu", "--"]);
    guest.arg(tests.get_program());
    guest.args(["many::", "--nocapture", "--test-threads=1"]);
    if let Some(directory) = tests.get_current_dir() {
        guest.current_dir(directory);
    }
    succeed(&mut guest)
}

/// Optimised, as on a director.
fn calm(options: &Options) -> Result<()> {
    build_optimised()?;
    let mut bench = command(&["bench", "--quiet", "--package", "lb-tests"]);
    bench.args(["--bench", "calm", "--", "--seconds"]);
    bench.arg(options.seconds.unwrap_or(60).to_string());
    if options.fire {
        bench.arg("--fire");
    }
    if let Some(interval) = options.interval {
        bench.args(["--interval", &interval.to_string()]);
    }
    succeed(&mut bench)
}

/// As a user runs it: the agent in its own process. keepalived is the other side.
fn failover() -> Result<()> {
    setup::run(&[setup::Part::Peers])?;
    let mut bench = command(&["bench", "--quiet", "--package", "lb-tests"]);
    bench.args(["--bench", "failover", "--profile", "dev"]);
    succeed(&mut bench)
}

/// Optimised, and beside the keepalived that is installed.
fn config() -> Result<()> {
    setup::run(&[setup::Part::Peers])?;
    build_optimised()?;
    let mut bench = command(&["bench", "--quiet", "--package", "lb-tests"]);
    bench.args(["--bench", "config"]);
    succeed(&mut bench)
}

/// The agent as it runs on a director.
fn build_optimised() -> Result<()> {
    succeed(&mut command(&[
        "build",
        "--quiet",
        "--release",
        "--package",
        "lb-agent",
        "--bin",
        "lb-agent",
    ]))
}
