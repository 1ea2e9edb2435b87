//! Asks for a kernel module.

use std::fs;
use std::process::{Command, Stdio};

/// Where the kernel says which program loads modules.
const PROGRAM: &str = "/proc/sys/kernel/modprobe";

/// Loads `module` with the kernel's own program for it; on failure, why.
pub(super) fn load(module: &str) -> Result<(), String> {
    let program = fs::read_to_string(PROGRAM).unwrap_or_default();
    let program = program.trim();
    if program.is_empty() {
        return Err("this kernel loads no modules".to_owned());
    }
    let output = Command::new(program)
        .arg(module)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            format!("cannot start {program}: {error} (Debian's package kmod has it)")
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim();
    if said.is_empty() {
        return Err(format!("`{program} {module}` failed: {}", output.status));
    }
    Err(format!("`{program} {module}` says: {said}"))
}
