//! A value that a line has changed never stands in the explanation as a default.

use std::collections::BTreeMap;

use super::super::section::{AnySection, Row};
use super::super::*;
use super::everywhere::{before, explained, line};
use crate::config::{Loaded, explain};

/// Each line of an explanation that has an origin, by its blocks and its first word: the rest of
/// the line, and the origin.
type Values = BTreeMap<String, (String, String)>;

fn values(loaded: &Loaded) -> Values {
    let text = explain(loaded);
    let mut values = BTreeMap::new();
    let mut blocks: Vec<String> = Vec::new();
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let (said, origin) = line.split_once(" # ").unwrap_or((line, ""));
        let said = said.trim();
        if said == "}" {
            blocks.pop();
        } else if let Some(title) = said.strip_suffix(" {") {
            let path = format!("{}/{title}", blocks.concat());
            let twin = count.entry(path).or_default();
            *twin += 1;
            blocks.push(format!("/{title}[{twin}]"));
        } else if let Some((name, value)) = said.split_once(' ') {
            let path = format!("{}/{name}", blocks.concat());
            values.insert(path, (value.to_owned(), origin.to_owned()));
        }
    }
    values
}

/// `plain` are the values without any more lines.
fn faults_of(section: &dyn AnySection, row: &Row, plain: &Values) -> Vec<String> {
    let before = before(section.name(), row.name);
    let line = line(section.kind(), row);
    let without = match before {
        "" => plain.clone(),
        before => values(&explained(section.name(), before)),
    };
    let with = values(&explained(
        section.name(),
        format!("{before}\n{line}").trim(),
    ));
    // A checker more shifts the others of its kind.
    let checks = |values: &Values| {
        values
            .keys()
            .filter(|path| path.ends_with("/connect_ip"))
            .count()
    };
    let shifted = checks(&without) != checks(&with);
    let changed = with.iter().filter(|(path, (value, origin))| {
        if shifted && path.contains(row.name) {
            return false;
        }
        let earlier = without.get(*path).map(|(value, _)| value);
        origin == "default" && earlier.is_some_and(|earlier| earlier != value)
    });
    let section = section.name();
    changed
        .map(|(path, (value, _))| format!("{section}: `{line}`: {path} {value} # default"))
        .collect()
}

#[test]
fn what_a_keyword_changes_is_said_to_come_from_a_line() {
    let plain = values(&explained("global_defs", ""));
    let mut faults = Vec::new();
    for section in SECTIONS {
        for row in section.rows() {
            faults.extend(faults_of(*section, &row, &plain));
        }
    }
    let count = faults.len();
    assert!(faults.is_empty(), "{count} faults:\n{}", faults.join("\n"));
}
