//! The remarks about single lines: unknown words, keywords without effect, bad values.

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic, Diagnostics, Severity};
use crate::config::keywords::{Keyword, Section, TOP_LEVEL, homes};
use crate::config::lexer::Word;
use crate::config::suggest;
use crate::config::tree::Node;

/// A word that is no keyword of this block.
pub(super) fn unknown<T>(
    section: &'static Section<T>,
    node: &Node<'_>,
    diagnostics: &mut Diagnostics,
) {
    let word = &node.keyword;
    let kept = diagnostics.has_room(word.span.file, Severity::Warning);
    // Working out what was meant is dear; nobody reads it beyond the cap.
    let wanted = diagnostics.has_readers(word.span.file, Severity::Warning);
    diagnostics.push_once(section.name, &word.text, word.span, || {
        let homes = if kept { homes(&word.text) } else { Vec::new() };
        let skipped = if node.block.is_some() {
            "its block is skipped"
        } else {
            "it is ignored"
        };
        if homes.is_empty() {
            let message = format!("unknown keyword `{}`: {skipped}", short(&word.text));
            let help = if wanted {
                did_you_mean(section, node)
            } else {
                None
            };
            Diagnostic::warning(Code::UnknownKeyword, word.span, message).maybe_help(help)
        } else {
            let message = format!(
                "`{}` does not belong {}: {skipped}",
                word.text,
                place(section.name)
            );
            let places: Vec<String> = homes.into_iter().map(place).collect();
            let help = format!("it belongs {}", places.join(" or "));
            Diagnostic::warning(Code::Misplaced, word.span, message).help(help)
        }
    });
}

fn did_you_mean<T>(section: &'static Section<T>, node: &Node<'_>) -> Option<String> {
    let word = node.keyword.text.as_ref();
    let mangled = node
        .arguments
        .iter()
        .any(|next| section.find(&next.text).is_some());
    if word == "?" && mangled {
        return Some("a web page put `?` in the place of a blank: remove it".to_owned());
    }
    if is_placeholder(word) {
        return Some("this is a placeholder: put real lines here, or remove it".to_owned());
    }
    if let Some(next) = node.arguments.first() {
        let joined = format!("{word}_{}", next.text);
        if section.find(&joined).is_some() {
            return Some(format!("did you mean `{joined}`?"));
        }
    }
    let prefix = section
        .names()
        .filter(|name| name.len() > 4 && word.len() > name.len() && word.starts_with(name))
        .max_by_key(|name| name.len());
    if let Some((keyword, rest)) = prefix.and_then(|name| Some((name, word.strip_prefix(name)?)))
        && !rest.starts_with(|next: char| next == '_' || next.is_lowercase())
    {
        return Some(format!(
            "did you mean `{keyword} {rest}`? A blank seems to be missing"
        ));
    }
    suggest::nearest(word, section.names()).map(|name| format!("did you mean `{name}`?"))
}

impl Lowering<'_> {
    /// A keyword that has no effect by design.
    pub(super) fn accept<T>(
        &mut self,
        section: &'static str,
        keyword: &Keyword<T>,
        why: &str,
        node: &Node<'_>,
    ) {
        if self.without_effect > 0 || is_silent(keyword, node) {
            return;
        }
        let keyword = &node.keyword;
        self.diagnostics
            .push_once(section, &keyword.text, keyword.span, || {
                let message = format!("`{}` is accepted and has no effect: {why}", keyword.text);
                Diagnostic::notice(Code::Accepted, keyword.span, message)
            });
    }

    /// A keyword that is an error by design.
    pub(super) fn refuse(&mut self, section: &'static str, why: &str, node: &Node<'_>) {
        let keyword = &node.keyword;
        self.diagnostics
            .push_once(section, &keyword.text, keyword.span, || {
                let message = format!("`{}` is refused: {why}", keyword.text);
                Diagnostic::error(Code::NotSupported, keyword.span, message)
            });
    }

    /// An old word for a keyword.
    pub(super) fn old_word(&mut self, name: &str, node: &Node<'_>) {
        let old = &node.keyword;
        // Apart from what is said of the keyword itself.
        self.diagnostics
            .push_once("old words", &old.text, old.span, || {
                let message = format!("`{}` is an old word for `{name}`", old.text);
                let remark = Diagnostic::warning(Code::Deprecated, old.span, message);
                remark.help(format!("write `{name}`"))
            });
    }
}

/// Whether a line asks for what happens anyway.
fn is_silent<T>(keyword: &Keyword<T>, node: &Node<'_>) -> bool {
    let first = node.arguments.first();
    keyword.silent == first.map_or("", |word| word.text.as_ref())
}

/// A word that cannot be what it should.
pub(super) fn bad_value(word: &Word<'_>, expected: &str, consequence: &str) -> Diagnostic {
    let message = format!("`{}` is not {expected}: {consequence}", short(&word.text));
    let help = is_placeholder(&word.text)
        .then(|| "this is a placeholder: put a real value here".to_owned());
    Diagnostic::warning(Code::BadValue, word.span, message).maybe_help(help)
}

/// Whether a word stands for others in an example: `<NAME>`, `...`.
fn is_placeholder(word: &str) -> bool {
    word.starts_with('<') || (word.len() > 2 && word.chars().all(|one| matches!(one, '.' | '…')))
}

/// Where something stands, in a sentence.
fn place(section: &'static str) -> String {
    if section == TOP_LEVEL {
        "at the top level".to_owned()
    } else {
        format!("in `{section}`")
    }
}

/// A word of the file for a message: not a screenful.
pub(super) fn short(word: &str) -> String {
    const MOST: usize = 60;
    if word.chars().count() <= MOST {
        return word.to_owned();
    }
    word.chars().take(MOST).chain(['…']).collect()
}
