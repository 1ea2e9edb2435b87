//! One keyword, looked up by its name: for people, and for shells that complete it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use super::section::{AnySection, Kind, Row};
use super::{SECTIONS, Status, TOP_LEVEL};
use crate::config::suggest;

/// The names of all keywords and options, sorted, each once.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeywordNames;

impl KeywordNames {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = &'static str> {
        let rows = SECTIONS.iter().flat_map(|section| section.rows());
        let names: BTreeSet<&str> = rows.flat_map(|row| names(&row)).collect();
        names.into_iter()
    }
}

fn names(row: &Row) -> impl Iterator<Item = &'static str> + use<> {
    std::iter::once(row.name).chain(row.aliases.iter().copied())
}

/// Where a keyword may stand, what it takes and what it does here.
///
/// # Errors
///
/// There is none of this name: the text says which is nearest, if one is near.
pub fn keyword_md(name: &str) -> Result<String, String> {
    let mut text = String::new();
    for section in SECTIONS {
        for row in section.rows() {
            if names(&row).any(|known| known == name) {
                let entry = Entry {
                    section: *section,
                    row: &row,
                };
                text.extend([&entry.to_string(), "\n"]);
            }
        }
    }
    if text.is_empty() {
        let nearest = suggest::nearest(name, KeywordNames.all());
        let hint = nearest.map(|name| format!("; did you mean `{name}`?"));
        let hint = hint.unwrap_or_default();
        return Err(format!("no keyword is called `{name}`{hint}"));
    }
    Ok(text)
}

struct Entry<'a> {
    section: &'a dyn AnySection,
    row: &'a Row,
}

impl Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { section, row } = self;
        let line = format!("{} {}", row.name, row.syntax);
        writeln!(f, "{}", line.trim_end())?;
        match section.kind() {
            Kind::Block if section.name() == TOP_LEVEL => writeln!(f, "    at the top level")?,
            Kind::Block => writeln!(f, "    in the block {}", section.name())?,
            Kind::Options => writeln!(f, "    option of {}", section.name())?,
            Kind::Everywhere => writeln!(f, "    in {}", section.name())?,
        }
        if !row.aliases.is_empty() {
            writeln!(f, "    also {}", row.aliases.join(", "))?;
        }
        if !row.default.is_empty() {
            writeln!(f, "    default: {}", row.default)?;
        }
        if !row.example.is_empty() && !row.example.contains('\n') {
            writeln!(f, "    example: {} {}", row.name, row.example)?;
        }
        if !row.since.is_empty() {
            writeln!(f, "    keepalived has it since {}", row.since)?;
        }
        match row.status {
            Status::Done if is_ours(row.name) => {
                writeln!(f, "    works; keepalived does not know it")
            }
            Status::Done => writeln!(f, "    works as with keepalived"),
            Status::Accepted(why) => writeln!(f, "    without effect: {why}"),
            Status::Refused(why) => writeln!(f, "    refused: {why}"),
        }
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("xdp_") || name == "notify_split_brain"
}

#[cfg(test)]
mod tests;
