//! The 25 samples of Debian's keepalived package, read by the installed keepalived 2.2.7 and by
//! us: what it accepts we accept, and what it reports at a line we report at that line.
//!
//! Nothing of these files is kept here; keepalived's verdict is taken anew in every run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use lb_agent::config::{Environment, FileSystem, load_in, report};
use lb_tests::{Namespace, Need, skipped};

const SAMPLES: &str = "/usr/share/doc/keepalived/samples";

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

/// What we do not say where keepalived says something, and why.
const NOT_SAID: &[(&str, &str, &str)] = &[
    (
        "conditional_conf",
        "No script set for vrrp_script",
        "said at the script's name, not behind its end",
    ),
    (
        "track_interface",
        "doesn't exist",
        "whether an interface exists is not the file's business: `check` says it at the end",
    ),
    (
        "vrrp.routes",
        "cannot track route 192.168.113.1/32",
        "a blackhole has no interface: there is nothing to name",
    ),
];

/// keepalived's exit status and its remarks by line.
fn theirs(namespace: &Namespace, file: &Path) -> Result<(i32, BTreeMap<usize, Vec<String>>)> {
    let output = namespace.enter(|| {
        let mut keepalived = Command::new("keepalived");
        Ok(keepalived.arg("-t").arg("-f").arg(file).output()?)
    })?;
    let status = output.status.code().context("keepalived was killed")?;
    let mut remarks: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        let Some((_, behind)) = line.split_once(": Line ") else {
            continue;
        };
        let Some((number, message)) = behind.split_once(") ") else {
            continue;
        };
        let number = number.parse().context("a line number")?;
        remarks.entry(number).or_default().push(message.to_owned());
    }
    Ok((status, remarks))
}

fn samples() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(SAMPLES).context(SAMPLES)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("keepalived.conf.") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn compare(namespace: &Namespace, file: &Path) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches("keepalived.conf.").to_owned();
    let (status, remarks) = theirs(namespace, file)?;
    let ours = load_in(&FileSystem, file, &Environment::default());
    ensure!(
        !ours.is_fatal(),
        "{name}: we refuse it, keepalived says {status}"
    );

    let entries = report(&ours);
    let lines = |line: usize| {
        let at = |place: &lb_agent::config::Place| place.line == line;
        entries.iter().any(|entry| {
            entry.place.as_ref().is_some_and(at)
                || entry.related.iter().any(|other| at(&other.place))
        })
    };
    for (line, messages) in &remarks {
        for message in messages {
            let known = NOT_SAID
                .iter()
                .any(|(sample, part, _)| *sample == name && message.contains(part));
            ensure!(
                known || lines(*line),
                "{name}:{line}: keepalived says \"{message}\", we say nothing there"
            );
        }
    }
    // 6 is script security alone: we run no scripts yet.
    if matches!(status, 0 | 6) {
        let errors: Vec<&str> = entries
            .iter()
            .filter(|entry| entry.severity == lb_agent::config::Severity::Error)
            .map(|entry| entry.message.as_str())
            .collect();
        ensure!(
            ours.exit_status() == 0,
            "{name}: keepalived accepts it, we say {errors:?}"
        );
    }
    Ok(())
}

#[test]
fn we_accept_what_keepalived_accepts_and_say_what_it_says_where_it_says_it() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("samples")?;
    for number in 0..4 {
        namespace.ip(&format!(
            "link add eth{number} type veth peer name peer{number}"
        ))?;
        namespace.ip(&format!("link set eth{number} up"))?;
        namespace.ip(&format!("link set peer{number} up"))?;
        namespace.ip(&format!(
            "address add 192.168.20{number}.1/24 dev eth{number}"
        ))?;
    }
    let files = samples()?;
    ensure!(files.len() == 25, "{} samples in {SAMPLES}", files.len());
    for file in files {
        compare(&namespace, &file)?;
    }
    Ok(())
}
