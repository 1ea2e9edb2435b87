//! `bpf-linker`: where it is, and which one.

use std::env;
use std::path::PathBuf;

/// The release that goes with the compilers of [`crate::compiler::NEWEST_LLVM`] and with aya 0.14.
pub const VERSION: &str = "0.10.3";

/// There is no `bpf-linker`.
#[derive(Debug, thiserror::Error)]
#[error(
    "bpf-linker, which links the XDP program, is neither on PATH nor in cargo's bin directory: \
     run `cargo xtask setup --build`, or `cargo install --locked bpf-linker --version {VERSION}`"
)]
pub struct NoLinker;

/// `bpf-linker` from PATH, else from cargo's own bin directory.
pub fn find() -> Result<PathBuf, NoLinker> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(cargo_bin())
        .map(|directory| directory.join("bpf-linker"))
        .find(|file| file.is_file())
        .ok_or(NoLinker)
}

/// Where `cargo install` puts its programs.
fn cargo_bin() -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))?;
    Some(home.join("bin"))
}
