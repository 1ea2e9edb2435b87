//! Which keywords the file has in a block, and where.

use std::hash::Hasher as _;

use crate::config::hash::Fnv;
use crate::config::text::Span;
use crate::config::tree::Node;

/// A keyword whose block is one value of a list: the lines in it are none.
const VALUE: &str = "url";

/// The keywords of one block that stand in the file, each with the place of its last line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    settings: Vec<Setting>,
}

#[derive(Clone, Debug)]
struct Setting {
    keyword: &'static str,
    span: Span,
    /// Of the words behind the keyword.
    hash: u64,
    /// The lines that say it, the lines in their blocks, and the values of the list that were taken:
    /// kept only for who has it explained.
    lines: Vec<Span>,
    block: Vec<(Span, usize)>,
    items: Vec<Span>,
}

impl Given {
    /// Where a keyword stands, by its first name.
    pub(crate) fn span(&self, keyword: &str) -> Option<Span> {
        let found = self.settings.iter().find(|set| set.keyword == keyword);
        found.map(|set| set.span)
    }

    /// The lines of a list of `count` values: those of the values that were taken; where these were not
    /// told, those of the block, if there are as many lines or words in it, or those of the keyword
    /// itself. `None` where none of this is so.
    pub(crate) fn lines(&self, keyword: &str, count: usize) -> Option<Vec<Span>> {
        let found = self.settings.iter().find(|set| set.keyword == keyword)?;
        if !found.items.is_empty() {
            return Some(found.items.clone()).filter(|items| items.len() == count);
        }
        let block = &found.block;
        if block.len() == count {
            return Some(block.iter().map(|(line, _)| *line).collect());
        }
        let words = block.iter().map(|(_, words)| *words);
        if words.sum::<usize>() == count {
            let each = block.iter();
            let each = each.flat_map(|(line, words)| std::iter::repeat_n(*line, *words));
            return Some(each.collect());
        }
        match found.lines.as_slice() {
            lines if lines.len() == count => Some(lines.to_vec()),
            [line] if found.block.is_empty() => Some(vec![*line; count]),
            _ => None,
        }
    }

    /// Keeps the lines of a list, and the places of the values that were taken from this one, for
    /// [`Self::lines`].
    pub(crate) fn note_lines(&mut self, keyword: &str, node: &Node<'_>, taken: &[Span]) {
        let found = self.settings.iter_mut().find(|set| set.keyword == keyword);
        if let Some(setting) = found {
            setting.items.extend(taken);
            setting.lines.push(node.span());
            let block = node.block.iter().filter(|_| keyword != VALUE);
            let lines = block.flat_map(|block| &block.nodes);
            let lines = lines.map(|line| (line.span(), 1 + line.arguments.len()));
            setting.block.extend(lines);
        }
    }

    /// Forgets everything but the room it takes.
    pub(crate) fn clear(&mut self) {
        self.settings.clear();
    }

    /// Notes a line; the place of an earlier one that says something else.
    pub(crate) fn note(&mut self, keyword: &'static str, node: &Node<'_>) -> Option<Span> {
        let mut hasher = Fnv::default();
        for word in &node.arguments {
            hasher.write(word.text.as_bytes());
            // No text has this byte.
            hasher.write_u8(0xff);
        }
        let setting = Setting {
            keyword,
            span: node.span(),
            hash: hasher.finish(),
            lines: Vec::new(),
            block: Vec::new(),
            items: Vec::new(),
        };
        let earlier = self.settings.iter_mut().find(|set| set.keyword == keyword);
        let Some(earlier) = earlier else {
            self.settings.push(setting);
            return None;
        };
        let (hash, span) = (earlier.hash, earlier.span);
        (earlier.hash, earlier.span) = (setting.hash, setting.span);
        (hash != setting.hash).then_some(span)
    }
}
