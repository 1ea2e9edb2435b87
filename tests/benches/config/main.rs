//! How long it takes to check a large configuration, beside keepalived: `cargo xtask bench config`.
//!
//! Both programs read the same 40 000 servers, one after the other and several times, in a network
//! with the interface that the file names.
#![expect(clippy::print_stdout, reason = "a report for the terminal")]

mod once;

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};
use lb_tests::configurations::Large;
use lb_tests::{Namespace, Need, built, checked, needs};

use once::Run;

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

/// Runs of each program.
const ROUNDS: usize = 15;

/// At least so many times as fast as keepalived.
const TARGET: f64 = 2.0;

/// At most so much memory, MiB.
const MEMORY: f64 = 200.0;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    if arguments
        .next()
        .is_some_and(|first| first == once::ARGUMENT)
    {
        return once::main(arguments);
    }
    if needs::skipped(&NEEDS) {
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether both targets are met.
fn measure() -> Result<bool> {
    let machine = Namespace::new("config")?;
    machine.ip("link add eth0 type veth peer name peer0")?;
    machine.ip("link set eth0 up")?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("large.conf");
    let text = Large::SITE.text();
    fs::write(&file, &text)?;
    println!(
        "{} virtual servers with {} real servers, {} kB. Each program {ROUNDS} times, by turns.\n",
        Large::SITE.services,
        Large::SITE.services * Large::SITE.servers,
        text.len() / 1000,
    );
    let agent = built::lb_agent()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        theirs.push(once(&machine, Path::new("keepalived"), "-t", &file)?);
        ours.push(once(&machine, &agent, "check", &file)?);
    }
    Ok(report(&theirs, &ours))
}

/// One run, by a process of its own: what the kernel counts for children is then that of one.
fn once(machine: &Namespace, program: &Path, argument: &str, file: &Path) -> Result<Run> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(once::ARGUMENT).arg(program).arg(argument);
    command.arg("-f").arg(file);
    let said = machine.enter(|| checked(&mut command))?;
    let run: Run = serde_json::from_str(&said).context("what a run has measured")?;
    ensure!(
        run.status == Some(0),
        "{} ended with {:?}: there is nothing to compare",
        program.display(),
        run.status
    );
    Ok(run)
}

/// Prints the figures; whether both targets are met.
fn report(theirs: &[Run], ours: &[Run]) -> bool {
    println!(
        "{:<20}|    wall clock, ms     |     CPU, ms     |\n{:<20}|    min       median   |       min       | peak RSS, MiB",
        "", "program"
    );
    let (their_wall, _) = line("keepalived -t", theirs);
    let (our_wall, our_memory) = line("lb-agent check", ours);
    let verdict = |met: bool| if met { "met" } else { "MISSED" };
    let times = their_wall / our_wall;
    let (is_quick, is_small) = (times >= TARGET, our_memory < MEMORY);
    println!(
        "\n{times:.2} times as fast by the minima of the wall clock; target {TARGET:.1}: {}\n\
         {our_memory:.0} MiB; target below {MEMORY:.0}: {}",
        verdict(is_quick),
        verdict(is_small),
    );
    is_quick && is_small
}

/// Prints one program's figures; its best time, milliseconds, and its most memory, MiB.
fn line(name: &str, runs: &[Run]) -> (f64, f64) {
    let sorted = |of: fn(&Run) -> f64| {
        let mut figures: Vec<f64> = runs.iter().map(of).collect();
        figures.sort_by(f64::total_cmp);
        figures
    };
    let (wall, cpu) = (sorted(|run| run.wall_ms), sorted(|run| run.cpu_ms));
    let memory = sorted(|run| run.memory_mib);
    let at = |figures: &[f64], place: usize| figures.get(place).copied().unwrap_or(f64::NAN);
    let (best, most) = (at(&wall, 0), at(&memory, runs.len().saturating_sub(1)));
    println!(
        "{name:<20}| {best:>8.1}   {:>8.1}   | {:>10.1}      | {most:>8.0}",
        at(&wall, runs.len() / 2),
        at(&cpu, 0),
    );
    (best, most)
}
