//! `$NAME=value`, `$NAME`, `${NAME}`.

use super::work::Work;
use super::{Expanded, MAX_VALUE, condition};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::lexer::{after_blanks, comment};
use crate::config::suggest;
use crate::config::text::Span;

/// Variables within variables.
const MAX_DEPTH: usize = 32;

/// `$NAME=value`: the name and its value, in which `\` at a line's end separates lines.
pub(super) fn definition(line: &str) -> Option<(&str, String)> {
    let line = after_blanks(line).strip_prefix('$')?;
    let end = line.find(|next: char| !is_letter(next))?;
    let (name, rest) = line.split_at_checked(end)?;
    let value = rest.strip_prefix('=').filter(|_| !name.is_empty())?;
    let lines = value.split('\n').map(|line| {
        let line = line.trim_end_matches('\r');
        let line = line.strip_suffix('\\').unwrap_or(line);
        line.get(..comment(line)).unwrap_or(line).trim_end()
    });
    let value = lines.collect::<Vec<_>>().join("\n");
    Some((name, value.trim_matches('\n').trim_start().to_owned()))
}

/// Whether a line defines a variable, on whatever condition.
pub(crate) fn is_definition(line: &str) -> bool {
    definition(condition::behind(line)).is_some()
}

fn is_letter(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

/// One `$…` in a text: its bytes, and what it asks for.
pub(super) struct Use<'t> {
    start: usize,
    end: usize,
    pub(super) name: &'t str,
    /// Behind the name in `${NAME …}`.
    pub(super) arguments: &'t str,
}

/// The first use from `from` on.
fn next_use(text: &str, from: usize) -> Option<Use<'_>> {
    let mut from = from;
    loop {
        let start = from + text.get(from..)?.find('$')?;
        let behind = text.get(start + 1..)?;
        if let Some(inside) = behind.strip_prefix('{') {
            if let Some(close) = inside.find(['}', '\n'])
                && let Some(inside) = inside.get(..close)
                && text.as_bytes().get(start + 2 + close) == Some(&b'}')
            {
                let end = inside.find(|next: char| !is_letter(next));
                let (name, arguments) = inside.split_at_checked(end.unwrap_or(inside.len()))?;
                if !name.is_empty() {
                    return Some(Use {
                        start,
                        end: start + close + 3,
                        name,
                        arguments: arguments.trim(),
                    });
                }
            }
        } else {
            let end = behind
                .find(|next: char| !is_letter(next))
                .unwrap_or(behind.len());
            let name = behind.get(..end).unwrap_or_default();
            let next = behind.get(end..).and_then(|rest| rest.chars().next());
            let ends = next.is_none_or(|next| next.is_whitespace() || matches!(next, ',' | ')'));
            if !name.is_empty() && ends {
                return Some(Use {
                    start,
                    end: start + 1 + end,
                    name,
                    arguments: "",
                });
            }
        }
        from = start + 1;
    }
}

impl Work<'_, '_> {
    /// A line with its variables replaced, and their names. Values of several lines come as they
    /// were defined: each of their lines is expanded when its turn comes.
    pub(super) fn variables(&mut self, line: &Expanded) -> (Expanded, Vec<String>) {
        let mut result = Expanded::empty(line.place());
        let mut names = Vec::new();
        let mut done = 0;
        while let Some(found) = next_use(line.text(), done) {
            result.push_part(line, done..found.start);
            let part = u32::try_from(found.start).unwrap_or(u32::MAX)
                ..u32::try_from(found.end).unwrap_or(u32::MAX);
            let place = line.span(part);
            let mut value = String::new();
            if self.value(&found, place, &mut Vec::new(), &mut value) {
                result.push(&value, place);
                names.push(found.name.to_owned());
            } else {
                result.push_part(line, found.start..found.end);
            }
            done = found.end;
        }
        result.push_part(line, done..line.text().len());
        (result, names)
    }

    /// Appends what a use stands for; whether it stands for anything. `chain` are the names of the
    /// values around it.
    fn value(
        &mut self,
        found: &Use<'_>,
        place: Span,
        chain: &mut Vec<String>,
        into: &mut String,
    ) -> bool {
        if let Some(value) = self.predefined(found, place) {
            into.push_str(&value);
            return true;
        }
        let loops = self.expander.loops.iter().rev();
        let loops = loops
            .filter(|(name, _)| name == found.name)
            .map(|(_, value)| value);
        let defined = self.expander.variables.get(found.name);
        let Some(value) = loops.chain(defined).next().cloned() else {
            self.undefined(found.name, place);
            return false;
        };
        let depth = chain.len() + self.expander.open.len();
        let mut around = chain.iter().chain(&self.expander.open);
        if depth >= MAX_DEPTH || around.any(|name| name == found.name) {
            let message = format!("`${}` stands for itself: it stays as it is", found.name);
            self.diagnostics
                .push(Diagnostic::error(Code::Macro, place, message));
            return false;
        }
        if value.contains('\n') {
            self.append(into, &value, place);
            return true;
        }
        chain.push(found.name.to_owned());
        let mut done = 0;
        while let Some(inner) = next_use(&value, done) {
            let before = value.get(done..inner.start).unwrap_or_default();
            self.append(into, before, place);
            if !self.value(&inner, place, chain, into) {
                let literal = value.get(inner.start..inner.end).unwrap_or_default();
                self.append(into, literal, place);
            }
            done = inner.end;
            if self.expander.stopped {
                break;
            }
        }
        self.append(into, value.get(done..).unwrap_or_default(), place);
        chain.pop();
        true
    }

    /// Appends within the limits of a line and of all lines.
    fn append(&mut self, into: &mut String, text: &str, place: Span) {
        if into.len() + text.len() > MAX_VALUE && !self.expander.stopped {
            self.expander.stopped = true;
            let message = format!("a variable stands for more than {MAX_VALUE} bytes here");
            self.diagnostics
                .push(Diagnostic::error(Code::TooLarge, place, message));
        }
        if self.pays(text.len() + 1, place) {
            into.push_str(text);
        }
    }

    /// A name that nobody defined stays literally, as with keepalived. Only a name near a defined
    /// one is said: `$` is common in passwords and in commands.
    fn undefined(&mut self, name: &str, place: Span) {
        let names = self.expander.variables.keys().map(String::as_str);
        let near = suggest::nearest(name, names).map(str::to_owned);
        if let Some(near) = near {
            let message = format!("there is no variable `${name}`: it stays as it is");
            let undefined = Diagnostic::warning(Code::Macro, place, message);
            self.diagnostics
                .push(undefined.help(format!("did you mean `${near}`?")));
        }
    }
}
