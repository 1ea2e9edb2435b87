//! The keyword tables: every keyword of keepalived, where it stands, what it takes, and what it
//! does here.
//!
//! A table belongs to one block and to one draft, the value that holds what the file says of
//! that block. A keyword that is [`Rule::Done`] carries the place in the draft where its value
//! goes: so there is no keyword that is said to work and goes nowhere, and no second list.
//! Reading a block by its table is the business of [`super::lower`]; defaults and inheritance
//! are that of [`super::resolve`].

mod checker;
mod elsewhere;
mod global;
mod real_server;
mod root;
mod section;
mod virtual_server;
mod vrrp;

use std::ops::RangeInclusive;
use std::time::Duration;

pub(crate) use checker::{HTTP_GET, TCP_CHECK, URL};
pub(crate) use global::GLOBAL_DEFS;
pub(crate) use real_server::REAL_SERVER;
pub(crate) use root::{ROOT, TOP_LEVEL, is_root_block};
pub(crate) use section::{Section, homes};
pub(crate) use virtual_server::VIRTUAL_SERVER;
pub(crate) use vrrp::{AUTHENTICATION, VRRP_INSTANCE};

use super::lower::Lowering;
use super::text::Spanned;
use super::tree::Node;

/// Where a value goes in a draft.
pub(crate) type Field<T, V> = fn(&mut T) -> &mut Option<Spanned<V>>;

/// Takes a whole line, and its block if it has one.
pub(crate) type Apply<T> = fn(&mut T, &Node<'_>, &mut Lowering<'_>);

/// One keyword of a block that fills a `T`.
pub(crate) struct Keyword<T: 'static> {
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names for it.
    pub(crate) aliases: &'static [&'static str],
    /// What happens with it.
    pub(crate) rule: Rule<T>,
}

/// What happens with a keyword.
pub(crate) enum Rule<T: 'static> {
    /// It has its effect.
    Done(Argument<T>),
    /// It has none, by design; one notice says why.
    Accepted(&'static str),
    /// keepalived knows it; it has no effect here yet.
    Later(Later),
}

/// What a keyword takes, and where it goes.
pub(crate) enum Argument<T: 'static> {
    /// Nothing, or a switch.
    Flag(Field<T, bool>),
    /// A whole number.
    Byte(RangeInclusive<u8>, Field<T, u8>),
    /// A whole number.
    Short(RangeInclusive<u16>, Field<T, u16>),
    /// A whole number.
    Number(RangeInclusive<u32>, Field<T, u32>),
    /// Seconds, with a fraction.
    Seconds(RangeInclusive<Duration>, Field<T, Duration>),
    /// One word.
    Text(Field<T, String>),
    /// A line with a shape of its own.
    Line(Words, Apply<T>),
    /// A block, with such words before it.
    Block(Words, Apply<T>),
}

/// The words behind a keyword.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    /// How one writes them.
    pub(crate) syntax: &'static str,
    /// At least so many.
    pub(crate) least: usize,
    /// At most so many.
    pub(crate) most: usize,
}

/// A keyword without effect yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Later {
    /// What follows from that, as a sentence.
    pub(crate) consequence: Option<&'static str>,
    /// The argument that asks for what happens anyway: nothing needs to be said.
    pub(crate) same_as_default: Option<&'static str>,
    /// The keywords of its block.
    pub(crate) inside: &'static [&'static str],
}

impl<T> Keyword<T> {
    /// With other names.
    const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

const fn done<T>(name: &'static str, argument: Argument<T>) -> Keyword<T> {
    Keyword {
        name,
        aliases: &[],
        rule: Rule::Done(argument),
    }
}

const fn flag<T>(name: &'static str, field: Field<T, bool>) -> Keyword<T> {
    done(name, Argument::Flag(field))
}

const fn byte<T>(name: &'static str, range: RangeInclusive<u8>, field: Field<T, u8>) -> Keyword<T> {
    done(name, Argument::Byte(range, field))
}

const fn number<T>(
    name: &'static str,
    range: RangeInclusive<u32>,
    field: Field<T, u32>,
) -> Keyword<T> {
    done(name, Argument::Number(range, field))
}

const fn seconds<T>(
    name: &'static str,
    range: RangeInclusive<Duration>,
    field: Field<T, Duration>,
) -> Keyword<T> {
    done(name, Argument::Seconds(range, field))
}

const fn text<T>(name: &'static str, field: Field<T, String>) -> Keyword<T> {
    done(name, Argument::Text(field))
}

const fn line<T>(name: &'static str, words: Words, apply: Apply<T>) -> Keyword<T> {
    done(name, Argument::Line(words, apply))
}

const fn block<T>(name: &'static str, words: Words, apply: Apply<T>) -> Keyword<T> {
    done(name, Argument::Block(words, apply))
}

const fn accepted<T>(name: &'static str, why: &'static str) -> Keyword<T> {
    Keyword {
        name,
        aliases: &[],
        rule: Rule::Accepted(why),
    }
}

const fn later<T>(name: &'static str) -> Keyword<T> {
    later_block(name, &[])
}

/// Known, without effect yet, and this follows.
const fn later_but<T>(name: &'static str, consequence: &'static str) -> Keyword<T> {
    let later = Later {
        consequence: Some(consequence),
        same_as_default: None,
        inside: &[],
    };
    Keyword {
        name,
        aliases: &[],
        rule: Rule::Later(later),
    }
}

/// Known, without effect yet, but with `same` it would have none anyway.
const fn later_unless<T>(name: &'static str, same: &'static str) -> Keyword<T> {
    let later = Later {
        consequence: None,
        same_as_default: Some(same),
        inside: &[],
    };
    Keyword {
        name,
        aliases: &[],
        rule: Rule::Later(later),
    }
}

const fn later_block<T>(name: &'static str, inside: &'static [&'static str]) -> Keyword<T> {
    let later = Later {
        consequence: None,
        same_as_default: None,
        inside,
    };
    Keyword {
        name,
        aliases: &[],
        rule: Rule::Later(later),
    }
}

/// No words.
const NONE: Words = Words {
    syntax: "",
    least: 0,
    most: 0,
};

const fn one(syntax: &'static str) -> Words {
    Words {
        syntax,
        least: 1,
        most: 1,
    }
}

/// Time limits that keepalived does not set: longer ones are typing mistakes.
const YEAR: Duration = Duration::from_hours(365 * 24);

#[cfg(test)]
mod tests;
