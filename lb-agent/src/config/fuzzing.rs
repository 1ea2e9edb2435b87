//! Configurations under a fuzzer: see [`crate::fuzzing`].
//!
//! Each target holds what every later stage relies on: places lie inside their texts and between
//! characters, and what is made of a text is bounded.

use std::path::Path;
use std::sync::Arc;

use super::diagnostic::Diagnostics;
use super::expand::{Environment, Expander, Line, MAX_EXPANDED};
use super::include::Segment;
use super::lexer::{Item, Lexer};
use super::source::Memory;
use super::text::{SourceFile, Sources, Span, length};
use super::{Severity, diff, explain, load_explained, render, report};

/// Separates the files of a configuration.
const NEXT_FILE: u8 = 0x1e;

/// Names of the files behind the first.
const NAMES: [&str; 4] = ["/c/a.conf", "/c/b.conf", "/c/d/e.conf", "/c/f"];

fn environment() -> Environment {
    Environment {
        config_id: "main".to_owned(),
        variables: [("HOME".to_owned(), "/root".to_owned())].into(),
        random: 7,
    }
}

fn one_file(bytes: &[u8]) -> (Sources, Vec<Segment>) {
    let text = Arc::new(String::from_utf8_lossy(bytes).into_owned());
    let mut sources = Sources::default();
    let end = length(&text);
    let file = sources.add("/c/main".into(), text, None);
    let segment = Segment {
        file,
        start: 0,
        end,
        ends_file: true,
    };
    (sources, vec![segment])
}

/// Words and braces of one text.
pub(crate) fn lexer(bytes: &[u8]) {
    let (sources, segments) = one_file(bytes);
    let environment = environment();
    let mut diagnostics = Diagnostics::default();
    let mut lexer = Lexer::new(&sources, segments, &environment, &mut diagnostics);
    let mut last = None;
    while let Some(item) = lexer.next_item() {
        assert!(
            !matches!(last, Some(Item::EndOfFile(_))),
            "something behind the end"
        );
        match &item {
            Item::Words(words) => {
                assert!(!words.is_empty());
                for word in words {
                    lies_within(&sources, word.span);
                }
            }
            Item::Open(span) | Item::Close(span) => lies_within(&sources, *span),
            Item::EndOfFile(_) => {}
        }
        last = Some(item);
    }
    places_lie_within(&sources, diagnostics);
}

/// Macros, line by line.
pub(crate) fn expander(bytes: &[u8]) {
    let (sources, segments) = one_file(bytes);
    let environment = environment();
    let mut diagnostics = Diagnostics::default();
    let mut expander = Expander::new(&environment);
    let mut made = 0;
    for segment in segments {
        let whole = Span {
            file: segment.file,
            start: segment.start,
            end: segment.end,
        };
        let mut start = segment.start;
        for line in sources.text(whole).split_inclusive('\n') {
            let end = start + length(line);
            let span = Span {
                start,
                end,
                ..whole
            };
            start = end;
            if let Line::Lines(lines) = expander.line(span, line, &sources, &mut diagnostics) {
                for line in &lines {
                    made += line.text().len();
                    lies_within(&sources, line.span(0..length(line.text())));
                }
            }
        }
    }
    assert!(made <= MAX_EXPANDED + bytes.len() * 3, "{made} bytes");
    places_lie_within(&sources, diagnostics);
}

/// A configuration of up to five files: read, explained, reported, compared with itself.
pub(crate) fn loader(bytes: &[u8]) {
    let mut files = bytes.split(|byte| *byte == NEXT_FILE);
    let main = files.next().unwrap_or_default();
    let source = Memory::default().with("/c/main", main);
    let source = NAMES
        .iter()
        .zip(files)
        .fold(source, |source, (name, bytes)| source.with(name, bytes));
    let environment = environment();
    let loaded = load_explained(&source, Path::new("/c/main"), &environment);
    for diagnostic in &loaded.diagnostics {
        let related = diagnostic.related.iter().map(|related| related.span);
        for span in diagnostic.span.into_iter().chain(related) {
            lies_within(&loaded.sources, span);
        }
    }
    let _shown = (render(&loaded, true), report(&loaded), explain(&loaded));
    let has_errors = loaded
        .diagnostics
        .iter()
        .any(|one| one.severity == Severity::Error);
    assert!(has_errors || !loaded.is_fatal());
    let again = load_explained(&source, Path::new("/c/main"), &environment);
    assert_eq!(loaded.config, again.config);
    assert_eq!(render(&loaded, false), render(&again, false));
    assert!(diff(&loaded.config, &again.config).is_empty());
}

fn places_lie_within(sources: &Sources, diagnostics: Diagnostics) {
    for diagnostic in diagnostics.finish(sources) {
        if let Some(span) = diagnostic.span {
            lies_within(sources, span);
        }
    }
}

fn lies_within(sources: &Sources, span: Span) {
    let text = sources.file(span.file).map_or("", SourceFile::text);
    let (start, end) = (span.start as usize, span.end as usize);
    assert!(start <= end && end <= text.len(), "{span:?}");
    assert!(
        text.is_char_boundary(start) && text.is_char_boundary(end),
        "{span:?}"
    );
}
