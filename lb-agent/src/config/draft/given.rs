//! Which keywords the file has in a block, and where.

use std::hash::Hasher as _;

use crate::config::hash::Fnv;
use crate::config::text::Span;
use crate::config::tree::Node;

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
}

impl Given {
    /// Where a keyword stands, by its first name.
    pub(crate) fn span(&self, keyword: &str) -> Option<Span> {
        let found = self.settings.iter().find(|set| set.keyword == keyword);
        found.map(|set| set.span)
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
        };
        let earlier = self.settings.iter_mut().find(|set| set.keyword == keyword);
        let Some(earlier) = earlier else {
            self.settings.push(setting);
            return None;
        };
        let earlier = std::mem::replace(earlier, setting.clone());
        (earlier.hash != setting.hash).then_some(earlier.span)
    }
}
