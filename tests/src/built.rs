//! What cargo has built: `lb-agent` and the objects of `lb-ebpf`.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The program `lb-agent`, of the same profile as the running one.
///
/// Cargo does not build it for the tests of another package: `cargo xtask test` builds it first.
pub fn lb_agent() -> Result<PathBuf> {
    let program = profile_directory()?.join("lb-agent");
    if !program.is_file() {
        bail!(
            "{} is missing: run `cargo build -p lb-agent`",
            program.display()
        );
    }
    Ok(program)
}

/// The object of the program `name` of `lb-ebpf`.
pub fn bpf_object(name: &str) -> Result<PathBuf> {
    let profile = profile_directory()?;
    let target = profile
        .parent()
        .context("the running program lies outside a target directory")?;
    let object = target.join("bpf/bpfel-unknown-none/release").join(name);
    if !object.is_file() {
        bail!(
            "{} is missing: run `cargo build -p lb-agent`",
            object.display()
        );
    }
    Ok(object)
}

/// `target/debug`: the running program is `target/debug/xtask` or `target/debug/deps/<test>`.
fn profile_directory() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where the running program lies")?;
    let directory = program
        .parent()
        .context("the running program lies nowhere")?;
    Ok(match directory.parent() {
        Some(profile) if directory.ends_with("deps") => profile.to_owned(),
        _ => directory.to_owned(),
    })
}
