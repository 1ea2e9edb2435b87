//! Runs one target of `lb_agent::fuzzing` under libFuzzer: the one that `LB_FUZZ_TARGET` names.
//!
//! All targets are in one program, since it takes a minute to link. `cargo xtask fuzz` builds and
//! starts it.
#![no_main]

use std::sync::LazyLock;

use lb_agent::fuzzing::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;

/// Names the target.
const VARIABLE: &str = "LB_FUZZ_TARGET";

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var(VARIABLE).unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    #[expect(clippy::panic, reason = "libFuzzer has no other way to hear of it")]
    target.unwrap_or_else(|| panic!("{VARIABLE}={name} names no target"))
});

fuzz_target!(|bytes: &[u8]| (TARGET.run)(bytes));
