//! Makes of an unpacked package what a guest is started from.
//!
//! ```text
//!   made/linux            uml: the kernel, a program
//!   made/vmlinux, initrd  qemu: the kernel, and what reaches this machine's files
//!   made/lib/modules/V    both
//!   made/version          both; written last
//! ```

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::{output, write};
use crate::cargo::succeed;
use crate::vm::cpio::{self, Entry};

/// What qemu's guest needs before it has a root: the way to the files, the channels.
const EARLY_MODULES: [&str; 5] = [
    "virtio_pci",
    "9pnet_virtio",
    "9p",
    "overlay",
    "virtio_console",
];

/// Of the package `user-mode-linux`.
pub(super) fn uml(package: &Path, made: &Path) -> Result<()> {
    let version = modules(&package.join("usr/lib/uml/modules"), made)?;
    move_to(&package.join("usr/bin/linux.uml"), &made.join("linux"))?;
    write(&made.join("version"), version.as_bytes())
}

/// Of a package `linux-image-…`.
pub(super) fn qemu(package: &Path, made: &Path) -> Result<()> {
    let version = modules(&package.join("lib/modules"), made)?;
    let image = package.join(format!("boot/vmlinuz-{version}"));
    extract(&image, &made.join("vmlinux"))?;
    let initrd = cpio::archive(&early(made, &version)?);
    write(&made.join("initrd"), &initrd)?;
    write(&made.join("version"), version.as_bytes())
}

/// Takes the modules over and notes which needs which; gives the kernel's version.
fn modules(from: &Path, made: &Path) -> Result<String> {
    let entry = fs::read_dir(from)?.next().context("it has no modules")??;
    let Ok(version) = entry.file_name().into_string() else {
        bail!("the kernel's version is not text");
    };
    let home = made.join("lib/modules");
    fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    move_to(&entry.path(), &home.join(&version))?;
    succeed(Command::new("depmod").arg("-b").arg(made).arg(&version))?;
    Ok(version)
}

/// Unpacks the kernel proper: emulated, it would need seconds to do that at each start.
fn extract(image: &Path, kernel: &Path) -> Result<()> {
    const XZ: &[u8] = b"\xfd7zXZ\0";
    const ELF: &[u8] = b"\x7fELF";
    let image = fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
    let start = image.windows(XZ.len()).position(|window| window == XZ);
    let packed = start.and_then(|start| image.get(start..));
    let packed = packed.context("the kernel is not compressed with xz")?;
    let file =
        File::create(kernel).with_context(|| format!("cannot write {}", kernel.display()))?;
    let mut xz = Command::new("xz")
        .args(["--decompress", "--stdout", "--single-stream"])
        .stdin(Stdio::piped())
        .stdout(file)
        .spawn()
        .context("cannot start xz")?;
    // It stops reading behind the end of the stream.
    let _rest = xz.stdin.take().map(|mut stdin| stdin.write_all(packed));
    ensure!(xz.wait()?.success(), "xz cannot unpack the kernel");
    ensure!(
        fs::read(kernel)?.starts_with(ELF),
        "there is no kernel in the image"
    );
    Ok(())
}

/// The initial ramdisk: busybox, `initrd.sh` and the early modules, numbered in their order.
fn early(made: &Path, version: &str) -> Result<Vec<Entry>> {
    let busybox = output(Command::new("sh").args(["-c", "command -v busybox"]))?;
    let busybox = String::from_utf8_lossy(&busybox).trim().to_owned();
    let mut entries = ["bin", "dev", "mnt", "modules", "proc", "sys"]
        .map(Entry::directory)
        .into_iter()
        .collect::<Vec<_>>();
    entries.push(executable("bin/busybox", Path::new(&busybox))?);
    entries.push(Entry::executable(
        "init".to_owned(),
        include_bytes!("../initrd.sh").to_vec(),
    ));
    let list = output(
        Command::new("modprobe")
            .args(["--set-version", version, "--show-depends", "--all"])
            .arg("--dirname")
            .arg(made)
            .args(EARLY_MODULES),
    )?;
    for (number, path) in ordered(&String::from_utf8_lossy(&list))
        .into_iter()
        .enumerate()
    {
        entries.push(executable(
            &format!("modules/{number:02}"),
            Path::new(path),
        )?);
    }
    Ok(entries)
}

/// The files in modprobe's `insmod <path>` lines, each once.
fn ordered(list: &str) -> Vec<&str> {
    let mut files = Vec::new();
    for line in list.lines() {
        if let Some(path) = line.strip_prefix("insmod ").map(str::trim)
            && !files.contains(&path)
        {
            files.push(path);
        }
    }
    files
}

fn executable(name: &str, from: &Path) -> Result<Entry> {
    let content = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    Ok(Entry::executable(name.to_owned(), content))
}

fn move_to(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to)
        .with_context(|| format!("cannot move {} to {}", from.display(), to.display()))
}
