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

/// The first place of each name.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    commands: Places,
    interfaces: Places,
    users: Places,
    files: Places,
}

type Places = HashMap<String, Span, BuildHasherDefault<Fnv>>;

impl Mentions {
    /// Where a command line stands, by all of its text.
    pub fn command(&self, text: &str) -> Option<Span> {
        self.commands.get(text).copied()
    }

    /// Where an interface is named.
    pub fn interface(&self, name: &str) -> Option<Span> {
        self.interfaces.get(name).copied()
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

    /// Notes a word, unless the same was noted before.
    pub(crate) fn note(&mut self, named: Named, word: &Word<'_>) {
        let places = match named {
            Named::Command => &mut self.commands,
            Named::Interface => &mut self.interfaces,
            Named::User => &mut self.users,
            Named::File => &mut self.files,
        };
        // Forty thousand servers have one `notify_down`: nothing is copied for them.
        if !places.contains_key(word.text.as_ref()) {
            places.insert(word.text.clone().into_owned(), word.span);
        }
    }
}
