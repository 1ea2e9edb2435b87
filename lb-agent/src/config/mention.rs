//! Where a file names what only the host knows: programs, interfaces and accounts.
//!
//! The configuration alone cannot tell whether they are there. Who asks the host
//! (`lb-agent check`) shows the answer at these places.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;

use super::hash::Fnv;
use super::lexer::Word;
use super::text::Span;

/// What a word behind a keyword names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// A command line: its first word is a program.
    Command,
    /// An interface.
    Interface,
    /// An account.
    User,
    /// A file that is read.
    File,
}

/// The first place of each name; of interfaces all, since each line waits for its own.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    commands: Places,
    interfaces: Vec<NamedInterface>,
    users: Places,
    files: Places,
}

/// A line, or an option, that names an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInterface {
    /// The block that the line is in, or what its options are of: `vrrp_instance`, `an address`.
    pub block: &'static str,
    /// The keyword: `interface`, `dev`, `track_interface` and so on.
    pub keyword: &'static str,
    /// The interface.
    pub name: String,
    /// Where its name stands.
    pub span: Span,
}

type Places = HashMap<String, Span, BuildHasherDefault<Fnv>>;

impl Mentions {
    /// Where a command line stands, by all of its text.
    pub fn command(&self, text: &str) -> Option<Span> {
        self.commands.get(text).copied()
    }

    /// The interfaces that are named, in the order of the lines.
    pub fn interfaces(&self) -> &[NamedInterface] {
        &self.interfaces
    }

    /// Where a file is named.
    pub fn file(&self, path: &Path) -> Option<Span> {
        self.files.get(path.to_str()?).copied()
    }

    /// The accounts that are named, by place.
    pub fn users(&self) -> Vec<(&str, Span)> {
        let users = self.users.iter().map(|(name, span)| (name.as_str(), *span));
        let mut users: Vec<_> = users.collect();
        users.sort_by_key(|(_, span)| *span);
        users
    }

    /// Notes a word behind a keyword of a block, unless it is no interface and was noted before.
    pub(crate) fn note(
        &mut self,
        named: Named,
        (block, keyword): (&'static str, &'static str),
        word: &Word<'_>,
    ) {
        let places = match named {
            Named::Command => &mut self.commands,
            Named::Interface => {
                return self.interfaces.push(NamedInterface {
                    block,
                    keyword,
                    name: word.text.clone().into_owned(),
                    span: word.span,
                });
            }
            Named::User => &mut self.users,
            Named::File => &mut self.files,
        };
        // Forty thousand servers have one `notify_down`: nothing is copied for them.
        if !places.contains_key(word.text.as_ref()) {
            places.insert(word.text.clone().into_owned(), word.span);
        }
    }
}
