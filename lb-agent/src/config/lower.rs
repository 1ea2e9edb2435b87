//! From the tree to drafts: each line is looked up in the table of its block, its words are
//! turned into values, and the values go where the table says.
//!
//! Here all remarks about single lines are made. What the lines mean together is the business of
//! [`super::resolve`].

pub(super) mod address;
pub(super) mod checker;
pub(super) mod global;
pub(super) mod group;
pub(super) mod later_checker;
pub(super) mod lvs;
mod options;
mod remark;
mod root;
pub(super) mod route;
pub(super) mod rule;
pub(super) mod script;
pub(super) mod telling;
pub(super) mod tracking;
pub(super) mod vrrp;

pub(super) use address::static_ipaddress;
pub(super) use global::global_defs;
pub(super) use group::{garp_group, track_group, virtual_server_group, vrrp_sync_group};
pub(super) use lvs::virtual_server;
pub(super) use root::{include_check, interface_up_down_delays, linkbeat_interfaces, ssl};
pub(super) use route::static_routes;
pub(super) use rule::static_rules;
pub(super) use script::{bfd_instance, track_file, vrrp_script, vrrp_track_process};
pub(super) use vrrp::vrrp_instance;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::draft::{ConfigDraft, Given, Named};
use super::keywords::{Argument, Keyword, ROOT, Section, Set, Status, Words};
use super::lexer::Word;
use super::text::{Span, Spanned};
use super::tree::{Block, Node, Tree};
use super::value::{self, Expected};

/// Reads the whole tree, block by block of the top level.
///
/// What is said of single servers is remembered only for who has it `explained`: there are many.
pub(super) fn lower(mut tree: Tree<'_, '_, '_>, explained: bool) -> ConfigDraft {
    let mut draft = ConfigDraft::default();
    let mut given = Given::default();
    while let Some(node) = tree.next_root() {
        let mut lowering = Lowering {
            diagnostics: tree.diagnostics(),
            without_effect: 0,
            bad_values: 0,
            left_out: None,
            explained,
        };
        lowering.nodes(&ROOT, &mut draft, &[node], &mut given);
    }
    draft
}

/// What is at hand while lines are read.
pub(crate) struct Lowering<'d> {
    diagnostics: &'d mut Diagnostics,
    /// How many of the blocks around have no effect yet: of what is in them that was said once.
    without_effect: usize,
    /// Words so far that could not be read.
    bad_values: usize,
    /// What happens to a line with such a word, if not that it is ignored.
    left_out: Option<String>,
    explained: bool,
}

impl Lowering<'_> {
    /// Reads the block of a line by its table.
    fn block<T>(&mut self, section: &'static Section<T>, draft: &mut T, node: &Node<'_>) -> Given {
        let mut given = Given::default();
        self.more(section, draft, node, &mut given);
        given
    }

    /// The same for a block of which there are many.
    fn block_of_many<T>(
        &mut self,
        section: &'static Section<T>,
        draft: &mut T,
        node: &Node<'_>,
    ) -> Given {
        let given = self.block(section, draft, node);
        if self.explained {
            given
        } else {
            Given::default()
        }
    }

    /// The same for one of several blocks that count as one.
    fn more<T>(
        &mut self,
        section: &'static Section<T>,
        draft: &mut T,
        node: &Node<'_>,
        given: &mut Given,
    ) {
        if let Some(block) = &node.block {
            self.nodes(section, draft, &block.nodes, given);
        }
    }

    fn nodes<T>(
        &mut self,
        section: &'static Section<T>,
        draft: &mut T,
        nodes: &[Node<'_>],
        given: &mut Given,
    ) {
        for node in nodes {
            let Some(keyword) = section.find(&node.keyword.text) else {
                remark::unknown(section, node, self.diagnostics);
                continue;
            };
            let before = self.bad_values;
            self.keyword(section.name, keyword, draft, node);
            if self.bad_values == before
                && let Some(first) = given.note(keyword.name, node)
                && !keyword.many
            {
                let message = "the same setting stands here twice: the last one counts";
                let repeated = Diagnostic::warning(Code::Repeated, node.span(), message);
                self.report(repeated.related(first, "the first one"));
            }
        }
    }

    /// Reads one line, or one option with its words, and says what has no effect.
    fn keyword<T>(
        &mut self,
        section: &'static str,
        keyword: &'static Keyword<T>,
        draft: &mut T,
        node: &Node<'_>,
    ) {
        match keyword.status {
            Status::Done => return self.argument(&keyword.argument, draft, node),
            Status::Refused(why) => self.refuse(section, why, node),
            Status::Accepted(why) => self.accept(section, keyword, why, node),
            Status::Later(consequence) => self.later(section, keyword, consequence, node),
        }
        self.without_effect += 1;
        self.argument(&keyword.argument, draft, node);
        self.without_effect -= 1;
    }

    fn argument<T>(&mut self, argument: &Argument<T>, draft: &mut T, node: &Node<'_>) {
        match argument {
            Argument::Flag(set) => self.flag(*set, draft, node),
            Argument::Bare(set) => self.bare(*set, draft, node),
            Argument::Byte(range, set) => {
                self.value(*set, draft, node, |text| value::integer(text, range));
            }
            Argument::Short(range, set) => {
                self.value(*set, draft, node, |text| value::integer(text, range));
            }
            Argument::Number(range, set) => {
                self.value(*set, draft, node, |text| value::integer(text, range));
            }
            Argument::Signed(range, set) => {
                self.value(*set, draft, node, |text| value::signed(text, range));
            }
            Argument::Seconds(range, set) => {
                self.value(*set, draft, node, |text| value::seconds(text, range));
            }
            Argument::Units(unit, range, set) => {
                self.value(*set, draft, node, |text| {
                    value::integer(text, range).map(|count| unit.times(count))
                });
            }
            Argument::Text(_, set) => {
                self.value(*set, draft, node, |text| Ok(text.to_owned()));
            }
            Argument::Word(syntax, read) => {
                let span = node.span();
                if let Some(word) = self.one_word(syntax, node) {
                    self.parse(word, |text| read(draft, text, span));
                }
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
            Argument::Unread(_) => {}
        }
    }

    fn flag<T>(&mut self, set: Set<T, bool>, draft: &mut T, node: &Node<'_>) {
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
            let span = node.span();
            set(draft, Spanned { value, span });
        }
    }

    fn bare<T>(&mut self, set: Set<T, bool>, draft: &mut T, node: &Node<'_>) {
        self.refuse_block(node);
        let switch = node.arguments.first();
        let switch = switch.and_then(|word| Some((word, value::switch(&word.text).ok()?)));
        let extra = usize::from(switch.is_some());
        if let (Some(first), Some(last)) = (node.arguments.get(extra), node.arguments.last()) {
            self.extra_words(first.span.to(last.span));
        }
        if let Some((word, false)) = switch {
            let keyword = &node.keyword.text;
            let message = format!(
                "`{keyword}` is switched off here; keepalived reads no switch behind it and \
                 switches it on"
            );
            let differs = Diagnostic::warning(Code::Surprising, word.span, message);
            self.report(differs.help("leave the line out: that is off for both"));
        }
        let value = switch.is_none_or(|(_, switch)| switch);
        let span = node.span();
        set(draft, Spanned { value, span });
    }

    /// Reads the one word behind a keyword.
    fn value<T, V>(
        &mut self,
        set: Set<T, V>,
        draft: &mut T,
        node: &Node<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) {
        let span = node.span();
        if let Some(word) = self.one_word("VALUE", node)
            && let Some(value) = self.parse(word, parse)
        {
            set(draft, Spanned { value, span });
        }
    }

    fn one_word<'n, 's>(
        &mut self,
        syntax: &'static str,
        node: &'n Node<'s>,
    ) -> Option<&'n Word<'s>> {
        let one = Words {
            syntax,
            least: 1,
            most: 1,
        };
        if !self.has_words(one, node) {
            return None;
        }
        self.refuse_block(node);
        node.arguments.first()
    }

    /// Reads the first word behind a keyword; that it is there has been made sure of.
    fn first<V>(
        &mut self,
        node: &Node<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) -> Option<Spanned<V>> {
        let value = self.parse(node.arguments.first()?, parse)?;
        let span = node.span();
        Some(Spanned { value, span })
    }

    /// Reads a block with a name.
    fn named<T>(
        &mut self,
        section: &'static Section<T>,
        mut value: T,
        node: &Node<'_>,
    ) -> Option<Named<T>> {
        let name = node.arguments.first()?;
        let name = Spanned {
            value: name.text.clone().into_owned(),
            span: name.span,
        };
        let given = self.block(section, &mut value, node);
        Some(Named {
            name,
            span: node.span(),
            given,
            value,
        })
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
                let consequence = self.left_out.as_deref().unwrap_or("the line is ignored");
                let bad = remark::bad_value(word, &expected, consequence);
                self.bad_values += 1;
                self.report(bad);
                None
            }
        }
    }

    /// Whether a line has as many words as it needs; surplus ones draw a warning.
    fn has_words(&mut self, words: Words, node: &Node<'_>) -> bool {
        if node.arguments.len() < words.least {
            self.bad_values += 1;
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
