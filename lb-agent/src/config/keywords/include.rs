//! The include family: in every block, and read before anything else is understood.

use super::section::Kind;
use super::{Keyword, Section, word};

/// What an include keyword insists on; the rest draws a notice or a warning only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Strictness {
    /// Every file that matches can be read.
    pub(crate) readable: bool,
    /// Something matches.
    pub(crate) matching: bool,
    /// Each alternative of `{a,b}` matches something.
    pub(crate) braces: bool,
}

/// The include family. Its words are read by [`crate::config::include`], which asks
/// [`Strictness::of`]; the values here are those of `include_check`.
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
    /// The six keywords; `None` for any other word. Plain `include` insists on what `default`
    /// does.
    pub(crate) fn of(keyword: &str, default: Self) -> Option<Self> {
        let (readable, matching, braces) = match keyword {
            "include" => return Some(default),
            "includew" => (false, false, false),
            "includer" => (true, false, false),
            "includem" => (false, true, false),
            "includeb" => (false, true, true),
            "includea" => (true, true, true),
            _ => return None,
        };
        Some(Self {
            readable,
            matching,
            braces,
        })
    }
}
