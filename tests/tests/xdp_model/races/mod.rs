//! Two CPUs at the same words of the maps, both of them the program, or one of them the agent.

mod flows;
mod hop;
mod templates;

use std::thread;

use anyhow::{Result, anyhow};
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::getpid;

use crate::rig::stay_on_cpu;

/// Runs both at the same time, each on a CPU of its own; without a second CPU neither.
fn race(
    one: impl FnOnce() -> Result<()> + Send,
    other: impl FnOnce() -> Result<()> + Send,
) -> Result<()> {
    // That of the first thread of this process: ours stays on one CPU.
    let allowed = sched_getaffinity(getpid())?;
    let mut cpus = (0..CpuSet::count()).filter(|cpu| allowed.is_set(*cpu).unwrap_or(false));
    let (Some(first), Some(second)) = (cpus.next(), cpus.next()) else {
        println!("skipped: one CPU cannot race");
        return Ok(());
    };
    let halves = thread::scope(|scope| {
        let halves = [
            scope.spawn(move || stay_on_cpu(first).and_then(|()| one())),
            scope.spawn(move || stay_on_cpu(second).and_then(|()| other())),
        ];
        halves.map(|half| {
            half.join()
                .unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
        })
    });
    halves.into_iter().collect()
}
