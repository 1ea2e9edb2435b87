//! The guests' kernels: which there are, and how they come here.
//!
//! They are Debian's, downloaded with apt and unpacked beside what cargo has built; this machine's
//! own kernel and boot loader are left alone.

mod unpack;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::setup::{self, Part, apt};

/// A guest's kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kernel {
    /// Debian's user-mode-linux, a program: there in three seconds. One processor, no JIT for BPF.
    Uml,
    /// Debian's own kernel in an emulated machine: there in ten seconds, and twenty times slower.
    Qemu,
}

impl Kernel {
    /// The one that is asked for, else the quicker one that this machine can run.
    pub(crate) fn choose(wanted: Option<Self>) -> Result<Self> {
        let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        match (wanted, suits_uml(&processor)) {
            (Some(Self::Uml), false) => bail!(
                "user-mode-linux 6.1 has no room for the AMX registers of this processor: use \
                 --kernel qemu"
            ),
            (Some(kernel), _) => Ok(kernel),
            (None, true) => Ok(Self::Uml),
            (None, false) => Ok(Self::Qemu),
        }
    }

    /// Its name, also of its directory.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Uml => "uml",
            Self::Qemu => "qemu",
        }
    }

    /// What the guest is told of it on the kernel's command line.
    pub(super) fn word(self) -> OsString {
        format!("guest.kernel={}", self.name()).into()
    }

    /// The programs that it needs.
    const fn parts(self) -> &'static [Part] {
        match self {
            Self::Uml => &[Part::Guest],
            Self::Qemu => &[Part::Guest, Part::Qemu],
        }
    }

    /// The package of Debian that has it.
    fn package(self) -> Result<String> {
        match self {
            Self::Uml => Ok("user-mode-linux".to_owned()),
            Self::Qemu => {
                let depends = apt::cache(&["depends", "linux-image-amd64"])?;
                let image = depends
                    .lines()
                    .filter_map(|line| line.trim().strip_prefix("Depends: "))
                    .find(|name| name.starts_with("linux-image-"));
                image
                    .map(str::to_owned)
                    .context("apt knows no linux-image-amd64")
            }
        }
    }
}

/// Whether user-mode-linux can switch between processes here: it copies their registers through a
/// buffer that ends before AMX's (its own word for it: "ptrace set fp regs failed, errno = 14").
fn suits_uml(cpuinfo: &str) -> bool {
    let mut flags = cpuinfo.lines().filter(|line| line.starts_with("flags"));
    !flags.any(|line| line.split_whitespace().any(|flag| flag == "amx_tile"))
}

/// A kernel that can be started.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(super) kernel: Kernel,
    /// Where it lies, with `lib/modules/<version>`.
    pub(super) directory: PathBuf,
    /// As `uname -r` has it.
    pub(super) version: String,
}

/// The kernel, if it has been fetched.
pub(crate) fn there(kernel: Kernel) -> Result<Fetched> {
    let directory = home()?.join(kernel.name());
    // Written last.
    let Ok(version) = fs::read_to_string(directory.join("version")) else {
        bail!(
            "the guest's kernel has not been fetched: run `cargo xtask vm --kernel {} -- true`",
            kernel.name()
        );
    };
    Ok(Fetched {
        kernel,
        directory,
        version,
    })
}

/// The kernel, fetched if it has to be, and what is needed to start it.
pub(crate) fn fetch(kernel: Kernel) -> Result<Fetched> {
    setup::run(kernel.parts())?;
    if let Ok(fetched) = there(kernel) {
        return Ok(fetched);
    }
    apt::update()?;
    let package = kernel.package()?;
    let home = home()?;
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    note(&format!(
        "Downloading {package} with apt, to {}.",
        home.display()
    ));
    let work = tempfile::Builder::new()
        .prefix(kernel.name())
        .tempdir_in(&home)
        .context("cannot make a temporary directory")?;
    apt::unpack(&package, work.path())?;
    let directory = home.join(kernel.name());
    let made = work.path().join("made");
    match kernel {
        Kernel::Uml => unpack::uml(work.path(), &made),
        Kernel::Qemu => unpack::qemu(work.path(), &made),
    }
    .with_context(|| format!("{package} is not laid out as expected"))?;
    // Another run may have been quicker.
    if fs::rename(&made, &directory).is_err() {
        there(kernel).with_context(|| format!("cannot move it to {}", directory.display()))?;
    }
    there(kernel)
}

/// Where kernels are kept: `target/vm`, for we are `target/<profile>/xtask`.
fn home() -> Result<PathBuf> {
    let program = env::current_exe().context("cannot tell where the running program lies")?;
    let target = program.ancestors().nth(2);
    Ok(target
        .context("the running program lies outside a target directory")?
        .join("vm"))
}

/// Says something without touching standard output, which is the command's.
#[expect(clippy::print_stderr, reason = "standard output is the command's")]
fn note(text: &str) {
    eprintln!("{text}");
}

/// Writes a file.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(path, executable)
        .with_context(|| format!("cannot make {} executable", path.display()))
}

/// Runs a program to its end, for its output.
pub(super) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(output.stdout)
}

#[cfg(test)]
mod tests;
