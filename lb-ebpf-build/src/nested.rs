//! The nested cargo.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::{Compiler, FindError, Toolchain};

/// The target.
const TARGET: &str = "bpfel-unknown-none";

/// Why the program was not built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A part is missing.
    #[error(transparent)]
    Find(#[from] FindError),
    /// Cargo did not start.
    #[error("cannot start {}: {source}", cargo.display())]
    Start {
        /// The cargo that should have run.
        cargo: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Cargo ran and failed.
    #[error("cargo refuses lb-ebpf ({status}): its own messages say why")]
    Compile {
        /// How cargo ended.
        status: ExitStatus,
    },
    /// The compiler's LLVM could not be put where bpf-linker looks for it.
    #[error("cannot prepare {}: {source}", path.display())]
    Prepare {
        /// What was to be made.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Builds every program of `lb-ebpf` and returns the directory of the objects: each is a file
/// named as its `[[bin]]`.
///
/// `workspace` is the directory with the workspace's `Cargo.toml`. The nested cargo works in
/// `target_dir/bpf`, so that it never waits for the lock of the cargo that runs us. Its messages
/// go to standard error.
pub fn build(workspace: &Path, target_dir: &Path) -> Result<PathBuf, BuildError> {
    run("build", &[], workspace, target_dir)
}

/// Looks at every program of `lb-ebpf`, and at `lb-common` as they use it, with clippy; a warning
/// is an error.
///
/// # Errors
///
/// As [`build`]. Clippy comes with the compiler, or is missing like any other subcommand of cargo.
pub fn lint(workspace: &Path, target_dir: &Path) -> Result<(), BuildError> {
    run("clippy", &["--", "-D", "warnings"], workspace, target_dir).map(drop)
}

/// `cargo <subcommand>` over all programs; returns the directory of the objects.
fn run(
    subcommand: &str,
    last: &[&str],
    workspace: &Path,
    target_dir: &Path,
) -> Result<PathBuf, BuildError> {
    let toolchain = Toolchain::find()?;
    let bpf = target_dir.join("bpf");
    let mut cargo = command(&toolchain);
    cargo
        .current_dir(workspace.join("lb-ebpf"))
        .args([subcommand, "--release", "--package", "lb-ebpf", "--bins"])
        .args(["--target", TARGET, "-Z", "build-std=core", "--target-dir"])
        .arg(&bpf)
        .args(last);
    if let Some(library) = &toolchain.compiler.llvm_library {
        cargo.env(
            "LD_LIBRARY_PATH",
            llvm_first(&bpf, &toolchain.compiler, library)?,
        );
    }
    let status = cargo.status().map_err(|source| BuildError::Start {
        cargo: cargo.get_program().into(),
        source,
    })?;
    if status.success() {
        Ok(bpf.join(TARGET).join("release"))
    } else {
        Err(BuildError::Compile { status })
    }
}

/// Cargo with an environment of its own.
fn command(toolchain: &Toolchain) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os().filter(|(name, _)| is_of_the_outer_build(name)) {
        cargo.env_remove(name);
    }
    cargo
        .env("RUSTC", &toolchain.compiler.rustc)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", flags(&toolchain.linker))
        // bpf-linker sees the bitcode of everything at once; a second LTO has nothing to add.
        .env("CARGO_PROFILE_RELEASE_LTO", "off");
    cargo
}

/// Flags of the compiler, as `CARGO_ENCODED_RUSTFLAGS` wants them.
fn flags(linker: &Path) -> OsString {
    let mut flags = OsString::from("-Clinker=");
    flags.push(linker);
    // v3 (Linux 5.12): 32-bit registers, and atomics that return a value. rustc hands the CPU to
    // bpf-linker, which refuses to hear it twice.
    flags.push("\x1f-Ctarget-cpu=v3");
    // Maps are declared in BTF, and BTF is made from the debug information.
    flags.push("\x1f-Cdebuginfo=2\x1f-Clink-arg=--btf");
    flags
}

/// Whether a variable was set by the cargo that runs us, or speaks to its compiler, and would
/// lead the nested one astray. Registries, proxies and the like are for both.
fn is_of_the_outer_build(name: &OsStr) -> bool {
    const FOR_BOTH: [&str; 7] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTRIES_",
        "CARGO_REGISTRY_",
        "CARGO_SOURCE_",
        "CARGO_TERM_",
    ];
    const SPEAKS_TO_RUSTC: [&str; 8] = [
        "RUSTC",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "TARGET",
    ];
    let name = name.to_string_lossy();
    SPEAKS_TO_RUSTC.contains(&&*name)
        || name.starts_with("CARGO_") && !FOR_BOTH.iter().any(|prefix| name.starts_with(prefix))
}

/// An `LD_LIBRARY_PATH` on which bpf-linker, which loads the first `libLLVM*` it meets, meets the
/// compiler's own before any other.
fn llvm_first(bpf: &Path, compiler: &Compiler, library: &Path) -> Result<OsString, BuildError> {
    let directory = bpf.join(format!("llvm-{}", compiler.llvm));
    let link = directory.join("libLLVM.so");
    let prepared = fs::create_dir_all(&directory).and_then(|()| {
        if fs::read_link(&link).is_ok_and(|target| target == library) {
            return Ok(());
        }
        let fresh = directory.join(format!("new-{}", std::process::id()));
        symlink(library, &fresh)?;
        fs::rename(&fresh, &link)
    });
    prepared.map_err(|source| BuildError::Prepare { path: link, source })?;
    let mut path = directory.into_os_string();
    if let Some(rest) = env::var_os("LD_LIBRARY_PATH") {
        path.push(":");
        path.push(rest);
    }
    Ok(path)
}
