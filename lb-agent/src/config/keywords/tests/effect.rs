//! From every keyword to what it changes in the model, built from the tables.

use super::super::section::AnySection;
use super::super::*;
use super::everywhere::{before, changes, line, with};

/// Keywords that change nothing by themselves, and why.
const WITHOUT_CHANGE: &[(&str, &str, &str)] = &[
    (
        "every block",
        "",
        "includes name other files: see the tests of `include`",
    ),
    (
        "global_defs",
        "include_check",
        "works on includes: see the tests of `include`",
    ),
    (
        "vrrp_instance",
        "version",
        "the only version that is built is the default",
    ),
    (
        "global_defs",
        "vrrp_version",
        "the only version that is built is the default",
    ),
    ("a route", "unicast", "the default"),
    ("a route", "prepend", "the default"),
];

fn table(section: &dyn AnySection) -> String {
    let mut shown = String::new();
    for row in section.rows() {
        let skipped = WITHOUT_CHANGE.iter().any(|(block, keyword, _)| {
            *block == section.name() && (keyword.is_empty() || *keyword == row.name)
        });
        let unread = matches!(row.status, Status::Accepted(_)) && row.example.is_empty();
        if unread || skipped {
            continue;
        }
        let before = before(section.name(), row.name);
        let line = line(section.kind(), &row);
        let (first, second) = (
            with(section.name(), before),
            with(section.name(), format!("{before}\n{line}").trim()),
        );
        let changes = changes(&first, &second);
        if changes.is_empty() {
            shown.push_str("CHANGES NOTHING:\n");
        }
        for alias in row.aliases {
            let aliased = line.replacen(row.name, alias, 1);
            let third = with(section.name(), format!("{before}\n{aliased}").trim());
            assert_eq!(second.config, third.config, "{alias} is not {}", row.name);
        }
        let line = line.replace('\n', " ");
        shown.extend(["  ", &line, "\n      ", &changes.join("\n      "), "\n"]);
    }
    format!("{}\n{shown}", section.name())
}

#[test]
fn every_keyword_that_is_read_changes_what_it_should() {
    let tables: Vec<String> = SECTIONS.iter().map(|section| table(*section)).collect();
    let tables = tables.join("\n");
    insta::assert_snapshot!(tables);
    assert!(!tables.contains("CHANGES NOTHING"), "see the snapshot");
}
