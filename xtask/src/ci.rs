//! What must pass before a change goes in.

use anyhow::Result;

use crate::cargo::{HOST, command, succeed, workspace};
use crate::{setup, test};

/// Runs every check; the first that fails is the last.
pub(crate) fn run() -> Result<()> {
    setup::run(&setup::Part::ALL)?;
    setup::components(&["rustfmt", "clippy"])?;
    step("Formatting");
    succeed(&mut command(&["fmt", "--all", "--check"]))?;
    step("Lints");
    succeed(
        command(&["clippy"])
            .args(HOST)
            .args(["--all-targets", "--", "-D", "warnings"]),
    )?;
    step("Lints of the fuzzer");
    succeed(&mut command(&[
        "clippy",
        "--package",
        "lb-fuzz",
        "--",
        "-D",
        "warnings",
    ]))?;
    step("Lints of the XDP program");
    lb_ebpf_build::lint(&workspace(), &workspace().join("target"))?;
    step("Documentation");
    succeed(
        command(&["doc", "--no-deps"])
            .args(HOST)
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    step("Tests");
    test::run(&test::Options {
        needs_guests: true,
        ..test::Options::default()
    })
}

/// Says what comes.
fn step(name: &str) {
    println!("\n=== {name}");
}
