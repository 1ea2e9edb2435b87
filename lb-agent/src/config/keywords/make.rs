//! How the tables are written: a function for each kind of argument, a method for each property.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Apply, Argument, Keyword, Read, Set, Status, Unit, Words};

impl<T> Keyword<T> {
    pub(super) const fn new(name: &'static str, argument: Argument<T>) -> Self {
        Self {
            name,
            aliases: &[],
            is_renamed: false,
            argument,
            status: Status::Done,
            default: "",
            since: "",
            example: "",
            silent: "\0",
            many: false,
            stops: true,
            owns: |_, _| false,
        }
    }

    /// With other names.
    pub(super) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// With old words for it, which keepalived calls deprecated.
    pub(super) const fn formerly(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self.is_renamed = true;
        self
    }

    /// Without effect by design, for this reason.
    pub(super) const fn accepted(mut self, why: &'static str) -> Self {
        self.status = Status::Accepted(why);
        self
    }

    /// An error, for this reason.
    pub(super) const fn refused(mut self, why: &'static str) -> Self {
        self.status = Status::Refused(why);
        self
    }

    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    pub(super) const fn since(mut self, release: &'static str) -> Self {
        self.since = release;
        self
    }

    pub(super) const fn example(mut self, words: &'static str) -> Self {
        self.example = words;
        self
    }

    /// Nothing is said about it when its argument is this.
    pub(super) const fn silent(mut self, argument: &'static str) -> Self {
        self.silent = argument;
        self
    }

    /// Without its words the line is ignored, and everything else runs.
    pub(super) const fn goes_on(mut self) -> Self {
        self.stops = false;
        self
    }

    /// Options that belong to it when they stand behind it.
    pub(super) const fn owns(mut self, owns: fn(first: &str, word: &str) -> bool) -> Self {
        self.owns = owns;
        self
    }

    /// It may stand several times.
    pub(super) const fn many(mut self) -> Self {
        self.many = true;
        self
    }
}

pub(super) const fn flag<T>(name: &'static str, set: Set<T, bool>) -> Keyword<T> {
    Keyword::new(name, Argument::Flag(set))
}

pub(super) const fn bare<T>(name: &'static str, set: Set<T, bool>) -> Keyword<T> {
    Keyword::new(name, Argument::Bare(set))
}

pub(super) const fn byte<T>(
    name: &'static str,
    range: RangeInclusive<u8>,
    set: Set<T, u8>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Byte(range, set))
}

pub(super) const fn short<T>(
    name: &'static str,
    range: RangeInclusive<u16>,
    set: Set<T, u16>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Short(range, set))
}

pub(super) const fn number<T>(
    name: &'static str,
    range: RangeInclusive<u32>,
    set: Set<T, u32>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Number(range, set))
}

pub(super) const fn signed<T>(
    name: &'static str,
    range: RangeInclusive<i32>,
    set: Set<T, i32>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Signed(range, set))
}

pub(super) const fn seconds<T>(
    name: &'static str,
    range: RangeInclusive<Duration>,
    set: Set<T, Duration>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Seconds(range, set))
}

pub(super) const fn units<T>(
    name: &'static str,
    unit: Unit,
    range: RangeInclusive<u32>,
    set: Set<T, Duration>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Units(unit, range, set))
}

pub(super) const fn text<T>(
    name: &'static str,
    syntax: &'static str,
    set: Set<T, String>,
) -> Keyword<T> {
    Keyword::new(name, Argument::Text(syntax, set))
}

pub(super) const fn word<T>(name: &'static str, syntax: &'static str, read: Read<T>) -> Keyword<T> {
    Keyword::new(name, Argument::Word(syntax, read))
}

pub(super) const fn line<T>(name: &'static str, words: Words, apply: Apply<T>) -> Keyword<T> {
    Keyword::new(name, Argument::Line(words, apply))
}

pub(super) const fn block<T>(name: &'static str, words: Words, apply: Apply<T>) -> Keyword<T> {
    Keyword::new(name, Argument::Block(words, apply))
}

pub(super) const fn unread<T>(name: &'static str, syntax: &'static str) -> Keyword<T> {
    Keyword::new(name, Argument::Unread(syntax))
}
