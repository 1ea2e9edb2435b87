//! The tables of one block, and finding a keyword in them.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::OnceLock;

use super::{Argument, Keyword, Status};
use crate::config::hash::Fnv;

/// The keywords of one block, or the options of one line.
pub(crate) struct Section<T: 'static> {
    /// The keyword of the block, as people say it.
    pub(crate) name: &'static str,
    /// What its keywords are.
    pub(crate) kind: Kind,
    tables: &'static [&'static [Keyword<T>]],
    index: OnceLock<Index<T>>,
}

type Index<T> = HashMap<&'static str, &'static Keyword<T>, BuildHasherDefault<Fnv>>;

/// What the keywords of a section are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Lines of a block.
    Block,
    /// Words of a line: for these a flag has no argument.
    Options,
    /// Lines of every block.
    Everywhere,
}

impl<T> Section<T> {
    pub(super) const fn new(name: &'static str, tables: &'static [&'static [Keyword<T>]]) -> Self {
        Self::of_kind(Kind::Block, name, tables)
    }

    pub(super) const fn options(
        name: &'static str,
        tables: &'static [&'static [Keyword<T>]],
    ) -> Self {
        Self::of_kind(Kind::Options, name, tables)
    }

    pub(super) const fn of_kind(
        kind: Kind,
        name: &'static str,
        tables: &'static [&'static [Keyword<T>]],
    ) -> Self {
        Self {
            name,
            kind,
            tables,
            index: OnceLock::new(),
        }
    }

    /// A keyword by its name or another of its names.
    pub(crate) fn find(&'static self, name: &str) -> Option<&'static Keyword<T>> {
        let index = self.index.get_or_init(|| {
            let keywords = self.keywords();
            keywords
                .flat_map(|keyword| keyword.names().map(move |name| (name, keyword)))
                .collect()
        });
        index.get(name).copied()
    }

    /// All of them.
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &'static Keyword<T>> + use<T> {
        self.tables.iter().flat_map(|table| table.iter())
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + use<T> {
        self.keywords().flat_map(Keyword::names)
    }
}

impl<T> Keyword<T> {
    fn names(&self) -> impl Iterator<Item = &'static str> + use<T> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// What stands behind its name, as one writes it.
    pub(crate) fn syntax(&self) -> String {
        self.argument.syntax()
    }

    /// An example that differs from the default: what stands behind the name.
    pub(crate) fn example_words(&self) -> String {
        if !self.example.is_empty() {
            return self.example.to_owned();
        }
        match &self.argument {
            Argument::Flag(_) | Argument::Bare(_) | Argument::Line(..) | Argument::Unread(_) => {
                String::new()
            }
            Argument::Byte(range, _) => range.end().min(&77).to_string(),
            Argument::Short(range, _) => range.end().min(&77).to_string(),
            Argument::Number(range, _) => range.end().min(&77).to_string(),
            Argument::Signed(range, _) => range.end().min(&77).to_string(),
            Argument::Units(_, range, _) => range.end().min(&77_000).to_string(),
            Argument::Seconds(range, _) => range.end().as_secs().min(77).to_string(),
            Argument::Text(..) | Argument::Word(..) => "seven".to_owned(),
            Argument::Block(..) => "{\n}".to_owned(),
        }
    }
}

/// A keyword without the type of its draft: for documentation and for tests.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) syntax: String,
    pub(crate) default: &'static str,
    pub(crate) since: &'static str,
    pub(crate) status: Status,
    /// What stands behind the name in an example.
    pub(crate) example: String,
    /// Whether what stands behind the name goes into the model.
    pub(crate) is_read: bool,
}

/// A section without the type of its draft.
pub(crate) trait AnySection: Sync {
    /// Its name.
    fn name(&self) -> &'static str;
    /// What its keywords are.
    fn kind(&self) -> Kind;
    /// Its keywords.
    fn rows(&self) -> Vec<Row>;
    /// Whether it has a keyword of this name.
    fn knows(&self, name: &str) -> bool;
}

impl<T> AnySection for Section<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn rows(&self) -> Vec<Row> {
        let row = |keyword: &Keyword<T>| Row {
            name: keyword.name,
            aliases: keyword.aliases,
            syntax: match (self.kind, &keyword.argument) {
                (Kind::Options, Argument::Flag(_)) => String::new(),
                _ => keyword.syntax(),
            },
            default: keyword.default,
            since: keyword.since,
            status: keyword.status,
            example: keyword.example_words(),
            is_read: !matches!(keyword.argument, Argument::Unread(_)),
        };
        self.keywords().map(row).collect()
    }

    fn knows(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }
}

/// All sections, in the order of the documentation.
pub(crate) static SECTIONS: &[&dyn AnySection] = &[
    &super::ROOT,
    &super::INCLUDE,
    &super::GLOBAL_DEFS,
    &super::VRRP_INSTANCE,
    &super::AUTHENTICATION,
    &super::AUTH_HMAC,
    &super::PEER,
    &super::USE_VMAC,
    &super::TRACKED,
    &super::VRRP_SYNC_GROUP,
    &super::VRRP_SCRIPT,
    &super::VRRP_TRACK_PROCESS,
    &super::TRACK_FILE,
    &super::BFD_INSTANCE,
    &super::TRACK_GROUP,
    &super::GARP_GROUP,
    &super::ADDRESS,
    &super::ROUTE,
    &super::NEXTHOP,
    &super::RULE,
    &super::VIRTUAL_SERVER,
    &super::REAL_SERVER,
    &super::TCP_CHECK,
    &super::HTTP_GET,
    &super::SSL_GET,
    &super::URL,
    &super::SMTP_CHECK,
    &super::HOST,
    &super::MISC_CHECK,
    &super::DNS_CHECK,
    &super::UDP_CHECK,
    &super::PING_CHECK,
    &super::BFD_CHECK,
    &super::FILE_CHECK,
    &super::SSL,
];

/// The blocks that know a keyword.
pub(crate) fn homes(name: &str) -> Vec<&'static str> {
    let blocks = SECTIONS
        .iter()
        .filter(|section| section.kind() == Kind::Block && section.knows(name));
    blocks.map(|section| section.name()).collect()
}
