//! Words of a line that are options: `dev eth0 scope link`.

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::keywords::{Argument, Keyword, Section};
use crate::config::lexer::Word;
use crate::config::suggest;
use crate::config::tree::Node;

/// What is said about an option that cannot be read: it ends the line's being used.
pub(super) struct Unusable;

impl Lowering<'_> {
    /// Reads options by their table. What is `left_out` when one of them has no value: half a
    /// line could do something else than the whole one. A word that is no option is passed to
    /// `other` first.
    pub(super) fn options<T>(
        &mut self,
        section: &'static Section<T>,
        draft: &mut T,
        words: &[Word<'_>],
        left_out: &str,
        mut other: impl FnMut(&mut T, &Word<'_>) -> bool,
    ) -> Result<(), Unusable> {
        let mut rest = words;
        while let Some((word, behind)) = rest.split_first() {
            let Some(keyword) = section.find(&word.text) else {
                if !other(draft, word) {
                    self.unknown_option(section, word);
                }
                rest = behind;
                continue;
            };
            let taken = taken(section, keyword, behind);
            let (arguments, behind) = behind.split_at_checked(taken).unwrap_or((behind, &[]));
            rest = behind;
            self.option(section.name, keyword, draft, (word, arguments), left_out)?;
        }
        Ok(())
    }

    fn option<T>(
        &mut self,
        section: &'static str,
        keyword: &'static Keyword<T>,
        draft: &mut T,
        (word, arguments): (&Word<'_>, &[Word<'_>]),
        left_out: &str,
    ) -> Result<(), Unusable> {
        let node = Node {
            keyword: word.clone(),
            arguments: arguments.into(),
            block: None,
        };
        if keyword.argument.is_one_word() && arguments.is_empty() {
            let message = format!("`{}` is missing its value: {left_out}", word.text);
            self.report(Diagnostic::warning(Code::BadValue, word.span, message));
            return Err(Unusable);
        }
        let before = self.bad_values;
        self.left_out = Some(left_out.to_owned());
        self.keyword(section, keyword, draft, &node);
        self.left_out = None;
        if self.bad_values > before {
            return Err(Unusable);
        }
        Ok(())
    }

    fn unknown_option<T>(&mut self, section: &'static Section<T>, word: &Word<'_>) {
        let help = suggest::nearest(&word.text, section.names());
        let message = format!(
            "`{}` is no option of {}: it is ignored",
            super::remark::short(&word.text),
            section.name
        );
        let unknown = Diagnostic::warning(Code::UnknownKeyword, word.span, message);
        self.report(unknown.maybe_help(help.map(|name| format!("did you mean `{name}`?"))));
    }
}

/// How many of the words behind an option belong to it.
fn taken<T>(
    section: &'static Section<T>,
    keyword: &'static Keyword<T>,
    behind: &[Word<'_>],
) -> usize {
    match &keyword.argument {
        Argument::Flag(_) | Argument::Bare(_) | Argument::Block(..) => 0,
        Argument::Line(words, _) => {
            // One that may come again ends where it does; others at the next option.
            let first = behind.first().map_or("", |first| &*first.text);
            let ends = |word: &Word<'_>| {
                let next = section.find(&word.text);
                let ends = next.is_some_and(|next| !keyword.many || next.name == keyword.name);
                ends && !(keyword.owns)(first, &word.text)
            };
            let up_to = behind.iter().position(ends).unwrap_or(behind.len());
            up_to.min(words.most)
        }
        Argument::Byte(..)
        | Argument::Short(..)
        | Argument::Number(..)
        | Argument::Signed(..)
        | Argument::Seconds(..)
        | Argument::Units(..)
        | Argument::Text(..)
        | Argument::Word(..)
        | Argument::Unread(_) => usize::from(!behind.is_empty()),
    }
}
