//! A pattern searched for in a body that comes in pieces, in bounded memory.
//!
//! ```text
//!   dropped      │ kept: overlap │ not searched yet │
//!   ─────────────┼───────────────┴──────────────────┤
//!                offset                        offset + window
//! ```
//!
//! What a match needs may be as long as the overlap (keepalived: 4 KiB): `ok.*` needs two bytes,
//! however far it goes on; what needs more may be missed. What cannot be said without the end of the
//! window is not decided before more comes, or the end does: only then it is known whether `$` or
//! `\b` holds.
//!
//! With backtracking the work in a window may grow with its square, since each look-ahead goes to the
//! window's end; so the window is small. Such a pattern is bounded three times: in the steps of one
//! search, in the bytes that are searched at all ([`MAX_BACKTRACKED`]), and, as steps say little of
//! time, in the processor time that all windows of a body take ([`MAX_SPENT`]), which is looked at
//! after each. What it finds close to the end of a window is not believed, since it may have looked
//! ahead, nor is anything at the start of one, where it could not look behind.
//!
//! That time is the one thing here that is not said by the caller.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::pattern::{Engine, Pattern};
use crate::runtime::clock;

/// What is kept and looked at, bytes.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    /// Kept at a time.
    window: usize,
    /// Kept of what has been searched.
    overlap: usize,
    /// What is before a match may depend on so many; none begins earlier in a later window.
    behind: usize,
    /// So many must follow what was found before it is believed.
    ahead: usize,
}

/// In linear time. `^` and `\b` look one byte behind.
const LINEAR: Sizes = Sizes {
    window: 64 * 1024,
    overlap: 16 * 1024,
    behind: 1,
    ahead: 0,
};

/// With backtracking: what overlaps is room for a match of 1.5 KiB, with what it looks at.
const BACKTRACKING: Sizes = Sizes {
    window: 8 * 1024,
    overlap: 4 * 1024,
    behind: 512,
    ahead: 2 * 1024,
};

/// Bytes of a body that are searched with backtracking.
pub(in crate::health::probe) const MAX_BACKTRACKED: u64 = 1 << 20;

/// Processor time that backtracking in one body may take: it holds up everything else that the thread
/// of the checks does.
const MAX_SPENT: Duration = Duration::from_millis(500);

/// A pattern took more steps, more bytes, or more time than it may.
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
    /// Processor time that backtracking has taken.
    spent: Duration,
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
            spent: Duration::ZERO,
            state: State::Searching,
        }
    }

    fn sizes(&self) -> Sizes {
        match self.pattern.engine() {
            Engine::Linear(_) => LINEAR,
            Engine::Backtracking(_) => BACKTRACKING,
        }
    }

    /// The next piece of the body.
    pub(super) fn handle_data(&mut self, mut data: &[u8]) {
        let full = self.sizes().window;
        while self.state == State::Searching && !data.is_empty() {
            let room = full.saturating_sub(self.window.len());
            let (piece, rest) = data.split_at(room.min(data.len()));
            self.window.extend_from_slice(piece);
            data = rest;
            if self.window.len() >= full {
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
        let ahead = self.sizes().ahead;
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
                let before = clock::of_thread();
                let found = regex.find_from_pos(self.window.as_slice(), from);
                let took = clock::of_thread().saturating_sub(before);
                self.spent = self.spent.saturating_add(took);
                found.map(|found| {
                    let seen = |end: usize| end.saturating_add(ahead) <= self.window.len();
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
    /// not at its start, which `^` and a look-behind would take for the start of the body.
    fn first_place(&self) -> Option<usize> {
        let later = self.offset > 0;
        let least = if later { self.sizes().behind } else { 0 };
        let wanted = self.pattern.min_offset.saturating_sub(self.offset);
        let from = usize::try_from(wanted).unwrap_or(usize::MAX).max(least);
        (from <= self.window.len()).then_some(from)
    }

    fn slide(&mut self) {
        let Some(drop) = NonZeroUsize::new(self.window.len().saturating_sub(self.sizes().overlap))
        else {
            return;
        };
        self.window.drain(..drop.get());
        self.offset = self.offset.saturating_add(drop.get() as u64);
        let lasts = [self.pattern.max_offset, self.newline];
        let over = lasts.into_iter().flatten().any(|last| self.offset > last);
        if over && self.state == State::Searching {
            self.state = State::Over;
        }
        let backtracking = matches!(self.pattern.engine(), Engine::Backtracking(_));
        let hard = self.offset > MAX_BACKTRACKED || self.spent > MAX_SPENT;
        if backtracking && hard && self.state == State::Searching {
            self.state = State::TooHard;
        }
        if self.state != State::Searching {
            self.window = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests;
