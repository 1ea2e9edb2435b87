//! The list of remarks while a configuration is read: bounded, so that a file of rubbish costs
//! neither memory nor the reader's patience.

use std::collections::BTreeMap;

use super::{Code, Diagnostic, Severity};
use crate::config::status::{Verdict, is_contradiction};
use crate::config::text::{FileId, Sources, Span};

/// Remarks of one severity in one file that people are shown.
pub(crate) const FOR_PEOPLE: usize = 50;

/// The same for programs, which want all of them.
pub(crate) const FOR_MACHINES: usize = 10_000;

/// Remarks that programs are shown in all, so that thousands of files cost no more than one.
const IN_ALL: usize = 20_000;

/// Places of one repeated remark that are kept.
const REPEATS: usize = 1000;

/// The same of all remarks together.
const REPEATS_IN_ALL: usize = 20_000;

/// Collects remarks. One that repeats a kept one adds its place to that; what comes after so many of
/// a severity in a file is only counted.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    /// [`FOR_PEOPLE`] or [`FOR_MACHINES`].
    most: usize,
    kept: Vec<Diagnostic>,
    seen: BTreeMap<(Option<FileId>, Severity), Count>,
    once: BTreeMap<(&'static str, String), Once>,
    verdict: Verdict,
    contradictory: bool,
    /// Places of repeated remarks.
    repeats: usize,
}

/// Remarks of one severity in one file.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    made: usize,
    kept: usize,
}

/// A remark that is made only once: its place in `kept` and how often it would have been made.
#[derive(Debug)]
struct Once {
    index: usize,
    times: usize,
}

impl Default for Diagnostics {
    fn default() -> Self {
        Self::keeping(FOR_PEOPLE)
    }
}

impl Diagnostics {
    /// A list with so many remarks of one severity in one file.
    pub(crate) fn keeping(most: usize) -> Self {
        Self {
            most,
            kept: Vec::new(),
            seen: BTreeMap::new(),
            once: BTreeMap::new(),
            verdict: Verdict::default(),
            contradictory: false,
            repeats: 0,
        }
    }

    /// Adds a remark.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.keep(diagnostic);
    }

    /// Adds a remark about the word `subject` at `place` in the block `section` unless one was made;
    /// otherwise that one holds at this place, too.
    pub(crate) fn push_once(
        &mut self,
        section: &'static str,
        subject: &str,
        place: Span,
        diagnostic: impl FnOnce() -> Diagnostic,
    ) {
        if let Some(once) = self.once.get_mut(&(section, subject.to_owned())) {
            once.times += 1;
            if let Some(first) = self.kept.get_mut(once.index)
                && first.repeats.len() < REPEATS
                && self.repeats < REPEATS_IN_ALL
            {
                first.repeats.push(place);
                self.repeats += 1;
            }
            return;
        }
        // Beyond the cap nothing new is remembered: the number of different words is not bounded.
        let diagnostic = diagnostic();
        if let Some(index) = self.keep(diagnostic) {
            let once = Once { index, times: 1 };
            self.once.insert((section, subject.to_owned()), once);
        }
    }

    /// Whether an error or warning in this file would still be kept.
    pub(crate) fn has_room(&self, file: FileId, severity: Severity) -> bool {
        let count = self.seen.get(&(Some(file), severity));
        self.admits(count.map_or(1, |count| count.made + 1))
    }

    /// Whether people would be shown it: asked before what was meant is worked out, which is dear.
    /// Programs do without beyond that.
    pub(crate) fn has_readers(&self, file: FileId, severity: Severity) -> bool {
        let count = self.seen.get(&(Some(file), severity));
        count.is_none_or(|count| count.made < FOR_PEOPLE)
    }

    /// Whether the remark of this number among those of its severity and file is kept.
    fn admits(&self, number: usize) -> bool {
        number <= FOR_PEOPLE || number <= self.most && self.kept.len() < IN_ALL
    }

    /// What all remarks together mean.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether there is one of those with which nothing runs, whatever the verdict.
    pub(crate) fn is_contradictory(&self) -> bool {
        self.contradictory
    }

    /// All that is to be shown, by file and place.
    pub(crate) fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        for once in self.once.values() {
            if let (Some(diagnostic), 2..) = (self.kept.get_mut(once.index), once.times) {
                let others = once.times - 1;
                let lines = if others == 1 { "line" } else { "lines" };
                diagnostic.message =
                    format!("{} (also on {others} other {lines})", diagnostic.message);
            }
        }
        for (&(file, severity), count) in &self.seen {
            let hidden = count.made - count.kept;
            if hidden > 0 {
                self.kept.push(more(sources, file, severity, hidden));
            }
        }
        sort(&mut self.kept);
        self.kept
    }

    fn keep(&mut self, diagnostic: Diagnostic) -> Option<usize> {
        self.verdict = self.verdict.max(Verdict::of(&diagnostic));
        self.contradictory |= is_contradiction(&diagnostic);
        let file = diagnostic.span.map(|span| span.file);
        let key = (file, diagnostic.severity);
        let before = self.seen.get(&key).copied().unwrap_or_default();
        let is_kept = self.admits(before.made + 1);
        let count = Count {
            made: before.made + 1,
            kept: before.kept + usize::from(is_kept),
        };
        self.seen.insert(key, count);
        if !is_kept {
            return None;
        }
        self.kept.push(diagnostic);
        Some(self.kept.len() - 1)
    }
}

/// By file and place; what has no place comes first.
pub(crate) fn sort(diagnostics: &mut [Diagnostic]) {
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span, diagnostic.severity));
}

fn more(sources: &Sources, file: Option<FileId>, severity: Severity, count: usize) -> Diagnostic {
    let end: Option<Span> = file.map(|file| sources.end_of(file));
    let plural = if count == 1 { "" } else { "s" };
    Diagnostic {
        severity,
        code: Code::More,
        span: end,
        message: format!(
            "{count} more {}{plural} in this file, not shown",
            severity.word()
        ),
        help: None,
        related: Vec::new(),
        repeats: Vec::new(),
    }
}
