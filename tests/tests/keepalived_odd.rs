//! Keywords with words that they do not expect, read by the installed keepalived 2.2.7 and by us:
//! what it reports at a line we report at that line, where it stops we stop, and what it runs with
//! we run with.
//!
//! The keywords are those of our tables; one that keepalived 2.2.7 does not know is left to the tests
//! of the tables.

#[path = "keepalived_odd/contexts.rs"]
mod contexts;
#[path = "keepalived_odd/differences.rs"]
mod differences;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::{Environment, FileSystem, Severity, keywords_json, load_in, report};
use lb_tests::{Namespace, Need, checked, skipped};
use serde::Deserialize;

use contexts::CONTEXTS;
use differences::{Difference, is_known};

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

/// What is written behind each keyword.
const ODD: [&str; 4] = ["", "junk", "0", "99999999999999999999999"];

/// Sections of our tables.
#[derive(Deserialize)]
struct Section {
    section: String,
    keywords: Vec<Keyword>,
}

#[derive(Deserialize)]
struct Keyword {
    name: String,
    syntax: String,
    status: String,
}

/// A file with one odd line.
struct Case {
    section: String,
    keyword: String,
    words: &'static str,
    text: String,
    /// The number of that line.
    line: usize,
    /// Whether the keyword has no effect here, so that its words are not looked at.
    is_idle: bool,
}

/// What keepalived says of a file.
struct Theirs {
    status: i32,
    said: String,
}

fn cases() -> Result<Vec<Case>> {
    let sections: Vec<Section> = serde_json::from_str(&keywords_json())?;
    let mut cases = Vec::new();
    for (name, context) in CONTEXTS {
        let section = sections.iter().find(|it| it.section == *name);
        let section = section.with_context(|| format!("there is no section {name}"))?;
        let keywords = section.keywords.iter();
        let is_block = |it: &&Keyword| it.syntax.ends_with('}');
        let is_ours = |it: &&Keyword| it.name.starts_with("xdp_");
        for keyword in keywords.filter(|it| !is_block(it) && !is_ours(it)) {
            for words in ODD {
                let line = format!("{} {words}", keyword.name);
                let text = context.replace("LINE", line.trim_end());
                let before = context.split("LINE").next().unwrap_or_default();
                cases.push(Case {
                    section: section.section.clone(),
                    keyword: keyword.name.clone(),
                    words,
                    text,
                    line: before.lines().count() + 1,
                    is_idle: keyword.status == "accepted" || keyword.status == "refused",
                });
            }
        }
    }
    Ok(cases)
}

/// keepalived's verdicts, in the order of the cases: one shell for all of them.
fn ask(namespace: &Namespace, folder: &Path, cases: &[Case]) -> Result<Vec<Theirs>> {
    for (index, case) in cases.iter().enumerate() {
        fs::write(folder.join(format!("{index}.conf")), &case.text)?;
    }
    let script = "cd \"$1\" && for file in *.conf; do
        keepalived -t -f \"$file\" >\"$file.said\" 2>&1; echo $? >\"$file.status\"
    done";
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(folder);
    namespace.enter(|| checked(&mut shell))?;
    let answer = |index: usize| {
        let read = |what| fs::read(folder.join(format!("{index}.conf.{what}")));
        let status = String::from_utf8_lossy(&read("status")?).trim().parse()?;
        let said = String::from_utf8_lossy(&read("said")?).into_owned();
        Ok(Theirs { status, said })
    };
    (0..cases.len()).map(answer).collect()
}

/// The numbers of the lines that keepalived speaks of.
fn lines(said: &str) -> BTreeSet<usize> {
    let number = |line: &str| {
        let (_, behind) = line.split_once("Line ")?;
        behind.split_once(')')?.0.parse().ok()
    };
    said.lines().filter_map(number).collect()
}

/// What differs between the two answers.
fn compare(file: &Path, case: &Case, theirs: &Theirs) -> Option<(Difference, String)> {
    let ours = load_in(&FileSystem, file, &Environment::default());
    let entries = report(&ours);
    let at = |line| {
        let is_there = |place: &lb_agent::config::Place| place.line == line;
        entries.iter().any(|one| {
            one.place.as_ref().is_some_and(is_there)
                || one.related.iter().any(|other| is_there(&other.place))
        })
    };
    let said: Vec<&str> = entries
        .iter()
        .filter(|one| one.severity != Severity::Notice)
        .map(|one| one.message.as_str())
        .collect();
    if let Some(line) = lines(&theirs.said).into_iter().find(|line| !at(*line)) {
        return Some((Difference::Silent, format!("nothing at line {line}")));
    }
    let status = ours.exit_status();
    let difference = match theirs.status {
        // 6 counts above 5: it may hide one.
        0 if status == 5 => Difference::Stricter,
        // Of what has no effect here the words are not looked at.
        2 if status != 2 && !case.is_idle => Difference::Runs,
        0 | 5 | 6 if ours.is_fatal() => Difference::Stops,
        _ => return None,
    };
    Some((difference, format!("status {status}: {said:?}")))
}

#[test]
fn odd_words_get_the_answers_that_keepalived_gives() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("odd")?;
    namespace.ip("link add eth0 type veth peer name peer0")?;
    namespace.ip("link set eth0 up")?;
    namespace.ip("link set peer0 up")?;
    namespace.ip("address add 192.168.200.1/24 dev eth0")?;
    let folder = tempfile::tempdir()?;
    let cases = cases()?;
    let answers = ask(&namespace, folder.path(), &cases)?;
    let mut faults = Vec::new();
    let mut compared = 0;
    for (index, (case, theirs)) in cases.iter().zip(&answers).enumerate() {
        if theirs.said.contains("Unknown keyword") {
            continue;
        }
        compared += 1;
        let Case {
            section,
            keyword,
            words,
            line,
            ..
        } = case;
        let file = folder.path().join(format!("{index}.conf"));
        let Some((difference, what)) = compare(&file, case, theirs) else {
            continue;
        };
        if !is_known(difference, section, keyword, words) {
            faults.push(format!(
                "{difference:?} {section}: `{keyword} {words}` at {line}: keepalived {}: {}\n    {what}",
                theirs.status,
                theirs.said.trim().replace('\n', " | "),
            ));
        }
    }
    ensure!(compared > 1200, "{compared} cases were compared");
    let count = faults.len();
    ensure!(faults.is_empty(), "{count} differ:\n{}", faults.join("\n"));
    Ok(())
}

/// A checker without the line that is tried, as keepalived takes it.
const CHECKERS: [&str; 10] = [
    "TCP_CHECK",
    "HTTP_GET",
    "SSL_GET",
    "SMTP_CHECK",
    "MISC_CHECK",
    "DNS_CHECK",
    "UDP_CHECK",
    "PING_CHECK",
    "BFD_CHECK",
    "FILE_CHECK",
];

/// Every keyword of any checker in every checker.
fn every_keyword_in_every_checker() -> Result<Vec<Case>> {
    let sections: Vec<Section> = serde_json::from_str(&keywords_json())?;
    let of_checkers = sections
        .iter()
        .filter(|it| CHECKERS.contains(&it.section.as_str()));
    let names: BTreeSet<&str> = of_checkers
        .flat_map(|it| &it.keywords)
        .filter(|it| !it.syntax.ends_with('}') && !it.name.starts_with("xdp_"))
        .map(|it| it.name.as_str())
        .collect();
    let mut cases = Vec::new();
    for section in CHECKERS {
        let (_, context) = CONTEXTS
            .iter()
            .find(|(name, _)| *name == section)
            .with_context(|| format!("no file for {section}"))?;
        for name in &names {
            cases.push(Case {
                section: section.to_owned(),
                keyword: (*name).to_owned(),
                words: "1",
                text: context.replace("LINE", &format!("{name} 1")),
                line: context
                    .split("LINE")
                    .next()
                    .unwrap_or_default()
                    .lines()
                    .count()
                    + 1,
                is_idle: false,
            });
        }
    }
    Ok(cases)
}

#[test]
fn a_checker_knows_every_keyword_that_keepalived_knows_in_it() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let namespace = Namespace::new("homes")?;
    let folder = tempfile::tempdir()?;
    let cases = every_keyword_in_every_checker()?;
    let answers = ask(&namespace, folder.path(), &cases)?;
    let (mut known, mut faults) = (0, Vec::new());
    for (index, (case, theirs)) in cases.iter().zip(&answers).enumerate() {
        if theirs.said.contains("Unknown keyword") {
            continue;
        }
        known += 1;
        let file = folder.path().join(format!("{index}.conf"));
        let ours = load_in(&FileSystem, &file, &Environment::default());
        let strange = report(&ours).into_iter().find(|one| {
            let here = one.place.as_ref().is_some_and(|it| it.line == case.line);
            here && ["unknown-keyword", "misplaced"].contains(&one.code.slug())
        });
        if let Some(strange) = strange {
            faults.push(format!("{}: {}", case.section, strange.message));
        }
    }
    ensure!(known > 100, "keepalived knows {known} of them");
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
