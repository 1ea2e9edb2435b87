//! The tables as JSON: for editors that complete keywords.

use serde::Serialize;

use super::section::Kind;
use super::{SECTIONS, Status};

/// A block, or a line with options, and what may stand in it.
#[derive(Debug, Serialize)]
struct Listed {
    /// Its keyword; `top level`, or what a line of options is of.
    section: &'static str,
    /// `block`, `options` of a line, or `everywhere`.
    kind: &'static str,
    keywords: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    /// What stands behind the name.
    syntax: String,
    /// What holds without it, in words; empty: nothing, or off.
    default: &'static str,
    /// The keepalived that had it first; empty: 2.2.7 or an older one.
    since: &'static str,
    /// `done`, `accepted` or `refused`.
    status: &'static str,
    /// Why.
    remark: &'static str,
    /// Whether what stands behind the name is looked at.
    is_read: bool,
}

/// All sections, in the order of the documentation.
pub fn keywords_json() -> String {
    let sections: Vec<Listed> = SECTIONS
        .iter()
        .map(|section| Listed {
            section: section.name(),
            kind: match section.kind() {
                Kind::Block => "block",
                Kind::Options => "options",
                Kind::Everywhere => "everywhere",
            },
            keywords: section.rows().into_iter().map(entry).collect(),
        })
        .collect();
    // Nothing in it can fail to serialise: there are no maps.
    serde_json::to_string_pretty(&sections)
        .unwrap_or_else(|error| format!("{{\"error\": \"{error}\"}}"))
}

fn entry(row: super::section::Row) -> Entry {
    let (status, remark) = match row.status {
        Status::Done => ("done", ""),
        Status::Accepted(why) => ("accepted", why),
        Status::Refused(why) => ("refused", why),
    };
    Entry {
        name: row.name,
        aliases: row.aliases,
        syntax: row.syntax,
        default: row.default,
        since: row.since,
        status,
        remark,
        is_read: row.is_read,
    }
}
