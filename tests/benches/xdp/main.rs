//! What a packet costs: `cargo xtask bench`.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

mod carried;
mod frames;
mod harness;
mod measure;
mod network;
mod report;
mod scenario;
mod subject;

use std::env;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use lb_tests::{Need, needs};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use harness::Harness;
use measure::{Churned, ROUNDS};
use network::Network;
use report::Results;
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

/// Measures every case; whether all of them were what they claim to be and have reached their targets.
fn run(network: &Network) -> Result<bool> {
    let (filter, rounds) = arguments()?;
    let cpu = pin()?;
    let info = Subject::load(network)?.info()?;
    let mut harness = Harness::load()?;
    report::head(cpu, rounds, &info);
    let mut sound = true;
    let mut churned = Churned::default();
    let mut results = Results::default();
    let chosen = Scenario::all().into_iter();
    for scenario in chosen.filter(|scenario| scenario.to_string().contains(&filter)) {
        match measure::measure(&scenario, &mut harness, network, &mut churned, rounds) {
            Ok(measured) => sound &= results.line(&scenario, &measured),
            Err(error) => {
                sound = false;
                report::unsound(&scenario, &error);
            }
        }
    }
    Ok(sound)
}

/// What the names of the cases must contain, and the rounds of each: `[FILTER] [--rounds N]`.
fn arguments() -> Result<(String, u32)> {
    // Cargo puts a `--bench` behind what is for us.
    let mut given = env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut filter, mut rounds) = (String::new(), ROUNDS);
    while let Some(argument) = given.next() {
        if argument == "--rounds" {
            let number = given.next().context("--rounds takes a number")?;
            rounds = number.parse().context("--rounds takes a number")?;
            ensure!(rounds > 0, "--rounds takes a number above 0");
        } else {
            filter = argument;
        }
    }
    Ok((filter, rounds))
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
