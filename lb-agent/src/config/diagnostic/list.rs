//! The list of remarks while a configuration is read: bounded, so that a file of rubbish costs
//! neither memory nor the reader's patience.

use std::collections::BTreeMap;

use super::{Code, Diagnostic, Severity};
use crate::config::status::Verdict;
use crate::config::text::{FileId, Sources, Span};

/// Remarks kept of one severity in one file.
const SHOWN_OF_ONE_KIND: usize = 50;

/// Collects remarks. A remark that repeats a kept one is only counted; what comes after
/// [`SHOWN_OF_ONE_KIND`] of a severity in a file is only counted, too.
#[derive(Debug, Default)]
pub(crate) struct Diagnostics {
    kept: Vec<Diagnostic>,
    seen: BTreeMap<(Option<FileId>, Severity), usize>,
    once: BTreeMap<(&'static str, String), Once>,
    verdict: Verdict,
}

/// A remark that is made only once: its place in `kept` and how often it would have been made.
#[derive(Debug)]
struct Once {
    index: usize,
    times: usize,
}

impl Diagnostics {
    /// Adds a remark.
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        self.keep(diagnostic);
    }

    /// Adds a remark about the word `subject` in the block `section` unless one was made;
    /// otherwise it counts on how many lines it holds.
    pub(crate) fn push_once(
        &mut self,
        section: &'static str,
        subject: &str,
        diagnostic: impl FnOnce() -> Diagnostic,
    ) {
        if let Some(once) = self.once.get_mut(&(section, subject.to_owned())) {
            once.times += 1;
            return;
        }
        // Beyond the cap nothing new is remembered: the number of different words is not bounded.
        let diagnostic = diagnostic();
        if let Some(index) = self.keep(diagnostic) {
            let once = Once { index, times: 1 };
            self.once.insert((section, subject.to_owned()), once);
        }
    }

    /// Whether an error or warning in this file would still be kept: asked before costly help.
    pub(crate) fn has_room(&self, file: FileId, severity: Severity) -> bool {
        self.seen
            .get(&(Some(file), severity))
            .is_none_or(|&count| count < SHOWN_OF_ONE_KIND)
    }

    /// What all remarks together mean.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
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
        for (&(file, severity), &count) in &self.seen {
            if count > SHOWN_OF_ONE_KIND {
                self.kept
                    .push(more(sources, file, severity, count - SHOWN_OF_ONE_KIND));
            }
        }
        sort(&mut self.kept);
        self.kept
    }

    fn keep(&mut self, diagnostic: Diagnostic) -> Option<usize> {
        self.verdict = self.verdict.max(Verdict::of(&diagnostic));
        let file = diagnostic.span.map(|span| span.file);
        let count = self.seen.entry((file, diagnostic.severity)).or_default();
        *count += 1;
        if *count > SHOWN_OF_ONE_KIND {
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
    }
}
