//! Frames on their way, as many as one or two processors can make.

use std::fmt;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use aya::Ebpf;
use aya::maps::{Array, MapData, PerCpuArray, PerCpuValues};
use aya::programs::{TestRun as _, TestRunAttrs, TestRunOptions, Xdp, XdpMode};
use aya::util::nr_cpus;
use lb_agent::runtime::clock;
use lb_common::bench::{Case, Sender};
use lb_tests::{built, wait_until};
use nix::net::if_::if_nametoindex;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::frames::{FLOWS, segments};
use crate::line::{Line, received};
use crate::way::{Built, Way};

const CASE_WORDS: usize = size_of::<Case>() / 8;

/// Frames of one system call: some milliseconds.
const CALL: u32 = 1 << 14;

/// Frames at a time, as a driver polls.
const BATCH: u32 = 64;

/// How long the last frames may be on their way.
const ARRIVAL: Duration = Duration::from_secs(5);

/// What one way does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Packets that have arrived, per second.
    pub(crate) packets: f64,
    /// Processors that have made them.
    processors: usize,
    /// Share of those that were made which have not arrived.
    lost: f64,
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let processors = f64::from(u32::try_from(self.processors).unwrap_or(1));
        write!(
            f,
            "{:>6.3} {:>6.0} {:>5.1} % ",
            self.packets / 1e6,
            processors * 1e9 / self.packets,
            self.lost * 100.0
        )
    }
}

/// The programs that make frames and end them.
struct Ends {
    ebpf: Ebpf,
    generator: &'static str,
    case: Array<MapData, [u64; CASE_WORDS]>,
    sender: PerCpuArray<MapData, [u64; 2]>,
}

/// What arrives of what these processors make; `None`: this kernel has no such way.
pub(crate) fn measure(way: Way, cpus: &[usize], time: Duration) -> Result<Option<Rate>> {
    let line = Line::new()?;
    let Some(mut built) = way.build(&line)? else {
        return Ok(None);
    };
    let mut ends = Ends::load(way)?;
    line.client.enter(|| ends.end_at("c0"))?;
    let (machine, interface) = match way {
        Way::Nowhere => (&line.director, "d0"),
        Way::Xdp(..) | Way::Bridged | Way::Routed | Way::Ipvs => (&line.server, "s1"),
    };
    // The kernel's own ways end in the kernel: a program would have to make frames of its packets.
    if matches!(way, Way::Nowhere | Way::Xdp(..)) {
        machine.enter(|| ends.end_at(interface))?;
    }
    built.beat()?;
    ends.establish(&line, way, cpus)?;
    let before = received(machine, interface)?;
    let (made, elapsed) = ends.run(&line, &mut built, cpus, time)?;
    // What is on its way arrives.
    let mut after = received(machine, interface)?;
    wait_until(ARRIVAL, || {
        let now = received(machine, interface).ok()?;
        let is_over = now == after;
        after = now;
        (is_over || now - before >= made).then_some(())
    });
    let arrived = (after - before).min(made);
    ensure!(
        arrived > made / 2,
        "of {made} packets {arrived} have arrived"
    );
    Ok(Some(Rate {
        packets: float(arrived) / elapsed.as_secs_f64(),
        processors: cpus.len(),
        lost: 1.0 - float(arrived) / float(made),
    }))
}

#[expect(clippy::cast_precision_loss, reason = "a count of packets")]
const fn float(count: u64) -> f64 {
    count as f64
}

impl Ends {
    fn load(way: Way) -> Result<Self> {
        let object = built::bpf_object("bench")?;
        let mut ebpf = Ebpf::load_file(&object)
            .with_context(|| format!("cannot load {}", object.display()))?;
        let generator = match way.target().0 {
            std::net::IpAddr::V4(_) => "generator",
            std::net::IpAddr::V6(_) => "generator6",
        };
        for name in [generator, "sink"] {
            program(&mut ebpf, name)?.load()?;
        }
        let mut take = |name: &str| {
            ebpf.take_map(name)
                .with_context(|| format!("the object has no map {name}"))
        };
        Ok(Self {
            case: Array::try_from(take("CASE")?)?,
            sender: PerCpuArray::try_from(take("SENDER")?)?,
            generator,
            ebpf,
        })
    }

    /// Frames that come in by this interface, of the namespace of this thread, end there.
    fn end_at(&mut self, interface: &str) -> Result<()> {
        let sink = program(&mut self.ebpf, "sink")?;
        sink.attach(interface, XdpMode::Driver)
            .with_context(|| format!("{interface} takes no native program"))?;
        Ok(())
    }

    /// Begins every connection of these processors.
    fn establish(&mut self, line: &Line, way: Way, cpus: &[usize]) -> Result<()> {
        let (address, mac) = way.target();
        // By the second ACK a connection is more than a handshake; the last case is what is measured.
        for syn in [true, false, false] {
            let case = segments(address, mac, syn);
            let words = bytemuck::cast::<_, [u64; CASE_WORDS]>(case);
            self.case.set(0, words, 0)?;
            self.number(cpus)?;
            self.on_each(line, cpus, |run, _| run(FLOWS))?;
        }
        Ok(())
    }

    /// Gives each processor connections of its own.
    fn number(&mut self, cpus: &[usize]) -> Result<()> {
        let count = nr_cpus().map_err(|(path, error)| anyhow!("{path}: {error}"))?;
        let senders = (0..count).map(|cpu| {
            let place = cpus.iter().position(|it| *it == cpu).unwrap_or(0);
            let first = place as u64 * u64::from(FLOWS);
            bytemuck::cast::<_, [u64; 2]>(Sender { next: 0, first })
        });
        let senders = PerCpuValues::try_from(senders.collect::<Vec<_>>())?;
        Ok(self.sender.set(0, senders, 0)?)
    }

    /// Makes frames for so long; how many, and how long that was.
    fn run(
        &mut self,
        line: &Line,
        built: &mut Built,
        cpus: &[usize],
        time: Duration,
    ) -> Result<(u64, Duration)> {
        built.beat()?;
        let start = clock::now();
        let made = self.on_each(line, cpus, |run, made| {
            while clock::now() - start < time {
                run(CALL)?;
                *made += u64::from(CALL);
            }
            Ok(())
        })?;
        Ok((made, clock::now() - start))
    }

    /// Works on each of these processors in the client's namespace, at the same time; the sum of what
    /// each has made. `work` is given what makes so many frames.
    fn on_each(
        &mut self,
        line: &Line,
        cpus: &[usize],
        work: impl Fn(&dyn Fn(u32) -> Result<()>, &mut u64) -> Result<()> + Sync,
    ) -> Result<u64> {
        let frame = bytemuck::cast::<_, Case>(self.case.get(&0, 0)?);
        let mut bytes = bytemuck::bytes_of(&frame.headers).to_vec();
        bytes.resize(frame.length as usize, 0);
        let generator = &*program(&mut self.ebpf, self.generator)?;
        let ready = Barrier::new(cpus.len());
        line.client.enter(|| {
            let context = context(if_nametoindex("c0")?, frame.length);
            thread::scope(|scope| {
                let threads = cpus.iter().map(|cpu| {
                    let (bytes, context, ready, work) = (&bytes, &context, &ready, &work);
                    scope.spawn(move || {
                        stay_on(*cpu)?;
                        let run = |frames| make(generator, bytes, context, frames);
                        ready.wait();
                        let mut made = 0;
                        work(&run, &mut made)?;
                        Ok(made)
                    })
                });
                let threads: Vec<_> = threads.collect();
                let made = threads.into_iter().map(|thread| {
                    thread
                        .join()
                        .unwrap_or_else(|_| Err(anyhow!("a thread panicked")))
                });
                made.sum::<Result<u64>>()
            })
        })
    }
}

/// Has the kernel make so many frames on this processor.
fn make(generator: &Xdp, frame: &[u8], context: &[u8], frames: u32) -> Result<()> {
    let mut options = TestRunOptions::new();
    options.data_in = Some(frame);
    options.ctx_in = Some(context);
    options.repeat = frames;
    options.attrs = TestRunAttrs::new().xdp_live_frames(BATCH);
    generator
        .test_run(options)
        .context("the kernel runs no program with live frames (Linux 5.18)")?;
    Ok(())
}

/// `struct xdp_md`: the frame has come in by this interface.
fn context(ifindex: u32, length: u32) -> Vec<u8> {
    let words = [0, length, 0, ifindex, 0, 0];
    words.iter().copied().flat_map(u32::to_ne_bytes).collect()
}

fn program<'e>(ebpf: &'e mut Ebpf, name: &str) -> Result<&'e mut Xdp> {
    let found = ebpf.program_mut(name);
    let found = found.with_context(|| format!("the object has no program {name}"))?;
    Ok(found.try_into()?)
}

fn stay_on(cpu: usize) -> Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &only)?)
}
