//! What keeps the XDP program out of the kernel: IPVS serves, and the cause is told.

use anyhow::Result;
use lb_tests::{Agent, Need};

use crate::refused::{director, does_not_start, goes_to_ipvs, text};

#[test]
fn a_kernel_that_does_not_take_the_program() -> Result<()> {
    if Need::Bpf.is_met() {
        println!("skipped: this kernel takes it");
        return Ok(());
    }
    let Some(machine) = director()? else {
        return Ok(());
    };
    let agent = Agent::start(&machine, &text("auto"))?;
    goes_to_ipvs(&machine, agent, "XDP program")?;
    does_not_start(&machine, &text("native"), "XDP program")
}
