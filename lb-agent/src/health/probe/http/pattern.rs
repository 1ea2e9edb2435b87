//! `regex` and its keywords: one pattern, compiled once.
//!
//! keepalived uses PCRE2. Here `syntax` says a pattern in words that two engines take alike: the
//! `regex` crate, which is linear in time whatever the pattern and the answer are, and, for what only
//! backtracking can find (look-around, back-references, atomic groups, a `$` that something follows),
//! `fancy-regex`, with a bound on its steps. What neither can do is refused with a message.
//! `regex_stack` has no meaning here.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod syntax;

use std::hash::{Hash, Hasher};

use fancy_regex::BytesMode;
use regex::bytes::{Regex, RegexBuilder};
use serde::Serialize;
use thiserror::Error;

use syntax::{Options, Translated};

/// Bytes that a compiled pattern may take.
const MAX_COMPILED: usize = 4 << 20;

/// Instructions that a pattern for backtracking may have.
const MAX_INSTRUCTIONS: usize = 64 * 1024;

/// Steps back in one search of a window, each start of a match being one: some 15 for each byte. What
/// a step takes is no part of it; `search` looks at the time.
const MAX_STEPS_BACK: usize = 128 * 1024;

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
    engine: Engine,
}

/// What searches.
#[derive(Clone, Debug)]
pub(super) enum Engine {
    /// In linear time.
    Linear(Regex),
    /// With a bound on its steps.
    Backtracking(Box<fancy_regex::Regex>),
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is wrong, or uses what PCRE2 has and we have not.
    #[error("regex `{pattern}` cannot be used: {reason}")]
    Regex {
        /// As written.
        pattern: String,
        /// Ours, or the last line of what the engine says.
        reason: String,
    },
    /// An option that keepalived does not have.
    #[error("regex_options `{0}` is not supported")]
    Option(String),
}

impl Pattern {
    /// Compiles `text` with `regex_options`; it must match, anywhere.
    pub fn new(text: &str, options: &[String]) -> Result<Self, PatternError> {
        for option in options {
            known(option)?;
        }
        let engine = syntax::translate(text, options)
            .and_then(|translated| engine(&translated, Options(options)))
            .map_err(|reason| PatternError::Regex {
                pattern: text.to_owned(),
                reason,
            })?;
        Ok(Self {
            text: text.to_owned(),
            options: options.to_vec(),
            no_match: false,
            min_offset: 0,
            max_offset: None,
            engine,
        })
    }

    /// As written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// To search with.
    pub(super) const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// `firstline`: a match must begin before the first newline, or at it.
    pub(super) fn firstline(&self) -> bool {
        Options(&self.options).has("firstline")
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

/// pcre2api(3) says what each means. Those that change nothing in whether something matches are taken
/// and do nothing; the others are asked for where they mean something.
fn known(option: &str) -> Result<(), PatternError> {
    match option {
        "allow_empty_class"
        | "alt_bsux"
        | "alt_circumflex"
        | "caseless"
        | "dollar_endonly"
        | "dotall"
        | "extended"
        | "firstline"
        | "match_unset_backref"
        | "multiline"
        | "no_auto_capture"
        | "ucp"
        | "ungreedy"
        | "utf"
        | "alt_verbnames"
        | "auto_callout"
        | "dupnames"
        | "never_backslash_c"
        | "never_ucp"
        | "never_utf"
        | "no_auto_possess"
        | "no_dotstar_anchor"
        | "no_start_optimize"
        | "use_offset_limit" => Ok(()),
        other => Err(PatternError::Option(other.to_owned())),
    }
}

/// The reason is the engine's.
fn engine(translated: &Translated, options: Options<'_>) -> Result<Engine, String> {
    let (text, utf) = (&translated.text, options.has("utf"));
    if !translated.backtracking {
        let built = RegexBuilder::new(text)
            .unicode(utf)
            .case_insensitive(options.has("caseless"))
            .size_limit(MAX_COMPILED)
            .build();
        return built
            .map(Engine::Linear)
            .map_err(|error| last_line(&error.to_string()));
    }
    let mode = if utf {
        BytesMode::UnicodeBytes
    } else {
        BytesMode::Ascii
    };
    let built = fancy_regex::RegexBuilder::new(text)
        .bytes_mode(mode)
        .unicode_mode(utf)
        .case_insensitive(options.has("caseless"))
        .delegate_size_limit(MAX_COMPILED)
        .max_prog_size(MAX_INSTRUCTIONS)
        .backtrack_limit(MAX_STEPS_BACK)
        .build();
    built
        .map(|regex| Engine::Backtracking(Box::new(regex)))
        .map_err(|error| last_line(&error.to_string()))
}

fn last_line(text: &str) -> String {
    let line = text.lines().rfind(|line| !line.trim().is_empty());
    let line = line.unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests;
