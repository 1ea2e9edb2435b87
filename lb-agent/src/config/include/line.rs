//! One `include` line: its keyword, its pattern, and the files that match.

use std::path::{Path, PathBuf};

use super::{Reader, braces};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::expand;
use crate::config::keywords::Strictness;
use crate::config::lexer::{after_blanks, comment, is_blank, words_of_line};
use crate::config::text::{Span, length};

const INCLUDE_CHECK: &str = "include_check";

impl Reader<'_> {
    /// Reads all that one line includes.
    pub(super) fn include_line(&mut self, place: Span, line: &str) {
        let expanded = self.expand(place, line);
        let mut words = match &expanded {
            None => words_of_line(place, line, self.diagnostics),
            Some(text) => words_of_line(place, text, self.diagnostics),
        };
        if expanded.is_some() {
            // Words that variables have made stand where the line does.
            let code = line.get(..comment(line)).unwrap_or(line);
            let end = place.start + length(code.trim_end());
            let span = Span { end, ..place };
            for word in &mut words {
                word.span = span;
            }
        }
        let mut words = words.iter();
        let Some((keyword, strictness)) = words
            .next()
            .and_then(|word| Some((word, Strictness::of(&word.text, self.strictness)?)))
        else {
            return;
        };
        let Some(pattern) = words.next() else {
            let message = format!("`{}` needs the name of a file or a pattern", keyword.text);
            let missing = Diagnostic::warning(Code::MissingParameter, keyword.span, message);
            return self.diagnostics.push(missing);
        };
        if let Some(extra) = words.next() {
            let message = "only one pattern is read from an include line";
            self.diagnostics
                .push(Diagnostic::warning(Code::ExtraWords, extra.span, message));
        }
        let Some(alternatives) = braces::expand(&pattern.text) else {
            let message = format!("`{}` stands for too many patterns", pattern.text);
            let too_many = Diagnostic::error(Code::BadValue, pattern.span, message);
            return self.diagnostics.push(too_many);
        };
        let found = self.found(&pattern.text, &alternatives, pattern.span, strictness);
        for path in found {
            self.included_file(path, pattern.span, strictness);
        }
    }

    /// The files that the alternatives of a pattern stand for, and a remark where there are none.
    fn found(
        &mut self,
        pattern: &str,
        alternatives: &[String],
        span: Span,
        strictness: Strictness,
    ) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for alternative in alternatives {
            let matches = self.matches(alternative, span);
            if matches.is_empty() {
                missing.push(alternative.as_str());
            }
            found.extend(matches);
        }
        if missing.is_empty() {
            return found;
        }
        if alternatives.len() == 1 {
            let insists = if has_wildcards(pattern) {
                strictness.wildcards
            } else {
                strictness.matching || strictness.wildcards
            };
            self.no_match(pattern, span, insists);
        } else if found.is_empty() {
            self.no_match(pattern, span, strictness.braces);
        } else {
            for alternative in missing.into_iter().filter(|name| !has_wildcards(name)) {
                self.no_match(alternative, span, strictness.braces);
            }
        }
        found
    }

    /// `include_check WORD …`, if that is what a line of `global_defs` is: what include lines insist
    /// on from here to the end of the file, and in the files that it includes. Words without a sign
    /// take the place of what held before.
    pub(super) fn include_check(&mut self, line: &str) {
        if !line.contains(INCLUDE_CHECK) {
            return;
        }
        let held = expand::held(line, &self.environment.config_id);
        let Some(line) = held.filter(|line| is_include_check(line)) else {
            return;
        };
        let words = line.split(|character| is_blank(character) || matches!(character, '#' | '!'));
        let words = words.filter(|word| !word.is_empty()).skip(1);
        let words: Vec<&str> = words.collect();
        match words.first() {
            None => return self.strictness = Strictness::ALL,
            Some(first) if first.starts_with(['+', '-']) => {}
            Some(_) => self.strictness = Strictness::default(),
        }
        for word in words {
            let wanted = !word.starts_with('-');
            let word = word.strip_prefix(['+', '-']).unwrap_or(word);
            // What else stands there is said where the keyword itself is read.
            if let Some(check) = self.strictness.named(word) {
                *check = wanted;
            }
        }
    }

    /// Matches relative to the directory of the including file.
    fn matches(&mut self, pattern: &str, span: Span) -> Vec<PathBuf> {
        let directory = self.chain.last().and_then(|(path, _)| path.parent());
        let joined = match directory {
            Some(dir) if !Path::new(pattern).is_absolute() && !dir.as_os_str().is_empty() => {
                // The directory is taken literally: it may hold `[` or `*` itself.
                let dir = glob::Pattern::escape(&dir.to_string_lossy());
                format!("{dir}/{pattern}")
            }
            Some(_) | None => pattern.to_owned(),
        };
        match self.source.matches(&single_stars(&joined)) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format!("`{pattern}` is not a pattern for file names: {error}");
                let bad = Diagnostic::warning(Code::CannotInclude, span, message);
                self.diagnostics.push(bad);
                Vec::new()
            }
        }
    }

    fn no_match(&mut self, pattern: &str, span: Span, insists: bool) {
        let wildcards = has_wildcards(pattern);
        let message = if wildcards {
            format!("no file matches `{pattern}`")
        } else {
            format!("there is no file `{pattern}`")
        };
        self.diagnostics.push(if insists {
            Diagnostic::error(Code::StrictInclude, span, message)
        } else if wildcards {
            Diagnostic::notice(Code::NoMatch, span, message)
        } else {
            Diagnostic::warning(Code::NoMatch, span, message)
        });
    }
}

fn has_wildcards(pattern: &str) -> bool {
    pattern.contains(['*', '?', '['])
}

/// Whether the first word of a line is `include_check`.
fn is_include_check(line: &str) -> bool {
    let behind = after_blanks(line).strip_prefix(INCLUDE_CHECK);
    behind.is_some_and(|behind| behind.chars().next().is_none_or(is_blank))
}

/// Whether the first word of a line is of the include family.
pub(super) fn is_include(line: &str) -> bool {
    let line = after_blanks(line);
    line.starts_with("include")
        && line
            .split(|character| character == '"' || is_blank(character))
            .next()
            .is_some_and(|word| Strictness::of(word, Strictness::default()).is_some())
}

/// glob(3) knows no `**`: two stars are one.
fn single_stars(pattern: &str) -> String {
    let mut single = String::with_capacity(pattern.len());
    for character in pattern.chars() {
        if character != '*' || !single.ends_with('*') {
            single.push(character);
        }
    }
    single
}
