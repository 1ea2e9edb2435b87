//! The include family: in every block, and read before anything else is understood.

use super::section::Kind;
use super::{Keyword, Section, word};

/// What an include keyword insists on; the rest draws a notice or a warning only. Whoever insists
/// on anything insists on files that can be read as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "keepalived's checks, each of them on or off"
)]
pub(crate) struct Strictness {
    /// `read`: every file that matches can be read.
    pub(crate) read: bool,
    /// `match`: a name without wildcards is there.
    pub(crate) matching: bool,
    /// `wildcard_match`: so it is, and a pattern matches something.
    pub(crate) wildcards: bool,
    /// `brace_match`: each alternative of `{a,b}` that has no wildcards is there.
    pub(crate) braces: bool,
}

/// The include family. Its words are read by [`crate::config::include`], which asks
/// [`Strictness::of`]; the values here are those of `include_check`, a keyword of `global_defs`.
pub(crate) static INCLUDE: Section<Strictness> =
    Section::of_kind(Kind::Everywhere, "every block", &[FAMILY]);

const SYNTAX: &str = "FILE|PATTERN";

const FAMILY: &[Keyword<Strictness>] = &[
    member("include").default("as `include_check` says"),
    member("includer").since("2.1.0"),
    member("includem").since("2.1.0"),
    member("includew").since("2.1.0"),
    member("includeb").since("2.1.0"),
    member("includea").since("2.1.0"),
];

const fn member(name: &'static str) -> Keyword<Strictness> {
    word(name, SYNTAX, |_: &mut Strictness, _, _| Ok(()))
        .example("x.conf")
        .many()
}

impl Strictness {
    /// Everything: `include_check` without a word, `includea`.
    pub(crate) const ALL: Self = Self {
        read: true,
        matching: true,
        wildcards: true,
        braces: true,
    };

    /// The six keywords: each adds to what holds; `None` for any other word.
    pub(crate) fn of(keyword: &str, held: Self) -> Option<Self> {
        Some(match keyword {
            "include" => held,
            "includer" => Self { read: true, ..held },
            "includem" => Self {
                matching: true,
                ..held
            },
            "includew" => Self {
                wildcards: true,
                ..held
            },
            "includeb" => Self {
                braces: true,
                ..held
            },
            "includea" => Self::ALL,
            _ => return None,
        })
    }

    /// Whether a file that cannot be read is an error.
    pub(crate) const fn wants_readable(self) -> bool {
        self.read || self.matching || self.wildcards || self.braces
    }

    /// What a word of `include_check` speaks of; `None` for any other word.
    pub(crate) fn named(&mut self, word: &str) -> Option<&mut bool> {
        match word {
            // The second is the manual's word.
            "read" | "readable" => Some(&mut self.read),
            "match" => Some(&mut self.matching),
            "wildcard_match" => Some(&mut self.wildcards),
            "brace_match" => Some(&mut self.braces),
            _ => None,
        }
    }
}
