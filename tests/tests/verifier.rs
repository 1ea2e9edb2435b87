//! The kernel's verifier takes every program of `lb-ebpf`. `cargo xtask test` runs this here and in
//! a guest with Debian's 6.1: older kernels reckon otherwise, stack frames above all.
//!
//! What the programs then do is not asked here: see `xdp_load` and `xdp_model`.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use aya::Ebpf;
use aya::programs::{Program, Xdp};
use bytemuck::Zeroable as _;
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_agent::dataplane::xdp::trace::Tracer;
use lb_agent::runtime::clock;
use lb_common::trace::Filter;
use lb_tests::{Namespace, Need, PATIENCE, built, skipped, wait_until};

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Bpf];

/// As many instructions may the verifier have looked at. The kernel's own bound is a million; what
/// is taken here must be taken by kernels that are less clever.
const MOST_VERIFIED: u32 = 150_000;

/// The same of the programs of `lb-agent trace`, which are there for a while only.
const MOST_VERIFIED_OF_A_TRACE: u32 = 200_000;

/// The one on the interface, those that it hands over to, and the heartbeat.
const PROGRAMS: usize = 14;

/// `XDP_PASS`.
const PASS: u32 = 2;

#[test]
fn the_programs_of_the_agent_are_loaded_and_run() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("load")?;
    let pins = Pins::of(namespace.name());
    namespace.enter(|| {
        let mut object = Object::load(&pins)?;
        let (mut programs, mut beyond) = (0, Vec::new());
        for (name, info) in object.programs() {
            programs += 1;
            // Which kernels before 5.16 do not tell.
            let Some(verified) = info?.verified_instruction_count() else {
                continue;
            };
            println!("{name}: {verified} instructions were verified");
            if verified >= MOST_VERIFIED {
                beyond.push(format!("{name}: {verified} of {MOST_VERIFIED}"));
            }
        }
        ensure!(beyond.is_empty(), "too many instructions: {beyond:?}");
        ensure!(programs == PROGRAMS, "{programs} programs");
        object.heartbeat()?;
        let verdict = object.run(&mut vec![0; 64])?;
        ensure!(
            verdict == PASS,
            "a frame of zeros got the verdict {verdict}"
        );
        Ok(pins.remove()?)
    })
}

#[test]
fn the_programs_of_a_trace_are_loaded_and_run() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("trace")?;
    let pins = Pins::of(namespace.name());
    namespace.enter(|| {
        let mut object = Object::load(&pins)?;
        let maps = Maps::open(&pins)?;
        let filter = Filter {
            rate: 1,
            ..Filter::zeroed()
        };
        let mut tracer = Tracer::prepare(&pins, &maps, &filter)?;
        for (name, info) in tracer.programs() {
            if let Some(verified) = info?.verified_instruction_count() {
                println!("{name}: {verified} instructions were verified");
                ensure!(
                    verified < MOST_VERIFIED_OF_A_TRACE,
                    "{name}: {verified} instructions were verified"
                );
            }
        }
        for ether_type in [[0x08, 0x00], [0x86, 0xdd]] {
            let mut frame = vec![0; 64];
            frame[12..14].copy_from_slice(&ether_type);
            // By the clock of the next second.
            let told = wait_until(PATIENCE, || {
                tracer.renew(clock::monotonic());
                let verdict = object.run(&mut frame).ok()?;
                let event = tracer.take_event()?;
                Some(u32::from(event.verdict) == verdict)
            });
            ensure!(told == Some(true), "{ether_type:x?}: {told:?}");
        }
        drop(tracer);
        Ok(pins.remove()?)
    })
}

#[test]
fn the_programs_of_test_networks_and_of_the_bench_are_loaded() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    for name in ["pass", "decap", "tag", "bench"] {
        let loaded = load_all(&built::bpf_object(name)?).with_context(|| name.to_owned())?;
        ensure!(loaded > 0, "{name} has no program");
    }
    Ok(())
}

/// Loads every program of an object; how many these are.
fn load_all(object: &Path) -> Result<usize> {
    let mut ebpf = Ebpf::load_file(object)?;
    let mut loaded = 0;
    for (name, program) in ebpf.programs_mut() {
        load(program).with_context(|| name.to_owned())?;
        loaded += 1;
    }
    Ok(loaded)
}

fn load(program: &mut Program) -> Result<()> {
    let program: &mut Xdp = program.try_into()?;
    Ok(program.load()?)
}
