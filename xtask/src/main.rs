//! Everything one does with this repository: `cargo xtask <command>`.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod bench;
mod cargo;
mod ci;
mod demo;
mod docs;
mod fuzz;
mod record;
mod setup;
mod test;
mod vm;

use std::env;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// Everything one does with this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

/// What to do.
#[derive(Debug, Subcommand)]
enum Task {
    /// Install what building and testing need and this machine lacks.
    Setup(setup::Options),
    /// Show a load balancer at work, in a network of namespaces on this machine.
    Demo(demo::Options),
    /// Run all tests, those that need root and namespaces included.
    Test(test::Options),
    /// Measure what a packet costs on each path of the XDP program.
    Bench(bench::Options),
    /// Write docs/configuration.md from the keyword table.
    Docs,
    /// Feed what reads other people's bytes with bytes that nobody would send.
    Fuzz(fuzz::Options),
    /// Write down anew what keepalived does in a guest, which our own agent is compared with.
    Record,
    /// Run a command as root in a guest whose kernel has IPVS, over this machine's files.
    Vm(vm::Options),
    /// What must pass before a change goes in: formatting, lints, documentation, all tests.
    Ci,
}

/// Where Debian has programs that only root needs. `su` leaves them out of PATH.
const SBIN: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Begins anew with them in PATH, if they are missing; comes back if that fails.
fn begin_anew_with_sbin() -> Option<io::Error> {
    let path = env::var_os("PATH")?;
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    if SBIN
        .iter()
        .all(|it| folders.iter().any(|folder| folder == Path::new(it)))
    {
        return None;
    }
    folders.extend(SBIN.map(Into::into));
    let path = env::join_paths(folders).ok()?;
    let ourselves = env::current_exe().ok()?;
    Some(
        Command::new(ourselves)
            .args(env::args_os().skip(1))
            .env("PATH", path)
            .exec(),
    )
}

fn main() -> ExitCode {
    if let Some(error) = begin_anew_with_sbin() {
        println!("programs in /usr/sbin may not be found: {error}");
    }
    let done = match Arguments::parse().task {
        Task::Setup(options) => setup::run(options.parts()),
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Docs => docs::run(),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Record => record::run(),
        Task::Vm(options) => return vm::run(&options),
        Task::Ci => ci::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
