//! `regex` and its keywords: one pattern, compiled once.
//!
//! keepalived uses PCRE2, this the `regex` crate, which is linear in time whatever the pattern and
//! the answer are. Hence look-around, back-references and the like are refused, with a message;
//! `regex_stack` has no meaning here. `$` matches at the very end only, as PCRE2's does with
//! `dollar_endonly`.

use std::hash::{Hash, Hasher};

use regex::bytes::{Regex, RegexBuilder};
use serde::Serialize;
use thiserror::Error;

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 4 << 20;

/// `regex`, `regex_options`, `regex_no_match`, `regex_min_offset`, `regex_max_offset`.
#[derive(Clone, Debug, Serialize)]
pub struct Pattern {
    text: String,
    options: Vec<String>,
    /// `regex_no_match`: a match is the failure.
    pub no_match: bool,
    /// `regex_min_offset`: where the search begins, bytes.
    pub min_offset: u64,
    /// `regex_max_offset`: the last byte at which a match may begin.
    pub max_offset: Option<u64>,
    #[serde(skip)]
    compiled: Regex,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is wrong, or uses what PCRE2 has and we have not.
    #[error("regex `{pattern}` cannot be used: {reason}")]
    Regex {
        /// As written.
        pattern: String,
        /// The last line of what the parser says.
        reason: String,
    },
    /// An option that does not exist, or that changes what matches in a way we do not have.
    #[error("regex_options `{0}` is not supported")]
    Option(String),
}

impl Pattern {
    /// Compiles `text` with `regex_options`; it must match, anywhere.
    pub fn new(text: &str, options: &[String]) -> Result<Self, PatternError> {
        let mut builder = RegexBuilder::new(text);
        builder.unicode(false).size_limit(MAX_COMPILED);
        for option in options {
            set(&mut builder, option)?;
        }
        let compiled = builder.build().map_err(|error| PatternError::Regex {
            pattern: text.to_owned(),
            reason: last_line(&error.to_string()),
        })?;
        Ok(Self {
            text: text.to_owned(),
            options: options.to_vec(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            compiled,
        })
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// To search with.
    pub(super) const fn compiled(&self) -> &Regex {
        &self.compiled
    }

    fn written(&self) -> (&str, &[String], bool, u64, Option<u64>) {
        (
            &self.text,
            &self.options,
            self.no_match,
            self.min_offset,
            self.max_offset,
        )
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written() == other.written()
    }
}

impl Eq for Pattern {}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.written().hash(state);
    }
}

/// pcre2api(3) says what each means; those that change nothing in whether something matches are
/// taken and do nothing.
fn set(builder: &mut RegexBuilder, option: &str) -> Result<(), PatternError> {
    match option {
        "caseless" => builder.case_insensitive(true),
        "dotall" => builder.dot_matches_new_line(true),
        "extended" => builder.ignore_whitespace(true),
        "multiline" => builder.multi_line(true),
        "ungreedy" => builder.swap_greed(true),
        "utf" | "ucp" => builder.unicode(true),
        "auto_callout" | "dollar_endonly" | "dupnames" | "never_ucp" | "never_utf"
        | "no_auto_capture" | "no_auto_possess" | "no_dotstar_anchor" | "no_start_optimize"
        | "never_backslash_c" | "alt_verbnames" | "use_offset_limit" => builder,
        other => return Err(PatternError::Option(other.to_owned())),
    };
    Ok(())
}

fn last_line(text: &str) -> String {
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    let line = line.unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests;
