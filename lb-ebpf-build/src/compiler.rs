//! The compiler: rustup's active toolchain, else Debian's.

use std::env;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Newest major version of LLVM that bpf-linker [`crate::linker::VERSION`] reads.
pub const NEWEST_LLVM: u32 = 22;

/// Oldest release that compiles the workspace: `rust-version` in `Cargo.toml`.
pub const OLDEST_RELEASE: (u32, u32) = (1, 95);

/// Debian's packages of a compiler, and of the source of its `core`.
pub const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Where those packages put the compiler.
const DEBIAN: &str = "/usr/bin/rustc";

/// A compiler that can build `core` for BPF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// The program.
    pub rustc: PathBuf,
    /// What it says of itself, e.g. `1.95.0`.
    pub release: String,
    /// Version of its LLVM, e.g. `22.1.2`.
    pub llvm: String,
    /// Its LLVM as a shared library, which bpf-linker must load too: bitcode of a newer patch
    /// level is refused. `None` if LLVM is linked into the compiler.
    pub llvm_library: Option<PathBuf>,
}

/// No compiler will do; for each the reason.
#[derive(Debug)]
pub struct NoCompiler(Vec<(PathBuf, Unfit)>);

impl fmt::Display for NoCompiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no compiler here can build the XDP program: ")?;
        for (rustc, unfit) in &self.0 {
            write!(f, "{} {unfit}; ", rustc.display())?;
        }
        write!(
            f,
            "run `cargo xtask setup --build`, or `rustup component add rust-src`, \
             or `apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        )
    }
}

impl std::error::Error for NoCompiler {}

/// Why a compiler will not do.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// It is not there or does not start.
    #[error("does not run ({0})")]
    DoesNotRun(#[from] io::Error),
    /// It does not answer as rustc does.
    #[error("does not say which version it is")]
    NoVersion,
    /// Older than [`OLDEST_RELEASE`].
    #[error("is too old ({release}, we need {}.{})", OLDEST_RELEASE.0, OLDEST_RELEASE.1)]
    TooOld {
        /// Its release.
        release: String,
    },
    /// bpf-linker could not read what it writes.
    #[error("uses LLVM {llvm}, and our bpf-linker reads LLVM {NEWEST_LLVM} at most")]
    LlvmTooNew {
        /// Version of its LLVM.
        llvm: String,
    },
    /// The component rust-src is not installed.
    #[error("({release}) lacks the source of `core`")]
    NoSource {
        /// Its release.
        release: String,
    },
}

impl Compiler {
    /// The first of the candidates that will do: the compiler that builds the rest of the
    /// workspace, then Debian's.
    pub fn find() -> Result<Self, NoCompiler> {
        let active = env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from);
        let mut unfit = Vec::new();
        for rustc in [active, PathBuf::from(DEBIAN)] {
            match Self::examine(&rustc) {
                Ok(compiler) => return Ok(compiler),
                Err(reason) => unfit.push((rustc, reason)),
            }
        }
        Err(NoCompiler(unfit))
    }

    /// Asks `rustc` who it is and looks whether the source of its `core` is there.
    pub fn examine(rustc: &Path) -> Result<Self, Unfit> {
        let version = ask(rustc, &["--version", "--verbose"])?;
        let field = |name: &str| {
            version
                .lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                .map(str::to_owned)
                .ok_or(Unfit::NoVersion)
        };
        let (release, llvm, host) = (field("release")?, field("LLVM version")?, field("host")?);
        if major_minor(&release).ok_or(Unfit::NoVersion)? < OLDEST_RELEASE {
            return Err(Unfit::TooOld { release });
        }
        let (llvm_major, _) = major_minor(&llvm).ok_or(Unfit::NoVersion)?;
        if llvm_major > NEWEST_LLVM {
            return Err(Unfit::LlvmTooNew { llvm });
        }
        let sysroot = PathBuf::from(ask(rustc, &["--print", "sysroot"])?.trim_end());
        if !sysroot
            .join("lib/rustlib/src/rust/library/core/Cargo.toml")
            .is_file()
        {
            return Err(Unfit::NoSource { release });
        }
        // `rustc` may be rustup's proxy; the nested cargo must not be led back to another one.
        let real = sysroot.join("bin/rustc");
        Ok(Self {
            rustc: if real.is_file() {
                real
            } else {
                rustc.to_owned()
            },
            llvm_library: llvm_library(&sysroot, &host, llvm_major),
            release,
            llvm,
        })
    }
}

/// Runs `rustc` and returns what it prints.
fn ask(rustc: &Path, arguments: &[&str]) -> Result<String, Unfit> {
    let output = Command::new(rustc).args(arguments).output()?;
    if !output.status.success() {
        return Err(Unfit::NoVersion);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `1.95.0-nightly` → (1, 95).
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split(['.', '-']).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `libLLVM.so.<major>.…` beside the compiler: rustup keeps it in `lib`, Debian in the directory
/// of the architecture.
fn llvm_library(sysroot: &Path, host: &str, major: u32) -> Option<PathBuf> {
    let lib = sysroot.join("lib");
    let prefix = format!("libLLVM.so.{major}.");
    [lib.join(host.replace("-unknown-", "-")), lib]
        .iter()
        .filter_map(|directory| directory.read_dir().ok())
        .flatten()
        .flatten()
        .find(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
}

#[cfg(test)]
mod tests;
