//! What a lexer gives: words, and the pieces that they make.

use std::borrow::Cow;

use crate::config::text::{FileId, Span};

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word<'s> {
    /// Its text, without quotes.
    pub(crate) text: Cow<'s, str>,
    /// Its place, with quotes.
    pub(crate) span: Span,
}

impl Word<'_> {
    /// Takes in a word that touches this one.
    pub(super) fn append(&mut self, next: &Self) {
        self.text.to_mut().push_str(&next.text);
        self.span = self.span.to(next.span);
    }

    /// The same with a text of its own.
    pub(crate) fn into_static(self) -> Word<'static> {
        Word {
            text: Cow::Owned(self.text.into_owned()),
            span: self.span,
        }
    }
}

/// What the lines are made of. As keepalived has it, a brace is a line of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item<'s> {
    /// Words that belong together, at least one.
    Words(Vec<Word<'s>>),
    /// `{`
    Open(Span),
    /// `}`
    Close(Span),
    /// A file, included or not, ends here.
    EndOfFile(FileId),
}

impl Item<'_> {
    pub(super) fn into_static(self) -> Item<'static> {
        match self {
            Self::Words(words) => Item::Words(words.into_iter().map(Word::into_static).collect()),
            Self::Open(span) => Item::Open(span),
            Self::Close(span) => Item::Close(span),
            Self::EndOfFile(file) => Item::EndOfFile(file),
        }
    }
}
