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
//! `\b` holds.
//!
//! A pattern that needs backtracking is bounded twice: in the steps of one search, and in the bytes
//! that are searched at all ([`MAX_BACKTRACKED`]). What it finds close to the end of a window is not
//! believed either, since it may have looked ahead. Pure.

use std::num::NonZeroUsize;

use super::pattern::{Engine, Pattern};

/// Bytes of a body kept at a time.
const WINDOW: usize = 64 * 1024;

/// Bytes kept of what has been searched.
const OVERLAP: usize = 16 * 1024;

/// Bytes that a pattern may look ahead of what it has found, where it can.
const LOOK_AHEAD: usize = 4 * 1024;

/// Bytes of a body that are searched with backtracking: some twenty windows.
pub(in crate::health::probe) const MAX_BACKTRACKED: u64 = 1 << 20;

/// A pattern took more steps, or more bytes, than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooHard;

/// One search.
#[derive(Debug)]
pub(super) struct Search {
    pattern: Pattern,
    window: Vec<u8>,
    /// Place of the window's first byte in the body.
    offset: u64,
    /// `firstline`: place of the first newline from `regex_min_offset` on.
    newline: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Searching,
    Found,
    /// Beyond `regex_max_offset`, or the first line.
    Over,
    TooHard,
}

impl Search {
    /// A search for `pattern` from the start of a body.
    pub(super) fn new(pattern: &Pattern) -> Self {
        Self {
            pattern: pattern.clone(),
            window: Vec::new(),
            offset: 0,
            newline: None,
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
    pub(super) fn finish(&mut self) -> Result<bool, TooHard> {
        if self.state == State::Searching {
            self.search(true);
        }
        match self.state {
            State::Found => Ok(true),
            State::Searching | State::Over => Ok(false),
            State::TooHard => Err(TooHard),
        }
    }

    fn search(&mut self, ended: bool) {
        let Some(from) = self.first_place() else {
            return;
        };
        self.find_newline(from);
        let found = match self.pattern.engine() {
            Engine::Linear(regex) => {
                let first = regex.shortest_match_at(&self.window, from);
                let decided = first.is_some_and(|end| ended || end < self.window.len());
                Ok(if decided {
                    regex.find_at(&self.window, from).map(|found| found.start())
                } else {
                    None
                })
            }
            Engine::Backtracking(regex) => {
                let found = regex.find_from_pos(self.window.as_slice(), from);
                found.map(|found| {
                    let seen = |end: usize| end.saturating_add(LOOK_AHEAD) <= self.window.len();
                    let decided = found.filter(|found| ended || seen(found.end()));
                    decided.map(|found| found.start())
                })
            }
        };
        match found {
            Ok(None) => {}
            Ok(Some(start)) => self.found(self.offset.saturating_add(start as u64)),
            // Only steps are an error of a search.
            Err(_) => self.state = State::TooHard,
        }
    }

    /// The leftmost match: when it is too late, so are all others.
    fn found(&mut self, place: u64) {
        let lasts = [self.pattern.max_offset, self.newline];
        let late = lasts.into_iter().flatten().any(|last| place > last);
        self.state = if late { State::Over } else { State::Found };
    }

    fn find_newline(&mut self, from: usize) {
        if self.newline.is_none() && self.pattern.firstline() {
            let mut bytes = self.window.iter().enumerate().skip(from);
            let place = bytes.find(|&(_, &byte)| byte == b'\n');
            self.newline = place.map(|(place, _)| self.offset.saturating_add(place as u64));
        }
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
        let backtracking = matches!(self.pattern.engine(), Engine::Backtracking(_));
        if backtracking && self.offset > MAX_BACKTRACKED && self.state == State::Searching {
            self.state = State::TooHard;
        }
        if self.state != State::Searching {
            self.window = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
