//! A text made from others that still knows where each part of it comes from.

use std::ops::Range;

use crate::config::lexer::comment;
use crate::config::text::{FileId, Span, length};

/// A line after expansion, and the places of its parts.
#[derive(Clone, Debug)]
pub(crate) struct Expanded {
    text: String,
    pieces: Vec<Piece>,
    place: Span,
}

/// A part from `at` to the next one.
#[derive(Clone, Copy, Debug)]
struct Piece {
    at: u32,
    place: Span,
    /// Whether each byte of it is one of the file; otherwise it all stands for `place`.
    exact: bool,
}

impl Expanded {
    /// Nothing yet, of a line at `place`.
    pub(super) fn empty(place: Span) -> Self {
        Self {
            text: String::new(),
            pieces: Vec::new(),
            place,
        }
    }

    /// A line as it stands in its file, without comments, joined where `\` joins it.
    pub(super) fn of_line(place: Span, raw: &str) -> Self {
        let mut line = Self::empty(place);
        let mut start = place.start;
        for physical in raw.split_inclusive('\n') {
            let here = start;
            start += length(physical);
            let text = physical.trim_end_matches(['\n', '\r']);
            let joined = text.strip_suffix('\\').unwrap_or(text);
            let code = joined.get(..comment(joined)).unwrap_or(joined);
            line.push_exact(
                code,
                Span {
                    start: here,
                    ..place
                },
            );
            if joined.len() < text.len() {
                line.push(" ", place);
            }
        }
        line
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Where the line stands.
    pub(crate) fn place(&self) -> Span {
        self.place
    }

    /// Adds text that begins at `start` in its file.
    fn push_exact(&mut self, text: &str, start: Span) {
        let place = Span {
            end: start.start + length(text),
            ..start
        };
        self.add(text, place, true);
    }

    /// Adds text that stands for the text at `place`.
    pub(super) fn push(&mut self, text: &str, place: Span) {
        self.add(text, place, false);
    }

    fn add(&mut self, text: &str, place: Span, exact: bool) {
        if !text.is_empty() {
            let at = length(&self.text);
            self.pieces.push(Piece { at, place, exact });
            self.text.push_str(text);
        }
    }

    /// Adds a part of another line.
    pub(super) fn push_part(&mut self, other: &Self, part: Range<usize>) {
        let mut start = part.start;
        while start < part.end {
            let index = other.piece_at(start);
            let next = other
                .pieces
                .get(index + 1)
                .map_or(part.end, |next| next.at as usize);
            let end = next.min(part.end).max(start + 1);
            let text = other.text.get(start..end).unwrap_or_default();
            if let Some(piece) = other.pieces.get(index) {
                if piece.exact {
                    let offset = length_of(start).saturating_sub(piece.at);
                    let place = Span {
                        start: piece.place.start + offset,
                        ..piece.place
                    };
                    self.push_exact(text, place);
                } else {
                    self.push(text, piece.place);
                }
            }
            start = end;
        }
    }

    /// A part of it.
    pub(super) fn slice(&self, part: Range<usize>) -> Self {
        let mut slice = Self::empty(self.span(length_of(part.start)..length_of(part.end)));
        slice.push_part(self, part);
        slice
    }

    /// What stands behind `start`.
    pub(super) fn from(&self, start: usize) -> Self {
        let mut rest = Self::empty(self.place);
        rest.push_part(self, start..self.text.len());
        rest
    }

    fn piece_at(&self, offset: usize) -> usize {
        let behind = self
            .pieces
            .partition_point(|piece| piece.at as usize <= offset);
        behind.saturating_sub(1)
    }

    /// The place in the file of a part of the text.
    pub(crate) fn span(&self, part: Range<u32>) -> Span {
        let first = self.pieces.get(self.piece_at(part.start as usize));
        let last = self.pieces.get(self.piece_at(part.end.max(1) as usize - 1));
        let (Some(first), Some(last)) = (first, last) else {
            return self.place;
        };
        let start = if first.exact {
            first.place.start + part.start.saturating_sub(first.at)
        } else {
            first.place.start
        };
        let end = if last.exact {
            last.place.start + part.end.saturating_sub(last.at)
        } else {
            last.place.end
        };
        let file: FileId = self.place.file;
        Span {
            file,
            start,
            end: end.max(start),
        }
    }
}

fn length_of(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}
