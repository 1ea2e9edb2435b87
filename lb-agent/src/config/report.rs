//! Remarks with everything that is needed to show them: file, line, column and the line itself.
//!
//! This is the form for machines (it serialises); for people [`super::render`] draws it.

use std::path::PathBuf;

use serde::Serialize;

use super::Loaded;
use super::diagnostic::{Code, Diagnostic, Severity};
use super::text::{Sources, Span};

/// One remark, shown without any other value at hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of remark.
    pub code: Code,
    /// What is the matter.
    pub message: String,
    /// Where; `None` when there is no file to show.
    pub place: Option<Place>,
    /// The line that included the file of `place`.
    pub included_from: Option<IncludedFrom>,
    /// Other places that have to do with it.
    pub related: Vec<RelatedPlace>,
    /// Where the same holds again, of a word that stands in many places: the first thousand, without
    /// their lines.
    pub repeats: Vec<Place>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as it was asked for or included.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column of the first character, from 1.
    pub column: usize,
    /// Length in characters, at least 1.
    pub length: usize,
    /// The line itself, passwords hidden; `None` for the place behind the last line, and where a remark
    /// holds again: the lines of thousands of places would be most of the file.
    pub text: Option<String>,
}

/// The line of an `include`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IncludedFrom {
    /// Its file.
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
}

/// Another place, and what is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelatedPlace {
    /// What is there.
    pub message: String,
    /// Where.
    pub place: Place,
}

/// All remarks of a configuration, by file and place.
pub fn report(loaded: &Loaded) -> Vec<Entry> {
    loaded
        .diagnostics
        .iter()
        .map(|diagnostic| entry(diagnostic, &loaded.sources))
        .collect()
}

fn entry(diagnostic: &Diagnostic, sources: &Sources) -> Entry {
    let related = diagnostic.related.iter();
    let repeats = diagnostic.repeats.iter();
    Entry {
        severity: diagnostic.severity,
        code: diagnostic.code,
        message: diagnostic.message.clone(),
        place: diagnostic.span.and_then(|span| place(span, sources)),
        included_from: diagnostic
            .span
            .and_then(|span| included_from(span, sources)),
        related: related
            .filter_map(|other| {
                let place = place(other.span, sources)?;
                Some(RelatedPlace {
                    message: other.message.clone(),
                    place,
                })
            })
            .collect(),
        repeats: repeats
            .filter_map(|span| {
                let place = place(*span, sources)?;
                Some(Place {
                    text: None,
                    ..place
                })
            })
            .collect(),
        help: diagnostic.help.clone(),
    }
}

fn place(span: Span, sources: &Sources) -> Option<Place> {
    let file = sources.file(span.file)?;
    let location = file.location(span.start);
    let line = file.line_range(span.start);
    let marked = file.slice(span.start..span.end.min(line.end));
    let behind_the_end = span.start == span.end && span == sources.end_of(span.file);
    Some(Place {
        file: file.path().to_owned(),
        line: location.line,
        column: location.column,
        length: marked.chars().count().max(1),
        text: (!behind_the_end).then(|| without_password(file.slice(line))),
    })
}

fn included_from(span: Span, sources: &Sources) -> Option<IncludedFrom> {
    let include = sources.file(span.file)?.included_from()?;
    let file = sources.file(include.file)?;
    let line = file.location(include.start).line;
    Some(IncludedFrom {
        file: file.path().to_owned(),
        line,
    })
}

/// What people paste into tickets must not hold their passwords.
fn without_password(line: &str) -> String {
    // `key` is also that of `auth_hmac`.
    const KEYWORDS: [&str; 4] = ["auth_pass", "password", "xdp_smtp_password", "key"];
    let words = line.trim_start().split(char::is_whitespace);
    let first = words
        .map(|word| word.trim_matches('{'))
        .find(|word| KEYWORDS.contains(word));
    let Some(end) = first.and_then(|word| Some(line.find(word)? + word.len())) else {
        return line.to_owned();
    };
    let (shown, hidden) = line.split_at_checked(end).unwrap_or((line, ""));
    let hide = |character: char| {
        if character.is_whitespace() {
            character
        } else {
            '*'
        }
    };
    // A brace that stands alone is none of the password.
    let secret = hidden.trim_end_matches(|c: char| c == '}' || c.is_whitespace());
    let (secret, rest) = hidden.split_at(secret.len());
    let secret = secret.chars().map(hide);
    shown.chars().chain(secret).chain(rest.chars()).collect()
}
