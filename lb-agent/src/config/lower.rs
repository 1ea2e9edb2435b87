//! From the tree to drafts: each line is looked up in the table of its block, its words are
//! turned into values, and the values go where the table says.
//!
//! Here all remarks about single lines are made. What the lines mean together is the business of
//! [`super::resolve`].

pub(super) mod address;
mod argument;
pub(super) mod checker;
pub(super) mod global;
pub(super) mod group;
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
pub(super) use root::{interface_up_down_delays, linkbeat_interfaces, ssl};
pub(super) use route::static_routes;
pub(super) use rule::static_rules;
pub(super) use script::{bfd_instance, track_file, vrrp_script, vrrp_track_process};
pub(super) use vrrp::vrrp_instance;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::draft::{ConfigDraft, Given};
use super::keywords::{Keyword, ROOT, Section, Status, Words};
use super::mention::Mentions;
use super::text::Span;
use super::tree::{Block, Node, Tree};

/// Reads the whole tree, block by block of the top level.
///
/// What is said of single servers is remembered only for who has it `explained`: there are many.
pub(super) fn lower(mut tree: Tree<'_, '_, '_>, explained: bool) -> (ConfigDraft, Mentions) {
    let mut draft = ConfigDraft::default();
    let mut mentions = Mentions::default();
    let mut given = Given::default();
    let mut spare = Vec::new();
    while let Some(node) = tree.next_root() {
        let mut lowering = Lowering {
            diagnostics: tree.diagnostics(),
            mentions: &mut mentions,
            without_effect: 0,
            bad_values: 0,
            stops: true,
            left_out: None,
            explained,
            taken: Vec::new(),
            spare: std::mem::take(&mut spare),
        };
        lowering.nodes(&ROOT, &mut draft, &[node], &mut given);
        spare = lowering.spare;
    }
    draft.given = given;
    (draft, mentions)
}

/// What is at hand while lines are read.
pub(crate) struct Lowering<'d> {
    diagnostics: &'d mut Diagnostics,
    mentions: &'d mut Mentions,
    /// How many of the blocks around have no effect yet: of what is in them that was said once.
    without_effect: usize,
    /// Words so far that could not be read.
    bad_values: usize,
    /// Whether nothing can run without the words of the keyword that is read now.
    stops: bool,
    /// What happens to a line with such a word, if not that it is ignored.
    left_out: Option<String>,
    explained: bool,
    /// The places of the values that the list which is read now has got.
    taken: Vec<Span>,
    /// Lists that were needed for one block only, for the next ones.
    spare: Vec<Given>,
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
        let mut given = self.spare.pop().unwrap_or_default();
        self.more(section, draft, node, &mut given);
        if self.explained {
            return given;
        }
        given.clear();
        self.spare.push(given);
        Given::default()
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
            let outer = std::mem::take(&mut self.taken);
            self.keyword(section.name, keyword, draft, node);
            let taken = std::mem::replace(&mut self.taken, outer);
            // What is left of a list counts.
            if self.bad_values != before && taken.is_empty() {
                continue;
            }
            let first = given.note(keyword.name, node);
            if self.explained {
                given.note_lines(keyword.name, node, &taken);
            }
            if let Some(first) = first
                && !keyword.many
            {
                let message = "the same setting stands here twice: the last one counts";
                let repeated = Diagnostic::warning(Code::Repeated, node.span(), message);
                self.report(repeated.related(first, "the first one"));
            }
        }
    }

    /// Notes that the list which is read now has a value from there.
    fn take(&mut self, value: Span) {
        self.taken.push(value);
    }

    /// Reads one line, or one option with its words, and says what has no effect.
    fn keyword<T>(
        &mut self,
        section: &'static str,
        keyword: &'static Keyword<T>,
        draft: &mut T,
        node: &Node<'_>,
    ) {
        if let (Some(named), Some(word)) = (keyword.argument.names(), node.arguments.first()) {
            self.mentions.note(named, (section, keyword.name), word);
        }
        self.stops = keyword.stops;
        if keyword.is_renamed && node.keyword.text != keyword.name {
            self.old_word(keyword.name, node);
        }
        match keyword.status {
            Status::Done => return self.argument(&keyword.argument, draft, node),
            Status::Refused(why) => self.refuse(section, why, node),
            Status::Accepted(why) => self.accept(section, keyword, why, node),
        }
        self.without_effect += 1;
        self.argument(&keyword.argument, draft, node);
        self.without_effect -= 1;
    }

    /// Whether a line has as many words as it needs.
    fn has_words(&mut self, words: Words, node: &Node<'_>) -> bool {
        if node.arguments.len() < words.least {
            self.missing(words.syntax, node);
            return false;
        }
        true
    }

    fn missing(&mut self, syntax: &str, node: &Node<'_>) {
        self.bad_values += 1;
        let keyword = &node.keyword.text;
        let mut message = format!("`{keyword}` is missing a parameter: `{keyword} {syntax}`");
        let span = node.span();
        self.report(if self.stops {
            Diagnostic::error(Code::MissingParameter, span, message)
        } else {
            message.push_str("; the line is ignored");
            Diagnostic::warning(Code::MissingParameter, span, message)
        });
    }

    /// What is read, unless one of its words cannot be: then the line is ignored, as it was said.
    fn whole<V>(&mut self, read: impl FnOnce(&mut Self) -> V) -> Option<V> {
        let before = self.bad_values;
        let value = read(self);
        (self.bad_values == before).then_some(value)
    }

    /// Surplus words draw a warning. One mistake of a line is enough: when a word before them could
    /// not be read, that was said.
    fn surplus(&mut self, words: Words, node: &Node<'_>, bad_values_before: usize) {
        if self.bad_values == bad_values_before
            && let Some(extra) = node.arguments.get(words.most)
        {
            let last = node.arguments.last().unwrap_or(extra);
            self.extra_words(extra.span.to(last.span));
        }
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
