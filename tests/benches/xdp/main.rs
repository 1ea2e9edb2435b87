//! What a packet costs: `cargo xtask bench`.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

mod harness;
mod measure;
mod network;
mod report;
mod scenario;
mod subject;

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lb_tests::{Need, needs};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use harness::Harness;
use measure::Churned;
use network::Network;
use scenario::Scenario;
use subject::Subject;

const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

fn main() -> ExitCode {
    if needs::skipped(&NEEDS) {
        return ExitCode::SUCCESS;
    }
    match Network::new().and_then(|network| network.enter(|| run(&network))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Measures every case; whether all of them were what they claim to be.
fn run(network: &Network) -> Result<bool> {
    let cpu = pin()?;
    let info = Subject::load(network)?.info()?;
    let mut harness = Harness::load()?;
    report::head(cpu, &info);
    let mut sound = true;
    let mut churned = Churned::default();
    // Cargo puts a `--bench` behind what is for us.
    let filter = env::args()
        .skip(1)
        .find(|argument| argument != "--bench")
        .unwrap_or_default();
    let chosen = Scenario::all().into_iter();
    for scenario in chosen.filter(|scenario| scenario.to_string().contains(&filter)) {
        match measure::measure(&scenario, &mut harness, network, &mut churned) {
            Ok(measured) => report::line(&scenario, &measured),
            Err(error) => {
                sound = false;
                report::unsound(&scenario, &error);
            }
        }
    }
    Ok(sound)
}

/// Binds this thread to the last CPU that it may use: interrupts mostly go to the first.
fn pin() -> Result<usize> {
    let own = Pid::from_raw(0);
    let allowed = sched_getaffinity(own)?;
    let cpu = (0..CpuSet::count())
        .rev()
        .find(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .context("no CPU")?;
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(own, &only)?;
    Ok(cpu)
}
