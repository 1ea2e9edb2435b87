//! Packets per second through a director, on one and on two processors: `cargo xtask bench live`.
//!
//! ```text
//!   client                 director                 server
//!   generator ──c0═══d0──▶ the way ──d1═══s1──▶ the end
//! ```
//!
//! The kernel runs a program on `c0` with live frames (`BPF_F_TEST_XDP_LIVE_FRAMES`), each of them a
//! segment of another established connection; what it sends comes in by `d0` as from a cable. The same
//! frames are forwarded by us in each mode, bridged and routed by the kernel without us, and, where the
//! kernel has it (`--guest` of the xtask), by its IPVS. `s1` counts what arrives, and drops it at once.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

#[path = "../xdp/carried.rs"]
mod carried;
mod frames;
mod line;
mod traffic;
mod way;

use std::env;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use lb_tests::{Need, needs};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::Pid;

use traffic::Rate;
use way::Way;

/// What both benches of packets call a family.
mod scenario {
    /// Whose packets.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Family {
        Ipv4,
        Ipv6,
    }
}

const NEEDS: [Need; 4] = [Need::Root, Need::Namespaces, Need::Bpf, Need::Program("ip")];

/// Two processors are to forward so many times as much as one.
const TWO_TO_ONE: f64 = 1.8;

fn main() -> ExitCode {
    if needs::skipped(&NEEDS) {
        return ExitCode::SUCCESS;
    }
    match arguments().and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// How long each figure takes: `[--seconds N]`.
fn arguments() -> Result<Duration> {
    let mut given = env::args().skip(1).filter(|argument| argument != "--bench");
    let mut seconds = 3;
    while let Some(argument) = given.next() {
        ensure!(argument == "--seconds", "nobody knows {argument}");
        let number = given.next().context("--seconds takes a number")?;
        seconds = number.parse().context("--seconds takes a number")?;
    }
    Ok(Duration::from_secs(seconds))
}

/// Measures every way; whether two processors do as much more as they should.
fn run(time: Duration) -> Result<bool> {
    let cpus = cpus()?;
    head(time);
    let mut sound = true;
    for way in Way::all() {
        match measure(way, &cpus, time) {
            Ok(Some(rates)) => sound &= line(way, &rates),
            Ok(None) => println!("{:<32}| not on this kernel", way.to_string()),
            Err(error) => {
                sound = false;
                println!("{:<32}| NOT MEASURED: {error:#}", way.to_string());
            }
        }
    }
    Ok(sound)
}

/// The rates of one processor, and of two if there are so many.
fn measure(way: Way, cpus: &[usize], time: Duration) -> Result<Option<Vec<Rate>>> {
    let mut rates = Vec::new();
    for count in 1..=cpus.len().min(2) {
        let chosen = cpus.get(..count).unwrap_or_default();
        match traffic::measure(way, chosen, time)? {
            Some(rate) => rates.push(rate),
            None => return Ok(None),
        }
    }
    Ok(Some(rates))
}

fn head(time: Duration) {
    println!(
        "Packets per second from `c0` to `s1` (millions), {} s each, live frames of 64 bytes (IPv6: 84), \
         1024 connections\nfor each processor. The processor that makes a frame also forwards it and ends \
         it, so ns is all of that; net is\nwithout what the first row takes. lost: made and not arrived.\n",
        time.as_secs()
    );
    println!(
        "{:<32}|  one processor       | two processors       | two to one",
        ""
    );
    println!(
        "{:<32}|  Mpps     ns   lost  |  Mpps     ns   lost  |",
        "the way"
    );
}

/// Prints one way; whether two processors do as much more as they should. That is asked of ours: where
/// the first row, which forwards nothing, does not do so either, the second processor is not free.
fn line(way: Way, rates: &[Rate]) -> bool {
    let shown: Vec<String> = rates.iter().map(ToString::to_string).collect();
    let ratio = match rates {
        [one, two] => Some(two.packets / one.packets),
        _ => None,
    };
    let (verdict, met) = match ratio {
        None => (String::new(), true),
        Some(ratio) if !way.is_ours() => (format!("{ratio:.2}"), true),
        Some(ratio) if ratio >= TWO_TO_ONE => (format!("{ratio:.2} ({TWO_TO_ONE:.1} met)"), true),
        Some(ratio) => (format!("{ratio:.2} ({TWO_TO_ONE:.1} MISSED)"), false),
    };
    println!("{:<32}|{}| {verdict}", way.to_string(), shown.join("|"));
    met
}

/// The processors that this process may use, the last one first: interrupts mostly go to the first.
fn cpus() -> Result<Vec<usize>> {
    let allowed = sched_getaffinity(Pid::from_raw(0))?;
    let all = (0..CpuSet::count()).rev();
    Ok(all
        .filter(|cpu| allowed.is_set(*cpu).unwrap_or(false))
        .collect())
}
