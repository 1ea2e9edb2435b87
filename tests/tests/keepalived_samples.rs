//! The 25 samples of Debian's keepalived package and the tutorials, read by the installed keepalived
//! 2.2.7 and by `lb-agent check`: both end with the same status, and what keepalived reports at a line
//! of a sample we report at that line.
//!
//! Nothing of the samples is kept here; keepalived's verdict is taken anew in every run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use lb_tests::configurations::files;
use lb_tests::{Namespace, Need, built, skipped};
use serde::Deserialize;

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

/// What we do not say where keepalived says something, and why.
const NOT_SAID: &[(&str, &str, &str)] = &[(
    "keepalived.conf.conditional_conf",
    "No script set for vrrp_script",
    "said at the script's name, not behind its end",
)];

/// Files for which our status is another one: keepalived's, ours, and why.
const OTHER_STATUS: &[(&str, i32, i32, &str)] = &[
    ("001_01_L127.conf", 5, 0, NO_BREAK),
    ("001_02_L150.conf", 5, 6, NO_BREAK),
    (
        "002_03_L161.conf",
        5,
        6,
        "keepalived reads on in a block whose keyword it does not know, and never comes to the \
         script; we skip the block",
    ),
    ("004_01_L496.conf", 5, 0, ZERO),
    ("004_04_L655.conf", 5, 0, ZERO),
    ("004_21_L2337.conf", 5, 6, ENDS),
    ("004_26_L2819.conf", 5, 6, ENDS),
];

const NO_BREAK: &str = "no-break spaces are letters for keepalived and blanks for us";
const ZERO: &str = "`vrrp_garp_interval 0` is in range here";
const ENDS: &str = "keepalived ends at an interface that is missing, before it looks at scripts";

/// What `lb-agent check --format json` says.
#[derive(Debug, Deserialize)]
struct Ours {
    exit_status: i32,
    remarks: Vec<Remark>,
}

#[derive(Debug, Deserialize)]
struct Remark {
    severity: String,
    message: String,
    place: Option<Place>,
}

#[derive(Debug, Deserialize)]
struct Place {
    line: usize,
}

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

/// The same of the built program; its own status is the one that it says.
fn ours(namespace: &Namespace, file: &Path) -> Result<Ours> {
    let agent = built::lb_agent()?;
    let output = namespace.enter(|| {
        let mut check = Command::new(&agent);
        check.args(["check", "--format", "json", "-f"]).arg(file);
        Ok(check.output()?)
    })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let ours: Ours = serde_json::from_str(&said).with_context(|| said.clone().into_owned())?;
    ensure!(output.status.code() == Some(ours.exit_status), "{said}");
    Ok(ours)
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// What keepalived says at a line of a sample and we do not say there: an error or a warning, at that
/// line and not beside it.
fn not_said(name: &str, remarks: &BTreeMap<usize, Vec<String>>, ours: &Ours) -> Vec<String> {
    let is_there = |line: usize| {
        let mut remarks = ours.remarks.iter();
        remarks.any(|one| {
            let at = one.place.as_ref().is_some_and(|place| place.line == line);
            at && one.severity != "notice"
        })
    };
    let missing = remarks.iter().filter(|(line, _)| !is_there(**line));
    let missing = missing.flat_map(|(line, messages)| messages.iter().map(move |it| (line, it)));
    let missing = missing.filter(|(_, message)| {
        let known =
            |(sample, part, _): &(&str, &str, &str)| *sample == name && message.contains(part);
        !NOT_SAID.iter().any(known)
    });
    let missing = missing.map(|(line, message)| {
        format!("{name}:{line}: keepalived says \"{message}\", we say nothing there")
    });
    missing.collect()
}

fn compare(namespace: &Namespace, file: &Path) -> Result<Vec<String>> {
    let name = name(file);
    let (status, remarks) = theirs(namespace, file)?;
    let ours = ours(namespace, file)?;
    let mut faults = Vec::new();
    let mut others = OTHER_STATUS.iter();
    let other = others.find(|(other, ..)| *other == name);
    let expected = other.map_or((status, status), |(_, theirs, ours, _)| (*theirs, *ours));
    if (status, ours.exit_status) != expected {
        let said = ours.remarks.iter();
        let said: Vec<&str> = said.map(|one| one.message.as_str()).collect();
        faults.push(format!(
            "{name}: keepalived ends with {status}, we with {}, and not {expected:?}: {said:?}",
            ours.exit_status
        ));
    }
    if is_sample(file) {
        faults.extend(not_said(&name, &remarks, &ours));
    }
    Ok(faults)
}

fn is_sample(file: &Path) -> bool {
    name(file).starts_with("keepalived.conf.")
}

#[test]
fn we_end_as_keepalived_ends_and_say_what_it_says_where_it_says_it() -> Result<()> {
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
    let files: Vec<PathBuf> = files()?;
    let samples = files.iter().filter(|file| is_sample(file)).count();
    ensure!(samples == 25, "{samples} samples of keepalived's package");
    ensure!(files.len() >= 25 + 48, "{} files", files.len());
    let mut faults = Vec::new();
    for file in &files {
        faults.extend(compare(&namespace, file)?);
    }
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
