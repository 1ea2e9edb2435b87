//! The programs of `lb-ebpf/src/bench`: the harness, which calls a program under test packet after
//! packet, and what that program is compared with.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aya::Ebpf;
use aya::maps::{Array, MapData, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp};
use lb_common::bench::{Case, NOT_CALLED, Tally};
use lb_tests::built;
use nix::time::{ClockId, clock_gettime};

const CASE_WORDS: usize = size_of::<Case>() / 8;
const TALLY_WORDS: usize = size_of::<Tally>() / 8;

/// The harness and the trivial programs that it is weighed with. Those in pairs are for packets of IPv4
/// and of IPv6.
pub(crate) struct Harness {
    /// Checks the headers and writes both MACs: what no load balancer can do without.
    pub(crate) floor: [ProgramFd; 2],
    /// Costs nothing.
    pub(crate) null_tx: ProgramFd,
    /// Moves the head of the packet as TUN does.
    pub(crate) null_push: [ProgramFd; 2],
    case: Array<MapData, [u64; CASE_WORDS]>,
    tally: Array<MapData, [u64; TALLY_WORDS]>,
    callee: ProgramArray<MapData>,
    /// The programs live as long as this.
    ebpf: Ebpf,
}

/// The programs that call the one under test, with packets of IPv4 and of IPv6.
const HARNESS: [&str; 2] = ["harness", "harness6"];

/// Whether the packets are of IPv6: their `EtherType` says so.
fn is_ipv6(case: &Case) -> bool {
    bytemuck::bytes_of(&case.headers).get(12..14) == Some(&[0x86, 0xdd])
}

/// One run: the time of a packet, harness included, and the verdicts.
pub(crate) struct Run {
    /// Nanoseconds of this thread per packet.
    pub(crate) nanoseconds: f64,
    /// Packets by verdict.
    pub(crate) verdicts: [u64; 8],
}

impl Harness {
    /// Loads the programs.
    pub(crate) fn load() -> Result<Self> {
        let object = built::bpf_object("bench")?;
        let mut ebpf = Ebpf::load_file(&object)
            .with_context(|| format!("cannot load {}", object.display()))?;
        for harness in HARNESS {
            load(&mut ebpf, harness)?;
        }
        Ok(Self {
            floor: [load(&mut ebpf, "floor")?, load(&mut ebpf, "floor6")?],
            null_tx: load(&mut ebpf, "null_tx")?,
            null_push: [
                load(&mut ebpf, "null_push")?,
                load(&mut ebpf, "null_push6")?,
            ],
            case: Array::try_from(take(&mut ebpf, "CASE")?)?,
            tally: Array::try_from(take(&mut ebpf, "TALLY")?)?,
            callee: ProgramArray::try_from(take(&mut ebpf, "CALLEE")?)?,
            ebpf,
        })
    }

    /// Gives `packets` packets of `case` to `callee`, the first to flow number `first`.
    pub(crate) fn run(
        &mut self,
        callee: &ProgramFd,
        case: &Case,
        first: u32,
        packets: u32,
    ) -> Result<Run> {
        self.callee
            .set(0, callee, 0)
            .context("cannot put a program into the harness")?;
        self.case
            .set(0, bytemuck::cast::<_, [u64; CASE_WORDS]>(*case), 0)?;
        let tally = Tally {
            next: first.into(),
            ..Tally::default()
        };
        self.tally
            .set(0, bytemuck::cast::<_, [u64; TALLY_WORDS]>(tally), 0)?;
        let [of_ipv4, of_ipv6] = HARNESS;
        let harness = if is_ipv6(case) { of_ipv6 } else { of_ipv4 };
        let nanoseconds = self.repeat(harness, case, packets)?;
        let tally: Tally = bytemuck::cast(self.tally.get(&0, 0)?);
        let called: u64 = tally.verdicts.iter().sum();
        let lost = tally
            .verdicts
            .get(NOT_CALLED as usize)
            .copied()
            .unwrap_or(0);
        ensure!(
            called == u64::from(packets) && lost == 0,
            "of {packets} packets {called} were counted, {lost} of them without a call"
        );
        Ok(Run {
            nanoseconds,
            verdicts: tally.verdicts,
        })
    }

    /// Nanoseconds that the kernel's loop takes for a packet of `case` by itself, around a program
    /// that does nothing and without the harness.
    pub(crate) fn bare_loop(&mut self, case: &Case, packets: u32) -> Result<f64> {
        self.repeat("null_tx", case, packets)
    }

    /// Nanoseconds of this thread for one of `packets` runs of a program of ours. The kernel tells
    /// them, too, but in whole nanoseconds, which is too coarse.
    fn repeat(&mut self, program: &str, case: &Case, packets: u32) -> Result<f64> {
        let program: &mut Xdp = self
            .ebpf
            .program_mut(program)
            .context("the program is missing")?
            .try_into()?;
        let frame = frame(case);
        let mut options = TestRunOptions::new();
        options.data_in = Some(&frame);
        options.repeat = packets;
        let start = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
        program
            .test_run(options)
            .context("cannot run a program (BPF_PROG_TEST_RUN)")?;
        let elapsed = Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)? - start);
        Ok(elapsed.as_secs_f64() * 1e9 / f64::from(packets))
    }
}

/// The first frame; the harness writes the headers of every one.
fn frame(case: &Case) -> Vec<u8> {
    let mut frame = bytemuck::bytes_of(&case.headers).to_vec();
    frame.resize(case.length as usize, 0);
    frame
}

fn load(ebpf: &mut Ebpf, name: &str) -> Result<ProgramFd> {
    let missing = || format!("the benchmark's object has no program {name}");
    let program: &mut Xdp = ebpf.program_mut(name).with_context(missing)?.try_into()?;
    program
        .load()
        .with_context(|| format!("cannot load {name}"))?;
    Ok(program.fd()?.try_clone()?)
}

fn take(ebpf: &mut Ebpf, name: &str) -> Result<aya::maps::Map> {
    ebpf.take_map(name)
        .with_context(|| format!("the benchmark's object has no map {name}"))
}
