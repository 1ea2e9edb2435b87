//! The tables of one block, and finding a keyword in them.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::{
    AUTHENTICATION, GLOBAL_DEFS, HTTP_GET, Keyword, REAL_SERVER, ROOT, Rule, TCP_CHECK, URL,
    VIRTUAL_SERVER, VRRP_INSTANCE,
};

/// The keywords of one block.
pub(crate) struct Section<T: 'static> {
    /// The keyword of the block, as people say it.
    pub(crate) name: &'static str,
    tables: &'static [&'static [Keyword<T>]],
    index: OnceLock<HashMap<&'static str, &'static Keyword<T>>>,
}

impl<T> Section<T> {
    pub(super) const fn new(name: &'static str, tables: &'static [&'static [Keyword<T>]]) -> Self {
        Self {
            name,
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
    pub(crate) fn keywords(&self) -> impl Iterator<Item = &'static Keyword<T>> {
        self.tables.iter().flat_map(|table| table.iter())
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keywords().flat_map(Keyword::names)
    }
}

impl<T> Keyword<T> {
    fn names(&self) -> impl Iterator<Item = &'static str> + use<T> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// The keywords of its block, when that is not read yet.
    fn inside(&self) -> &'static [&'static str] {
        match &self.rule {
            Rule::Later(later) => later.inside,
            Rule::Done(_) | Rule::Accepted(_) => &[],
        }
    }
}

/// The blocks that know a keyword.
pub(crate) fn homes(name: &str) -> Vec<&'static str> {
    let mut homes = Vec::new();
    visit(&ROOT, name, &mut homes);
    visit(&GLOBAL_DEFS, name, &mut homes);
    visit(&VRRP_INSTANCE, name, &mut homes);
    visit(&AUTHENTICATION, name, &mut homes);
    visit(&VIRTUAL_SERVER, name, &mut homes);
    visit(&REAL_SERVER, name, &mut homes);
    visit(&TCP_CHECK, name, &mut homes);
    visit(&HTTP_GET, name, &mut homes);
    visit(&URL, name, &mut homes);
    homes
}

fn visit<T>(section: &Section<T>, name: &str, homes: &mut Vec<&'static str>) {
    if section.names().any(|known| known == name) {
        homes.push(section.name);
    }
    let blocks = section
        .keywords()
        .filter(|keyword| keyword.inside().contains(&name));
    homes.extend(blocks.map(|keyword| keyword.name));
}
