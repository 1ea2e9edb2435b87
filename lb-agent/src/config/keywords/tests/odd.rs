//! Every keyword of the tables with words that it does not expect: nothing, too many, of a wrong
//! kind, out of range. Each gets one clear message at its place, and what the message says is what
//! happens to the model.

use super::super::section::{AnySection, Kind, Row};
use super::super::*;
use super::everywhere::{before, changes, with};
use crate::config::{Code, Diagnostic, Loaded, Severity, Span, render};

/// What is written behind each keyword, beside its example with a word too many.
const ODD: &[&str] = &[
    "",
    "junk",
    "-1",
    "0",
    "1.5",
    "65536",
    "99999999999999999999999",
    "300.1.1.1",
    "10.0.0.1/33",
    "::/129",
    "\"\"",
    "\"a b\"",
    "\u{e9}\u{1f980}",
    "\u{1b}[31m",
    "1 2 3 4 5 6 7 8 9",
    "{",
    "{\n}",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
];

struct Case<'a> {
    section: &'a dyn AnySection,
    keyword: &'static str,
    words: &'a str,
    without: &'a Loaded,
    with: Loaded,
}

impl Case<'_> {
    /// What is wrong with how this was answered.
    fn fault(&self) -> Option<String> {
        if self.words.contains('\u{1b}') && render(&self.with, false).contains('\u{1b}') {
            return Some("a control character reaches the terminal".to_owned());
        }
        let here: Vec<&Diagnostic> = self.said().filter(|one| self.is_here(one)).collect();
        // A brace that is never closed takes what follows with it.
        let is_open = self.words == "{";
        let is_ignored = here.iter().any(|one| is_ignored(one));
        let is_line = self.section.kind() == Kind::Block;
        if is_ignored && is_line && !is_open && self.with.config != self.without.config {
            let changed = changes(self.without, &self.with);
            return Some(format!("said to be ignored, but {changed:?}"));
        }
        let is_fault = |one: &&Diagnostic| one.severity != Severity::Notice;
        let elsewhere = self.said().find(is_fault);
        if let (Some(fault), true, false) = (elsewhere, here.is_empty(), is_open) {
            return Some(format!("not said where it stands: {:?}", fault.message));
        }
        self.said_too_often(&here)
    }

    /// What is said with the line and not without it.
    fn said(&self) -> impl Iterator<Item = &Diagnostic> {
        let old = |one: &Diagnostic| {
            let mut before = self.without.diagnostics.iter();
            before.any(|known| known.message == one.message)
        };
        self.with.diagnostics.iter().filter(move |one| !old(one))
    }

    /// No place gets two remarks about its words, no line more than it has words.
    fn said_too_often(&self, here: &[&Diagnostic]) -> Option<String> {
        let about_words = here.iter().filter(|one| is_about_words(one.code));
        let places: Vec<Span> = about_words.filter_map(|one| one.span).collect();
        let lines: Vec<usize> = places.iter().map(|place| self.line(*place).0).collect();
        let is_doubled = |place: &Span| places.iter().filter(|it| *it == place).count() > 1;
        let in_line = |line| lines.iter().filter(|it| *it == line).count();
        let most = lines.iter().map(in_line).max().unwrap_or(0);
        let words = self.words.split_whitespace().count().max(1);
        (places.iter().any(is_doubled) || most > words).then(|| {
            let messages: Vec<&str> = here.iter().map(|one| one.message.as_str()).collect();
            format!("said too often: {messages:?}")
        })
    }

    /// Whether a remark, or a place that it refers to, is on a line with the keyword.
    fn is_here(&self, one: &Diagnostic) -> bool {
        let related = one.related.iter().map(|it| it.span);
        let mut spans = one.span.into_iter().chain(related);
        spans.any(|span| self.line(span).1.contains(self.keyword))
    }

    /// Number and text of the line at a place.
    fn line(&self, span: Span) -> (usize, &str) {
        let file = self.with.sources.file(span.file).unwrap();
        let text = file.slice(file.line_range(span.start));
        (file.location(span.start).line, text)
    }
}

fn is_ignored(one: &Diagnostic) -> bool {
    one.code == Code::MissingParameter || one.message.ends_with(": the line is ignored")
}

const fn is_about_words(code: Code) -> bool {
    matches!(
        code,
        Code::BadValue | Code::MissingParameter | Code::ExtraWords
    )
}

fn faults_of(section: &dyn AnySection, row: &Row) -> Vec<String> {
    let before = before(section.name(), row.name);
    let without = with(section.name(), before);
    let surplus = format!("{} surplus", row.example.replace('\n', " "));
    let fault = |words: &str| {
        let line = format!("{before}\n{} {words}", row.name);
        let case = Case {
            section,
            keyword: row.name,
            words,
            without: &without,
            with: with(section.name(), line.trim()),
        };
        let fault = case.fault()?;
        let words = words.chars().take(40).collect::<String>();
        let words = words.escape_debug();
        let (section, keyword) = (section.name(), row.name);
        Some(format!("{section}: `{keyword} {words}`: {fault}"))
    };
    let words = ODD.iter().copied().chain([surplus.as_str()]);
    words.filter_map(fault).collect()
}

#[test]
fn every_keyword_answers_odd_words_with_one_clear_message_at_their_place() {
    let mut faults = Vec::new();
    for section in SECTIONS {
        for row in section.rows() {
            faults.extend(faults_of(*section, &row));
        }
    }
    let count = faults.len();
    assert!(faults.is_empty(), "{count} faults:\n{}", faults.join("\n"));
}
