//! Two CPUs at the same words of the maps, both of them the program, or one of them the agent.

mod flows;
mod hop;
mod templates;
mod twins;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Result, anyhow};
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use nix::sched::{CpuSet, sched_getaffinity};
use nix::unistd::getpid;

use crate::network::Network;
use crate::rig::stay_on_cpu;

/// Runs both at the same time, each on a CPU of its own; without a second CPU neither.
pub(crate) fn race(
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

/// One of two sides that send their frames in step, the first of one when the other sends its
/// first.
struct Side {
    object: Object,
    frames: Vec<Vec<u8>>,
    /// Number of the frame that is sent next, from 1 on.
    place: Arc<AtomicUsize>,
    /// The last byte of the MAC address that each frame went to.
    servers: Vec<u8>,
}

impl Side {
    /// A side with a program of its own, which shares the maps of the rig.
    fn new(network: &Network, frames: Vec<Vec<u8>>) -> Result<Self> {
        Ok(Self {
            object: Object::load(&Pins::of(network.director.name()))?,
            frames,
            place: Arc::default(),
            servers: Vec::new(),
        })
    }

    /// How far this side is.
    fn place(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.place)
    }

    /// Sends each frame when the other side is about to do the same.
    fn run(&mut self, other: &AtomicUsize) -> Result<()> {
        let mut sent = Ok(());
        for (number, frame) in (1..).zip(&self.frames) {
            let mut out = frame.clone();
            self.place.store(number, Ordering::SeqCst);
            while other.load(Ordering::SeqCst) < number {
                std::hint::spin_loop();
            }
            sent = self.object.run(&mut out).map(drop);
            if sent.is_err() {
                break;
            }
            self.servers.push(out[5]);
        }
        // Nobody is to wait for us any more, whatever has happened.
        self.place.store(usize::MAX, Ordering::SeqCst);
        Ok(sent?)
    }
}
