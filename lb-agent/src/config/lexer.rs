//! From text to words and braces, each with its place.
//!
//! keepalived's rules: words are split at blanks; `"…"` groups, and a quote may touch the word
//! before it; `#` and `!` begin a comment; `{` and `}` outside quotes stand alone wherever they
//! are; `\` at the end joins a line with the next. For the keywords that take a command, `'…'`
//! and escapes count as well. What the words mean is not known here.

mod blanks;
mod item;
mod line;
mod physical;
mod quote;

use std::collections::VecDeque;

pub(crate) use blanks::{after_blanks, is_blank};
pub(crate) use item::{Item, Word};
pub(crate) use physical::comment;

use self::blanks::OddBlanks;
use self::line::Line;
use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::expand::{self, Environment, Expanded, Expander};
use super::include::Segment;
use super::text::{SourceFile, Sources, Span, length};

/// Bytes of a line that keepalived reads (`MAXBUF`, with the line feed).
pub(crate) const MAX_LINE: usize = 1023;

/// Words of one configuration: 40 000 real servers with two checks each have about 2 million.
pub(crate) const MAX_WORDS: usize = 4 << 20;

/// The words of a whole configuration, one item after the other.
pub(crate) struct Lexer<'s, 'd> {
    sources: &'s Sources,
    segments: std::vec::IntoIter<Segment>,
    segment: Option<Segment>,
    /// Whether nothing in the segment begins a macro or may not stand in a text.
    is_plain: bool,
    /// Whether bytes of the segment's file were no UTF-8.
    is_replaced: bool,
    line: Option<Line<'s>>,
    /// Of lines that macros have made.
    ready: VecDeque<Item<'s>>,
    expander: Expander<'s>,
    odd_blanks: OddBlanks,
    words: usize,
    diagnostics: &'d mut Diagnostics,
}

impl<'s, 'd> Lexer<'s, 'd> {
    /// Starts at the first line.
    pub(crate) fn new(
        sources: &'s Sources,
        segments: Vec<Segment>,
        environment: &'s Environment,
        diagnostics: &'d mut Diagnostics,
    ) -> Self {
        Self {
            sources,
            segments: segments.into_iter(),
            segment: None,
            is_plain: false,
            is_replaced: false,
            line: None,
            ready: VecDeque::new(),
            expander: Expander::new(environment),
            odd_blanks: OddBlanks::default(),
            words: 0,
            diagnostics,
        }
    }

    /// Where the stages behind put their remarks.
    pub(crate) fn diagnostics(&mut self) -> &mut Diagnostics {
        self.diagnostics
    }

    /// What is to be said from the stage behind this one.
    pub(crate) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The next item; `None` at the end.
    pub(crate) fn next_item(&mut self) -> Option<Item<'s>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return self.counted(item);
            }
            if let Some(line) = &mut self.line {
                if let Some(item) = line.next_item(self.diagnostics, &mut self.odd_blanks) {
                    return self.counted(item);
                }
                self.line = None;
            }
            match self.segment {
                None => self.next_segment()?,
                Some(segment) if segment.start >= segment.end => {
                    self.segment = None;
                    if segment.ends_file {
                        self.odd_blanks.report(segment.file, self.diagnostics);
                        return Some(Item::EndOfFile(segment.file));
                    }
                }
                Some(segment) => self.next_line(segment),
            }
        }
    }

    fn next_segment(&mut self) -> Option<()> {
        let segment = self.segments.next()?;
        let text = self.sources.text(Span {
            file: segment.file,
            start: segment.start,
            end: segment.end,
        });
        // Without an early end the compiler makes a quick loop of it.
        let special = |byte: u8| matches!(byte, b'@' | b'$' | b'~' | 0);
        let is_plain = |plain: bool, byte: u8| plain & !special(byte);
        self.is_plain = text.bytes().fold(true, is_plain);
        let file = self.sources.file(segment.file);
        self.is_replaced = file.is_some_and(SourceFile::is_replaced);
        self.segment = Some(segment);
        Some(())
    }

    /// Takes the next line of the segment, joined with those behind it that it ends with `\` for.
    fn next_line(&mut self, segment: Segment) {
        let text = self.sources.text(Span {
            file: segment.file,
            start: segment.start,
            end: segment.end,
        });
        let raw = self.with_continuation(text, segment);
        let start = segment.start;
        let end = start + length(raw).max(1);
        self.segment = Some(Segment {
            start: end,
            ..segment
        });
        let span = Span {
            file: segment.file,
            start,
            end,
        };
        let is_comment = after_blanks(raw).starts_with(['#', '!']);
        if is_comment || !self.is_readable(span, raw) {
            return;
        }
        if self.is_plain {
            self.line = Some(Line::new(span, raw));
        } else {
            self.expand(span, raw);
        }
    }

    /// Hands a line on, or what macros make of it.
    fn expand(&mut self, span: Span, raw: &'s str) {
        match self
            .expander
            .line(span, raw, self.sources, self.diagnostics)
        {
            expand::Line::Untouched => self.line = Some(Line::new(span, raw)),
            expand::Line::Gone => {}
            expand::Line::Lines(lines) => {
                for expanded in &lines {
                    self.take_expanded(expanded);
                }
            }
        }
        if self.expander.is_stopped() {
            self.stop();
        }
    }

    /// A value may hold several lines.
    fn take_expanded(&mut self, expanded: &Expanded) {
        let mut start = 0;
        for part in expanded.text().split_inclusive('\n') {
            let end = start + part.len();
            let mut line = Line::of_expanded(expanded, start..end);
            while let Some(item) = line.next_item(self.diagnostics, &mut self.odd_blanks) {
                self.ready.push_back(item.into_static());
            }
            start = end;
        }
    }

    /// Says which words are not those of the file. Comments may be in any encoding.
    fn not_utf8(&mut self, words: &[Word<'s>]) {
        let is_password = words.first().is_some_and(|it| it.text == "auth_pass");
        for word in words {
            if !self.has_other_bytes(word) {
                continue;
            }
            let message = "this holds bytes that are no UTF-8: U+FFFD is read in their places";
            let remark = if is_password {
                let message =
                    format!("{message}, and the password is not the one that others have");
                Diagnostic::error(Code::NotUtf8, word.span, message)
            } else {
                Diagnostic::warning(Code::NotUtf8, word.span, message)
            };
            self.diagnostics
                .push(remark.help("write the file in UTF-8, or this word in ASCII"));
        }
    }

    /// Whether a word has more U+FFFD than the file itself: the others are other bytes.
    fn has_other_bytes(&self, word: &Word<'s>) -> bool {
        let file = self.sources.file(word.span.file);
        let own = file.map_or(0, |it| it.own_replacements(word.span.start..word.span.end));
        word.text.matches(char::REPLACEMENT_CHARACTER).count() > own
    }

    fn stop(&mut self) {
        self.segments = Vec::new().into_iter();
        self.segment = None;
        self.line = None;
        self.ready.clear();
    }

    fn counted(&mut self, item: Item<'s>) -> Option<Item<'s>> {
        if let Item::Words(words) = &item {
            if self.is_replaced {
                self.not_utf8(words);
            }
            self.words += words.len();
            if self.words > MAX_WORDS {
                let span = words.first().map(|word| word.span)?;
                let message = format!("the configuration has more than {MAX_WORDS} words");
                self.report(Diagnostic::error(Code::TooLarge, span, message));
                self.stop();
                return None;
            }
        }
        Some(item)
    }
}

/// The words of one line that is looked at alone, braces and all: an include.
pub(crate) fn words_of_line<'s>(
    span: Span,
    text: &'s str,
    diagnostics: &mut Diagnostics,
) -> Vec<Word<'s>> {
    let mut line = Line::with_braces_in_words(span, text);
    let mut odd_blanks = OddBlanks::default();
    let words = match line.next_item(diagnostics, &mut odd_blanks) {
        Some(Item::Words(words)) => words,
        Some(Item::Open(_) | Item::Close(_) | Item::EndOfFile(_)) | None => Vec::new(),
    };
    odd_blanks.report(span.file, diagnostics);
    words
}

/// The braces of one line that is looked at alone, in their order: whether each opens a block. What is to
/// be said of the line is said when it is read.
pub(crate) fn braces_of_line(span: Span, text: &str) -> Vec<bool> {
    let mut unheard = Diagnostics::default();
    let mut odd_blanks = OddBlanks::default();
    let mut line = Line::new(span, text);
    let items = std::iter::from_fn(|| line.next_item(&mut unheard, &mut odd_blanks));
    let opens = items.filter_map(|item| match item {
        Item::Open(_) => Some(true),
        Item::Close(_) => Some(false),
        Item::Words(_) | Item::EndOfFile(_) => None,
    });
    opens.collect()
}

#[cfg(test)]
mod tests;
