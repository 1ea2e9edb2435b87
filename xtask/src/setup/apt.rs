//! Debian's packages.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use crate::cargo::succeed;

/// Asked by Debian's packages before they start a service.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Services that come with our packages and are not wanted for themselves.
const SERVICES: [&str; 4] = ["nginx", "keepalived", "frr", "exim4"];

/// Whether a program is on PATH, or is a file if its name is a path.
pub(super) fn is_there(program: &str) -> bool {
    // `join` with an absolute path is that path.
    std::env::var_os("PATH").is_some_and(|path| {
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into(), "/sbin".into()])
            .any(|directory| directory.join(program).is_file())
    })
}

/// Installs `packages`, without starting or enabling any service of theirs.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !geteuid().is_root() {
        bail!("missing packages: run `sudo apt-get install {list}`, or this command as root");
    }
    if !is_there("apt-get") {
        bail!("there is no apt-get here; install what Debian calls {list}");
    }
    println!("Installing with apt: {list}. Services that come along stay off.");
    let quiet = Quiet::begin()?;
    let mut apt = Command::new("apt-get");
    apt.env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-qq", "-o", "Dpkg::Use-Pty=0"]);
    update()?;
    succeed(
        apt.args(["install", "--yes", "--no-install-recommends"])
            // Tests are no reason to take somebody's mail server away.
            .arg("--no-remove")
            .args(packages),
    )?;
    drop(quiet);
    for service in SERVICES
        .iter()
        .filter(|service| packages.iter().any(|p| p.starts_with(**service)))
    {
        // Where systemd is not installed there is nothing to disable.
        drop(
            Command::new("systemctl")
                .args(["--quiet", "disable", service])
                .status(),
        );
    }
    Ok(())
}

/// Reads which packages there are.
pub(crate) fn update() -> Result<()> {
    succeed(Command::new("apt-get").args(["-qq", "update"]))
}

/// What `apt-cache` says.
pub(crate) fn cache(arguments: &[&str]) -> Result<String> {
    let output = Command::new("apt-cache")
        .args(arguments)
        .output()
        .context("cannot start apt-cache")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Downloads `package` and unpacks it in `directory`, installing nothing.
pub(crate) fn unpack(package: &str, directory: &Path) -> Result<()> {
    // apt's own user may not write there.
    let as_root = ["-o", "APT::Sandbox::User=root"];
    succeed(
        Command::new("apt-get")
            .args(["-qq", "download", package])
            .args(as_root)
            .current_dir(directory),
    )?;
    let archive = fs::read_dir(directory)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .with_context(|| format!("apt-get has not downloaded {package}"))?;
    succeed(Command::new("dpkg").arg("-x").arg(&archive).arg(directory))
}

/// While it stands, packages start no service. A policy that the machine has already is left alone;
/// one of ours, left by a run that was killed, forbids nothing any more and is replaced.
struct Quiet {
    ours: bool,
}

/// The second line of our policy.
const OURS: &str = "# Of lb-agent's `cargo xtask`, for as long as it installs packages.";

impl Quiet {
    fn begin() -> Result<Self> {
        let ours = match fs::read_to_string(POLICY) {
            Ok(policy) => policy.contains(OURS),
            Err(_) => !Path::new(POLICY).exists(),
        };
        if ours {
            let us = std::process::id();
            // 101: forbidden, 104: allowed.
            let answer = format!("kill -0 {us} 2>/dev/null && exit 101\nexit 104");
            fs::write(POLICY, format!("#!/bin/sh\n{OURS}\n{answer}\n"))?;
            fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Self { ours })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if self.ours {
            drop(fs::remove_file(POLICY));
        }
    }
}
