//! The cargo that runs us, run by us.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Everything but `lb-ebpf`, which is not for this machine (lb-agent's build script builds it), and
/// the fuzzer, which turns a feature of lb-agent on.
pub(crate) const HOST: [&str; 5] = [
    "--workspace",
    "--exclude",
    "lb-ebpf",
    "--exclude",
    "lb-fuzz",
];

/// The directory of the workspace.
pub(crate) fn workspace() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// `cargo <arguments>` in the workspace, not yet run.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).current_dir(workspace());
    cargo
}

/// Runs `command`; anything but success is an error.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let arguments: Vec<_> = command
        .get_args()
        .map(|word| word.to_string_lossy())
        .collect();
    ensure!(
        status.success(),
        "{} {} failed",
        program.to_string_lossy(),
        arguments.join(" ")
    );
    Ok(())
}

/// Builds the program `lb-agent`, and with it the XDP program and what test networks load.
pub(crate) fn build_agent() -> Result<()> {
    succeed(command(&["build", "--bin", "lb-agent"]).args(HOST))
}
