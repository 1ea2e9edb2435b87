//! Writes the documentation that is made from the program.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::cargo::{command, workspace};

/// `lb-agent check --keywords` says it, this file holds it, and a test compares the two.
const CONFIGURATION: &str = "docs/configuration.md";

/// Writes `docs/configuration.md`.
pub(crate) fn run() -> Result<()> {
    let mut agent = command(&["run", "--quiet", "-p", "lb-agent", "--"]);
    let output = agent.args(["check", "--keywords"]).output()?;
    ensure!(
        output.status.success(),
        "lb-agent check --keywords failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let path = workspace().join(CONFIGURATION);
    fs::write(&path, output.stdout).with_context(|| format!("cannot write {CONFIGURATION}"))?;
    println!("{CONFIGURATION} is written");
    Ok(())
}
