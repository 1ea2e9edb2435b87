//! What keeps the XDP program out of the kernel: IPVS serves, and the cause is told.

use anyhow::Result;
use lb_tests::{Agent, Need};

use crate::refused::{director, does_not_start, goes_to_ipvs, text};
use crate::without_bpf::{is_impossible, without_bpf};

#[test]
fn a_kernel_without_bpf() -> Result<()> {
    if is_impossible() {
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let why = "this kernel has no BPF: it was built without CONFIG_BPF_SYSCALL";
    without_bpf(|| {
        let agent = Agent::start(&machine, &text("auto"))?;
        goes_to_ipvs(&machine, agent, why)?;
        does_not_start(&machine, &text("native"), why)
    })
}

/// User-mode-linux has BPF, but neither BTF nor a JIT, without which its verifier refuses what calls
/// functions of its own.
#[test]
fn a_kernel_whose_verifier_refuses_the_program() -> Result<()> {
    if Need::Bpf.is_met() {
        println!("skipped: this kernel takes it");
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let why = "cannot load the XDP program: ";
    let agent = Agent::start(&machine, &text("auto"))?;
    goes_to_ipvs(&machine, agent, why)?;
    does_not_start(&machine, &text("native"), why)
}
