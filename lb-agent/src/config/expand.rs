//! keepalived's macro language, line by line: `@id` conditions, `$NAME` definitions and uses,
//! `~SEQ` and `~LST`.
//!
//! A line without any of `@`, `$`, `~` passes untouched. What comes out of the others are new
//! lines whose words still know the place that used the macro. The lines of a value are read like
//! those of a file, one after the other: they may hold conditions, definitions and sequences
//! themselves. All expansions together have a limit. Includes are read before and are not subject to any of this ([`super::include`]).

mod condition;
mod pieces;
mod predefined;
mod sequence;
mod variable;
mod work;

use std::collections::BTreeMap;

pub(crate) use self::pieces::Expanded;

pub(crate) use self::condition::held;
pub(crate) use self::variable::is_definition;
use self::work::Work;
use super::diagnostic::Diagnostics;
use super::text::{Sources, Span, length};

/// Bytes that all expansions of one configuration may have together, counting [`LINE_COST`] for
/// each line.
pub(crate) const MAX_EXPANDED: usize = 32 << 20;

/// What a line costs beside its bytes: so that a million empty lines are not free.
const LINE_COST: usize = 256;

/// Bytes that one line may become: keepalived's lines are far shorter, but a block may be the
/// value of a variable.
const MAX_VALUE: usize = 1 << 20;

/// What the macros can ask for that stands in no file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// What `@id` is compared with, and what `${_INSTANCE}` is; keepalived's `-i`, else the short host
    /// name.
    pub config_id: String,
    /// `${_ENV NAME}`
    pub variables: BTreeMap<String, String>,
    /// What `${_RANDOM}` is made from.
    pub random: u64,
}

/// What becomes of a line.
pub(crate) enum Line {
    /// Nothing: it is used as it is.
    Untouched,
    /// It is left out: a definition, or a condition that does not hold.
    Gone,
    /// It stands for these.
    Lines(Vec<Expanded>),
}

/// The macros so far.
pub(crate) struct Expander<'e> {
    environment: &'e Environment,
    variables: BTreeMap<String, String>,
    /// Of a sequence that is being expanded: these come first.
    loops: Vec<(String, String)>,
    /// The variables whose lines are being expanded, outermost first.
    open: Vec<String>,
    random: u64,
    bytes_left: usize,
    stopped: bool,
}

impl<'e> Expander<'e> {
    pub(crate) fn new(environment: &'e Environment) -> Self {
        Self {
            environment,
            variables: BTreeMap::new(),
            loops: Vec::new(),
            open: Vec::new(),
            random: environment.random,
            bytes_left: MAX_EXPANDED,
            stopped: false,
        }
    }

    /// Whether the limit has been passed: what was read is not the whole configuration.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Expands one line, `raw`, which may be several that `\` joins.
    pub(crate) fn line(
        &mut self,
        span: Span,
        raw: &str,
        sources: &Sources,
        diagnostics: &mut Diagnostics,
    ) -> Line {
        if !raw.contains(['@', '$', '~']) {
            return Line::Untouched;
        }
        let Some(text) = held(raw, &self.environment.config_id) else {
            return Line::Gone;
        };
        if let Some((name, value)) = variable::definition(text) {
            self.variables.insert(name.to_owned(), value);
            return Line::Gone;
        }
        let offset = length(raw) - length(text);
        if offset == 0 && !text.contains(['$', '~']) {
            return Line::Untouched;
        }
        let start = Span {
            start: span.start + offset,
            ..span
        };
        let mut work = Work {
            expander: self,
            sources,
            diagnostics,
            file: span.file,
            lines: Vec::new(),
        };
        work.expand(&Expanded::of_line(start, text));
        Line::Lines(work.lines)
    }
}

#[cfg(test)]
mod tests;
