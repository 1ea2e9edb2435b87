//! The words behind a keyword, turned into its value.

use super::{Lowering, remark};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::Named;
use crate::config::keywords::{Argument, Section, Set, Words};
use crate::config::lexer::Word;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

impl Lowering<'_> {
    pub(super) fn argument<T>(&mut self, argument: &Argument<T>, draft: &mut T, node: &Node<'_>) {
        if argument.is_one_word() && node.arguments.is_empty() {
            return self.missing(&argument.syntax(), node);
        }
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
                if let Some(word) = self.one_word(syntax, node)
                    && self.parse(word, |text| read(draft, text, span)).is_some()
                {
                    self.surplus(one(syntax), node, self.bad_values);
                }
            }
            Argument::Line(words, apply) => {
                if self.has_words(*words, node) {
                    self.refuse_block(node);
                    let before = self.bad_values;
                    apply(draft, node, self);
                    self.surplus(*words, node, before);
                }
            }
            Argument::Block(words, apply) => {
                if self.has_block(node) && self.has_words(*words, node) {
                    self.surplus(*words, node, self.bad_values);
                    apply(draft, node, self);
                }
            }
            Argument::Unread(_) => {}
        }
    }

    fn flag<T>(&mut self, set: Set<T, bool>, draft: &mut T, node: &Node<'_>) {
        self.refuse_block(node);
        let value = match node.arguments.first() {
            None => Some(true),
            Some(word) => self.parse(word, value::switch),
        };
        if let Some(value) = value {
            let switch = Words {
                syntax: "[on|off]",
                least: 0,
                most: 1,
            };
            self.surplus(switch, node, self.bad_values);
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
    pub(super) fn value<T, V>(
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
            self.surplus(one("VALUE"), node, self.bad_values);
            set(draft, Spanned { value, span });
        }
    }

    pub(super) fn one_word<'n, 's>(
        &mut self,
        syntax: &'static str,
        node: &'n Node<'s>,
    ) -> Option<&'n Word<'s>> {
        if !self.has_words(one(syntax), node) {
            return None;
        }
        self.refuse_block(node);
        node.arguments.first()
    }

    /// Reads the first word behind a keyword; that it is there has been made sure of.
    pub(super) fn first<V>(
        &mut self,
        node: &Node<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) -> Option<Spanned<V>> {
        let value = self.parse(node.arguments.first()?, parse)?;
        let span = node.span();
        Some(Spanned { value, span })
    }

    /// Reads all words behind a keyword; one that cannot be read makes the line be ignored.
    pub(super) fn all<V>(
        &mut self,
        node: &Node<'_>,
        parse: impl Fn(&str) -> Result<V, Expected>,
    ) -> Option<Vec<V>> {
        let words = node.arguments.iter();
        words.map(|word| self.parse(word, &parse)).collect()
    }

    /// Reads each word behind a keyword, without those that cannot be read.
    pub(super) fn each<V>(
        &mut self,
        node: &Node<'_>,
        parse: impl Fn(&str) -> Result<V, Expected>,
    ) -> Vec<V> {
        self.left_out = Some("it is left out".to_owned());
        let words = node.arguments.iter();
        let values = words.filter_map(|word| self.parse(word, &parse)).collect();
        self.left_out = None;
        values
    }

    /// Reads a block with a name.
    pub(super) fn named<T>(
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

    /// The value of a word that no log may show, or a remark about it.
    pub(super) fn parse_secret<V>(
        &mut self,
        word: &Word<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) -> Option<V> {
        let hidden = Word {
            text: "***".into(),
            ..word.clone()
        };
        self.parse(&hidden, |_| parse(&word.text))
    }

    /// The value of a word, or a remark about it.
    pub(super) fn parse<V>(
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
}

const fn one(syntax: &'static str) -> Words {
    Words {
        syntax,
        least: 1,
        most: 1,
    }
}
