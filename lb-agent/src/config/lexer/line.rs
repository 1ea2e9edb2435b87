//! One line, or several that `\` joins, taken apart.

use std::ops::Range;

use super::blanks::{OddBlanks, is_blank, plain_blanks};
use super::quote::{self, Quoting};
use super::{Item, Word};
use crate::config::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::config::expand::Expanded;
use crate::config::text::{Span, length};

/// What is left of a line.
#[derive(Debug)]
pub(super) struct Line<'s> {
    rest: &'s str,
    /// Place of `rest`; in an expanded line its place in that.
    span: Span,
    braces_split: bool,
    /// What it was expanded from. Such a line has no comments any more.
    expanded: Option<&'s Expanded>,
}

/// What a word ends at.
enum Stop {
    /// A blank, a brace, a quote or the end.
    Plain,
    /// A comment sign in the middle of a word.
    Comment(char),
}

impl<'s> Line<'s> {
    /// A line of a block.
    pub(super) fn new(span: Span, text: &'s str) -> Self {
        Self {
            rest: text,
            span,
            braces_split: true,
            expanded: None,
        }
    }

    /// A part of a line that macros have made.
    pub(super) fn of_expanded(expanded: &'s Expanded, part: Range<usize>) -> Self {
        let place = expanded.place();
        let offset = |offset: usize| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            rest: expanded.text().get(part.clone()).unwrap_or_default(),
            span: Span {
                start: offset(part.start),
                end: offset(part.end),
                ..place
            },
            braces_split: true,
            expanded: Some(expanded),
        }
    }

    /// A line in which `{` and `}` are letters.
    pub(super) fn with_braces_in_words(span: Span, text: &'s str) -> Self {
        Self {
            rest: text,
            span,
            braces_split: false,
            expanded: None,
        }
    }

    /// The next brace, or all words up to it.
    pub(super) fn next_item(
        &mut self,
        diagnostics: &mut Diagnostics,
        odd_blanks: &mut OddBlanks,
    ) -> Option<Item<'s>> {
        // A keyword and its value: most lines have no more.
        let mut words: Vec<Word<'s>> = Vec::with_capacity(2);
        let mut quoting = Quoting::Plain;
        loop {
            let before = self.rest.len();
            self.skip_blanks(odd_blanks);
            // Behind a keyword that takes a command, what touches is one word: `a" b"c` is `a bc`.
            let touches = self.rest.len() == before && words.len() > 1;
            let next = self.rest.chars().next();
            match next {
                None => break,
                Some('#' | '!') if self.expanded.is_none() => {
                    self.rest = "";
                    break;
                }
                Some('{' | '}') if self.braces_split && !words.is_empty() => break,
                Some('{') if self.braces_split => return Some(Item::Open(self.advance(1))),
                Some('}') if self.braces_split => return Some(Item::Close(self.advance(1))),
                Some(mark) => {
                    let word = if quoting.opens(mark) {
                        self.quoted(mark, quoting, diagnostics)
                    } else {
                        self.bare(quoting, diagnostics)
                    };
                    match words.last_mut() {
                        Some(last) if touches && quoting == Quoting::Command => last.append(&word),
                        Some(_) | None => words.push(word),
                    }
                }
            }
            if let [keyword] = words.as_slice() {
                quoting = Quoting::of(&keyword.text);
            }
        }
        (!words.is_empty()).then_some(Item::Words(words))
    }

    fn skip_blanks(&mut self, odd_blanks: &mut OddBlanks) {
        loop {
            self.advance(plain_blanks(self.rest));
            let Some(character) = self.rest.chars().next() else {
                return;
            };
            if !is_blank(character) && !self.begins_joint() {
                return;
            }
            let span = self.advance(character.len_utf8());
            odd_blanks.note(character, span);
        }
    }

    /// Only a joined line still holds a backslash in front of a line feed.
    fn begins_joint(&self) -> bool {
        let behind = self.rest.strip_prefix('\\');
        behind.is_some_and(|behind| behind.trim_start_matches('\r').starts_with('\n'))
    }

    fn quoted(&mut self, mark: char, quoting: Quoting, diagnostics: &mut Diagnostics) -> Word<'s> {
        let inside = self.rest.get(1..).unwrap_or_default();
        let Some(end) = quote::end(inside, mark, quoting) else {
            let text = inside.trim_end_matches(['\n', '\r']);
            let span = self.advance(1 + text.len());
            self.rest = "";
            let message = format!("this `{mark}` has no partner: the value goes to the line's end");
            diagnostics.push(Diagnostic::error(Code::UnterminatedQuote, span, message));
            return Word {
                text: quote::unescape(text, quoting),
                span,
            };
        };
        let text = inside.get(..end).unwrap_or_default();
        Word {
            text: quote::unescape(text, quoting),
            span: self.advance(end + 2),
        }
    }

    fn bare(&mut self, quoting: Quoting, diagnostics: &mut Diagnostics) -> Word<'s> {
        let (end, stop) = self.end_of_bare(quoting);
        let text = self.rest.get(..end).unwrap_or_default();
        let span = self.advance(end);
        if let Stop::Comment('!') = stop {
            let sign = Span {
                start: span.end,
                end: span.end + 1,
                ..span
            };
            let message = "`!` begins a comment, also in the middle of a word";
            let help = "write `\\!`, or put the whole word in double quotes, if `!` belongs to it";
            diagnostics.push(Diagnostic::warning(Code::Surprising, sign, message).help(help));
        }
        let text = match quoting {
            Quoting::Plain => quote::unescape_signs(text),
            Quoting::Command => quote::unescape(text, quoting),
        };
        Word { text, span }
    }

    fn end_of_bare(&self, quoting: Quoting) -> (usize, Stop) {
        let plain = plain_letters(self.rest);
        let mut skip_to = plain;
        for (index, character) in self.rest.get(plain..).unwrap_or_default().char_indices() {
            let index = plain + index;
            if index < skip_to {
                continue;
            }
            let after = self
                .rest
                .get(index + character.len_utf8()..)
                .unwrap_or_default();
            match character {
                // `${NAME}` is one word, its braces are no block's.
                '$' if after.starts_with('{') => {
                    let line = after.split('\n').next().unwrap_or_default();
                    skip_to = index + 1 + line.find('}').map_or(1, |close| close + 1);
                }
                '\\' if quoting.escapes() || after.starts_with(['#', '!']) => {
                    skip_to = index + 1 + after.chars().next().map_or(0, char::len_utf8);
                }
                '\\' if after.trim_start_matches('\r').starts_with('\n') => {
                    return (index, Stop::Plain);
                }
                '{' | '}' if self.braces_split => return (index, Stop::Plain),
                '#' | '!' if self.expanded.is_none() => {
                    return (index, Stop::Comment(character));
                }
                _ if quoting.opens(character) || is_blank(character) => {
                    return (index, Stop::Plain);
                }
                _ => {}
            }
        }
        (self.rest.len(), Stop::Plain)
    }

    /// Steps over `bytes` and gives their place.
    fn advance(&mut self, bytes: usize) -> Span {
        let (passed, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        let end = self.span.start + length(passed);
        let span = Span { end, ..self.span };
        self.span.start = end;
        match self.expanded {
            Some(expanded) => expanded.span(span.start..span.end),
            None => span,
        }
    }
}

/// How many characters a text begins with that mean nothing but themselves.
fn plain_letters(text: &str) -> usize {
    let mut count = 0;
    for byte in text.as_bytes() {
        if !matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'/' | b'-' | b':')
        {
            break;
        }
        count += 1;
    }
    count
}
