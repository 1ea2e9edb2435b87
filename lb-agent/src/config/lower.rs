//! From the tree to drafts: each line is looked up in the table of its block, its words are
//! turned into values, and the values go where the table says.
//!
//! Here all remarks about single lines are made. What the lines mean together is the business of
//! [`super::resolve`].

mod address;
pub(super) mod checker;
pub(super) mod global;
pub(super) mod lvs;
mod remark;
pub(super) mod vrrp;

pub(super) use global::global_defs;
pub(super) use lvs::virtual_server;
pub(super) use vrrp::vrrp_instance;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::draft::ConfigDraft;
use super::keywords::{Argument, Field, Keyword, ROOT, Rule, Section, Words};
use super::lexer::Word;
use super::text::{Span, Spanned};
use super::tree::{Block, Node};
use super::value::{self, Expected};

/// Reads the whole tree, and frees each block of the top level once it is read.
pub(super) fn lower(tree: Vec<Node<'_>>, diagnostics: &mut Diagnostics) -> ConfigDraft {
    let mut draft = ConfigDraft::default();
    let mut lowering = Lowering { diagnostics };
    for node in tree {
        lowering.nodes(&ROOT, &mut draft, &[node]);
    }
    draft
}

/// What is at hand while lines are read.
pub(crate) struct Lowering<'d> {
    diagnostics: &'d mut Diagnostics,
}

impl Lowering<'_> {
    /// Reads the block of a line by its table.
    fn block<T>(&mut self, section: &'static Section<T>, draft: &mut T, node: &Node<'_>) {
        if let Some(block) = &node.block {
            self.nodes(section, draft, &block.nodes);
        }
    }

    fn nodes<T>(&mut self, section: &'static Section<T>, draft: &mut T, nodes: &[Node<'_>]) {
        for node in nodes {
            match section.find(&node.keyword.text) {
                Some(keyword) => self.keyword(section, keyword, draft, node),
                None => remark::unknown(section, node, self.diagnostics),
            }
        }
    }

    fn keyword<T>(
        &mut self,
        section: &'static Section<T>,
        keyword: &'static Keyword<T>,
        draft: &mut T,
        node: &Node<'_>,
    ) {
        match &keyword.rule {
            Rule::Done(argument) => self.argument(argument, draft, node),
            Rule::Accepted(why) => {
                remark::accepted(section.name, why, node, self.diagnostics);
            }
            Rule::Later(later) => remark::later(section.name, *later, node, self.diagnostics),
        }
    }

    fn argument<T>(&mut self, argument: &Argument<T>, draft: &mut T, node: &Node<'_>) {
        match argument {
            Argument::Flag(field) => self.flag(*field, draft, node),
            Argument::Byte(range, field) => {
                self.value(*field, draft, node, |text| value::integer(text, range));
            }
            Argument::Short(range, field) => {
                self.value(*field, draft, node, |text| value::integer(text, range));
            }
            Argument::Number(range, field) => {
                self.value(*field, draft, node, |text| value::integer(text, range));
            }
            Argument::Seconds(range, field) => {
                self.value(*field, draft, node, |text| value::seconds(text, range));
            }
            Argument::Text(field) => {
                self.value(*field, draft, node, |text| Ok(text.to_owned()));
            }
            Argument::Line(words, apply) => {
                if self.has_words(*words, node) {
                    self.refuse_block(node);
                    apply(draft, node, self);
                }
            }
            Argument::Block(words, apply) => {
                if self.has_block(node) && self.has_words(*words, node) {
                    apply(draft, node, self);
                }
            }
        }
    }

    fn flag<T>(&mut self, field: Field<T, bool>, draft: &mut T, node: &Node<'_>) {
        self.has_words(
            Words {
                syntax: "[on|off]",
                least: 0,
                most: 1,
            },
            node,
        );
        self.refuse_block(node);
        let value = match node.arguments.first() {
            None => Some(true),
            Some(word) => self.parse(word, value::switch),
        };
        if let Some(value) = value {
            *field(draft) = Some(Spanned {
                value,
                span: node.span(),
            });
        }
    }

    /// Reads the one word behind a keyword.
    fn value<T, V: PartialEq>(
        &mut self,
        field: Field<T, V>,
        draft: &mut T,
        node: &Node<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) {
        if !self.has_words(
            Words {
                syntax: "VALUE",
                least: 1,
                most: 1,
            },
            node,
        ) {
            return;
        }
        self.refuse_block(node);
        self.first(field(draft), node, parse);
    }

    /// Reads the first word behind a keyword; that it is there has been made sure of.
    fn first<V: PartialEq>(
        &mut self,
        field: &mut Option<Spanned<V>>,
        node: &Node<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) {
        if let Some(word) = node.arguments.first()
            && let Some(value) = self.parse(word, parse)
        {
            self.set(
                field,
                Spanned {
                    value,
                    span: node.span(),
                },
            );
        }
    }

    /// Sets a value; of two the last one counts, as with keepalived.
    fn set<V: PartialEq>(&mut self, field: &mut Option<Spanned<V>>, new: Spanned<V>) {
        if let Some(old) = field.as_ref().filter(|old| old.value != new.value) {
            let message = "the same setting stands here twice: the last one counts";
            let repeated = Diagnostic::warning(Code::Repeated, new.span, message)
                .related(old.span, "the first one");
            self.report(repeated);
        }
        *field = Some(new);
    }

    /// The value of a word, or a remark about it.
    fn parse<V>(
        &mut self,
        word: &Word<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) -> Option<V> {
        match parse(&word.text) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.report(remark::bad_value(word, &expected));
                None
            }
        }
    }

    /// Whether a line has as many words as it needs; surplus ones draw a warning.
    fn has_words(&mut self, words: Words, node: &Node<'_>) -> bool {
        if node.arguments.len() < words.least {
            let keyword = &node.keyword.text;
            let message = format!(
                "`{keyword}` is missing a parameter: `{keyword} {}`",
                words.syntax
            );
            self.report(Diagnostic::error(
                Code::MissingParameter,
                node.span(),
                message,
            ));
            return false;
        }
        if let Some(extra) = node.arguments.get(words.most) {
            let last = node.arguments.last().unwrap_or(extra);
            self.extra_words(extra.span.to(last.span));
        }
        true
    }

    fn extra_words(&mut self, span: Span) {
        let message = "nothing is expected here: the rest of the line is ignored";
        self.report(Diagnostic::warning(Code::ExtraWords, span, message));
    }

    fn has_block(&mut self, node: &Node<'_>) -> bool {
        if node.block.is_none() {
            let title = node.title();
            let message = format!("`{title}` needs a block: `{title} {{ … }}`; it is left out");
            self.report(Diagnostic::error(Code::BlockExpected, node.span(), message));
        }
        node.block.is_some()
    }

    fn refuse_block(&mut self, node: &Node<'_>) {
        if let Some(Block { open, .. }) = &node.block {
            let message = format!("`{}` has no block: this one is skipped", node.keyword.text);
            self.report(Diagnostic::warning(Code::BlockExpected, *open, message));
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

#[cfg(test)]
mod tests;
