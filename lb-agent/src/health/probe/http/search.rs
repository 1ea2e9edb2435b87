//! A pattern searched for in a body that comes in pieces, in bounded memory.
//!
//! ```text
//!   dropped      │ kept: OVERLAP │ not searched yet │
//!   ─────────────┼───────────────┴──────────────────┤
//!                offset                        offset + window
//! ```
//!
//! What a match needs may be up to [`OVERLAP`] bytes long (keepalived: 4 KiB): `ok.*` needs two bytes,
//! however far it goes on; what needs more may be missed. What cannot be said without the end of the
//! window is not decided before more comes, or the end does: only then it is known whether `$` or
//! `\b` holds. Pure.

use std::num::NonZeroUsize;

use super::pattern::Pattern;

/// Bytes of a body kept at a time.
const WINDOW: usize = 64 * 1024;

/// Bytes kept of what has been searched.
const OVERLAP: usize = 16 * 1024;

/// One search.
#[derive(Debug)]
pub(super) struct Search {
    pattern: Pattern,
    window: Vec<u8>,
    /// Place of the window's first byte in the body.
    offset: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Searching,
    Found,
    /// Beyond `regex_max_offset`.
    Over,
}

impl Search {
    /// A search for `pattern` from the start of a body.
    pub(super) fn new(pattern: &Pattern) -> Self {
        Self {
            pattern: pattern.clone(),
            window: Vec::new(),
            offset: 0,
            state: State::Searching,
        }
    }

    /// The next piece of the body.
    pub(super) fn handle_data(&mut self, mut data: &[u8]) {
        while self.state == State::Searching && !data.is_empty() {
            let room = WINDOW.saturating_sub(self.window.len());
            let (piece, rest) = data.split_at(room.min(data.len()));
            self.window.extend_from_slice(piece);
            data = rest;
            if self.window.len() >= WINDOW {
                self.search(false);
                self.slide();
            }
        }
    }

    /// The body has ended: whether the pattern is in it.
    pub(super) fn finish(&mut self) -> bool {
        if self.state == State::Searching {
            self.search(true);
        }
        self.state == State::Found
    }

    fn search(&mut self, ended: bool) {
        let Some(from) = self.first_place() else {
            return;
        };
        let regex = self.pattern.compiled();
        let first = regex.shortest_match_at(&self.window, from);
        if first.is_none_or(|end| !ended && end >= self.window.len()) {
            return;
        }
        let Some(found) = regex.find_at(&self.window, from) else {
            return;
        };
        let place = self.offset.saturating_add(found.start() as u64);
        self.state = match self.pattern.max_offset {
            // The leftmost match is too late, so are all others.
            Some(last) if place > last => State::Over,
            Some(_) | None => State::Found,
        };
    }

    /// Where in the window a match may begin: not before `regex_min_offset`, and in a later window
    /// not at its first byte, which `^` would take for the start of the body.
    fn first_place(&self) -> Option<usize> {
        let least = usize::from(self.offset > 0);
        let wanted = self.pattern.min_offset.saturating_sub(self.offset);
        let from = usize::try_from(wanted).unwrap_or(usize::MAX).max(least);
        (from <= self.window.len()).then_some(from)
    }

    fn slide(&mut self) {
        let Some(drop) = NonZeroUsize::new(self.window.len().saturating_sub(OVERLAP)) else {
            return;
        };
        self.window.drain(..drop.get());
        self.offset = self.offset.saturating_add(drop.get() as u64);
        let over = self
            .pattern
            .max_offset
            .is_some_and(|last| self.offset > last);
        if over && self.state == State::Searching {
            self.state = State::Over;
        }
        if self.state != State::Searching {
            self.window = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
