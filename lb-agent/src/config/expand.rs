//! keepalived's macro language, line by line: `@id` conditions, `$NAME` definitions and uses,
//! `~SEQ` and `~LST`.
//!
//! A line without any of `@`, `$`, `~` passes untouched. What comes out of the others are new
//! lines whose words still know the place that used the macro. All expansions together have a
//! limit. Includes are read before and are not subject to any of this ([`super::include`]).

mod pieces;
mod sequence;
mod variable;

use std::collections::BTreeMap;

pub(crate) use self::pieces::Expanded;

use self::sequence::Sequence;
use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::lexer::after_blanks;
use super::text::{FileId, Sources, Span, length};

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
    /// What `@id` is compared with; keepalived's `-i`, else the short host name.
    pub config_id: String,
    /// `${_INSTANCE}`
    pub instance: Option<String>,
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
        let Some((offset, text)) = self.condition(raw) else {
            return Line::Gone;
        };
        if let Some((name, value)) = variable::definition(text) {
            self.variables.insert(name.to_owned(), value);
            return Line::Gone;
        }
        let unconditional = offset == 0;
        if unconditional && !text.contains(['$', '~']) {
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
        };
        let mut lines = Vec::new();
        let stripped = Expanded::of_line(start, text);
        work.expand(&stripped, &mut lines);
        Line::Lines(lines)
    }

    /// `@id` and `@^id`: what stands behind it and where, unless it does not hold.
    fn condition<'t>(&self, raw: &'t str) -> Option<(u32, &'t str)> {
        let mut text = raw;
        loop {
            let line = after_blanks(text);
            let Some(condition) = line.strip_prefix('@') else {
                return Some((length(raw) - length(text), text));
            };
            let (wanted, id) = match condition.strip_prefix('^') {
                Some(id) => (false, id),
                None => (true, condition),
            };
            let end = id.find(char::is_whitespace).unwrap_or(id.len());
            let (id, rest) = id.split_at_checked(end).unwrap_or((id, ""));
            if id.is_empty() {
                return Some((length(raw) - length(text), text));
            }
            if (id == self.environment.config_id) != wanted {
                return None;
            }
            text = rest;
        }
    }
}

/// One line at work.
struct Work<'w, 'e> {
    expander: &'w mut Expander<'e>,
    sources: &'w Sources,
    diagnostics: &'w mut Diagnostics,
    file: FileId,
}

impl Work<'_, '_> {
    /// Sequences first, each value with a line of its own, then variables.
    fn expand(&mut self, line: &Expanded, lines: &mut Vec<Expanded>) {
        if self.expander.stopped {
            return;
        }
        let blanks = length(line.text()) - length(after_blanks(line.text()));
        if !after_blanks(line.text()).starts_with('~') {
            let expanded = self.variables(line);
            // A value may be a sequence itself.
            let is_sequence = after_blanks(expanded.text()).starts_with('~');
            if is_sequence && expanded.text() != line.text() {
                return self.expand(&expanded, lines);
            }
            if self.pays(expanded.text().len() + LINE_COST, expanded.place()) {
                lines.push(expanded);
            }
            return;
        }
        let head_end = line.text().find(')').map_or(0, |end| end + 1);
        let head = line.slice(blanks as usize..head_end);
        let head = self.variables(&head);
        match Sequence::parse(head.text()) {
            Ok(Some(sequence)) => self.sequence(&sequence, &line.from(head_end), lines),
            Ok(None) => {
                let expanded = self.variables(line);
                lines.push(expanded);
            }
            Err(problem) => {
                let message = format!("{problem}: the line is left out");
                let wrong = Diagnostic::warning(Code::Macro, head.place(), message);
                self.diagnostics.push(
                    wrong.help("~SEQ(NAME, FIRST[, STEP], LAST) TEXT, ~LST(NAME, VALUE, …) TEXT"),
                );
            }
        }
    }

    fn sequence(&mut self, sequence: &Sequence, rest: &Expanded, lines: &mut Vec<Expanded>) {
        let depth = self.expander.loops.len();
        for values in sequence.rounds() {
            if !self.pays(LINE_COST, rest.place()) {
                return;
            }
            self.expander.loops.extend(values);
            self.expand(rest, lines);
            self.expander.loops.truncate(depth);
            if self.expander.stopped {
                return;
            }
        }
    }

    /// Takes `bytes` from what is left; says so when nothing is.
    fn pays(&mut self, bytes: usize, span: Span) -> bool {
        if self.expander.stopped {
            return false;
        }
        let left = self.expander.bytes_left.checked_sub(bytes);
        if let Some(left) = left {
            self.expander.bytes_left = left;
        } else {
            self.expander.stopped = true;
            let message = format!(
                "variables and sequences make more than {MAX_EXPANDED} bytes of this configuration"
            );
            self.diagnostics
                .push(Diagnostic::error(Code::TooLarge, span, message));
        }
        left.is_some()
    }
}

#[cfg(test)]
mod tests;
