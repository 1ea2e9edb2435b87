//! One line of a file at work: what it stands for, line by line.

use super::sequence::Sequence;
use super::variable::definition;
use super::{Expanded, Expander, LINE_COST, MAX_EXPANDED, condition};
use crate::config::diagnostic::{Code, Diagnostic, Diagnostics};
use crate::config::lexer::after_blanks;
use crate::config::text::{FileId, Sources, Span};

/// The line that is expanded, with all that it needs.
pub(super) struct Work<'w, 'e> {
    pub(super) expander: &'w mut Expander<'e>,
    pub(super) sources: &'w Sources,
    pub(super) diagnostics: &'w mut Diagnostics,
    pub(super) file: FileId,
    /// What has come out so far.
    pub(super) lines: Vec<Expanded>,
}

impl Work<'_, '_> {
    /// A line of the file or of a value: its condition, its definition, its sequence, its
    /// variables. What it becomes by them may be such a line again.
    pub(super) fn expand(&mut self, line: &Expanded) {
        if self.expander.stopped {
            return;
        }
        let config_id = &self.expander.environment.config_id;
        let Some(text) = condition::held(line.text(), config_id) else {
            return;
        };
        let line = line.from(line.text().len() - text.len());
        if let Some((name, value)) = definition(line.text()) {
            self.expander.variables.insert(name.to_owned(), value);
        } else if after_blanks(line.text()).starts_with('~') {
            self.repeat(&line);
        } else {
            self.replace(&line);
        }
    }

    /// A line with variables.
    fn replace(&mut self, line: &Expanded) {
        let (expanded, names) = self.variables(line);
        if expanded.text() == line.text() || !is_to_be_read_again(expanded.text()) {
            if self.pays(expanded.text().len() + LINE_COST, expanded.place()) {
                self.lines.push(expanded);
            }
            return;
        }
        let depth = self.expander.open.len();
        self.expander.open.extend(names);
        let mut start = 0;
        for part in expanded.text().split('\n') {
            let end = start + part.len();
            self.expand(&expanded.slice(start..end));
            start = end + 1;
        }
        self.expander.open.truncate(depth);
    }

    /// A line that begins with `~SEQ` or `~LST`; with another `~` it is a line like any.
    fn repeat(&mut self, line: &Expanded) {
        let blanks = line.text().len() - after_blanks(line.text()).len();
        let head_end = line.text().find(')').map_or(0, |end| end + 1);
        let (head, _) = self.variables(&line.slice(blanks..head_end.max(blanks)));
        match Sequence::parse(head.text()) {
            Ok(Some(sequence)) => self.rounds(&sequence, &line.from(head_end)),
            Ok(None) => {
                let (expanded, _) = self.variables(line);
                if self.pays(expanded.text().len() + LINE_COST, expanded.place()) {
                    self.lines.push(expanded);
                }
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

    fn rounds(&mut self, sequence: &Sequence, rest: &Expanded) {
        let depth = self.expander.loops.len();
        for values in sequence.rounds() {
            if !self.pays(LINE_COST, rest.place()) {
                return;
            }
            self.expander.loops.extend(values);
            self.expand(rest);
            self.expander.loops.truncate(depth);
            if self.expander.stopped {
                return;
            }
        }
    }

    /// Takes `bytes` from what is left; says so when nothing is.
    pub(super) fn pays(&mut self, bytes: usize, span: Span) -> bool {
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

/// Whether a line that variables have made is more than words.
fn is_to_be_read_again(text: &str) -> bool {
    text.contains('\n') || after_blanks(text).starts_with(['@', '~']) || definition(text).is_some()
}
