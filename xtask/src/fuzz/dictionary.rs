//! Words that a fuzzer of configurations would take long to find: the keywords, from their
//! documentation, and what the language itself is made of.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cargo::workspace;

/// Macros, includes, and the mark between the files of one input.
const LANGUAGE: [&str; 15] = [
    "include ",
    "includea ",
    "a.conf",
    "d/*.conf",
    "{a,b}",
    "$A=",
    "${A}",
    "$A",
    "~SEQ(i,1,9) ",
    "~LST(",
    "@main ",
    "@^main ",
    "\\x1e",
    "${_RANDOM 1 2}",
    "\\xc2\\xa0",
];

/// Writes `keywords.dict` into `directory` and names it.
pub(super) fn write(directory: &Path) -> Result<PathBuf> {
    const SOURCE: &str = "docs/configuration.md";
    let text = fs::read_to_string(workspace().join(SOURCE)).context(SOURCE)?;
    let keywords = text.lines().filter_map(|line| {
        let name = line.strip_prefix("| `")?.split(['`', ' ']).next()?;
        (!name.is_empty()).then_some(name)
    });
    let mut dictionary = String::new();
    for word in LANGUAGE.into_iter().chain(keywords) {
        writeln!(dictionary, "\"{word}\"")?;
    }
    let path = directory.join("keywords.dict");
    fs::write(&path, dictionary)?;
    Ok(path)
}
