//! The keyword tables: every keyword of keepalived, where it stands, what it takes, and what it
//! does here.
//!
//! This is the only list of keywords. Parsing, `check`, "did you mean" and
//! `docs/configuration.md` are made from it. A table belongs to one block and to one value that
//! the block fills. Each keyword has a place there, also when it has no effect by design.
//! Reading a block by its table is the business of [`super::lower`]; defaults and inheritance
//! are that of [`super::resolve`].

mod address;
mod argument;
mod bfd;
mod checker;
mod docs;
mod global;
mod group;
mod include;
mod listing;
mod lookup;
mod make;
mod process;
mod real_server;
mod root;
mod route;
mod rule;
mod script;
mod section;
mod telling;
mod tracking;
mod virtual_server;
mod vrrp;

use std::ops::RangeInclusive;
use std::time::Duration;

pub(crate) use address::ADDRESS;
pub(crate) use bfd::BFD_INSTANCE;
pub(crate) use checker::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HOST, HTTP_GET, MISC_CHECK, PING_CHECK, SMTP_CHECK, SSL_GET,
    TCP_CHECK, UDP_CHECK, URL,
};
pub use docs::configuration_md;
pub(crate) use global::GLOBAL_DEFS;
pub(crate) use group::{GARP_GROUP, TRACK_GROUP, VRRP_SYNC_GROUP};
pub(crate) use include::{INCLUDE, Strictness};
pub use listing::keywords_json;
pub use lookup::{KeywordNames, keyword_md};
pub(crate) use real_server::REAL_SERVER;
pub(crate) use root::{ROOT, SSL, TOP_LEVEL, is_root_block};
pub(crate) use route::{NEXTHOP, ROUTE};
pub(crate) use rule::RULE;
pub(crate) use script::{TRACK_FILE, VRRP_SCRIPT, VRRP_TRACK_PROCESS};
pub(crate) use section::{SECTIONS, Section, homes};
pub(crate) use tracking::{PEER, TRACKED};
pub(crate) use virtual_server::{FAMILIES, KINDS, PROTOCOLS, VIRTUAL_SERVER};
pub(crate) use vrrp::{AUTH_HMAC, AUTHENTICATION, USE_VMAC, VRRP_INSTANCE};

use make::{
    bare, block, byte, flag, line, number, seconds, short, signed, text, units, unread, word,
};

use super::lower::Lowering;
use super::text::{Span, Spanned};
use super::tree::Node;
use super::value::Expected;

/// Puts a value where it belongs.
pub(crate) type Set<T, V> = fn(&mut T, Spanned<V>);

/// Reads a word and puts its value where it belongs.
pub(crate) type Read<T> = fn(&mut T, &str, Span) -> Result<(), Expected>;

/// Takes a whole line, and its block if it has one.
pub(crate) type Apply<T> = fn(&mut T, &Node<'_>, &mut Lowering<'_>);

/// One keyword of a block that fills a `T`.
pub(crate) struct Keyword<T: 'static> {
    /// Its name.
    pub(crate) name: &'static str,
    /// Other names for it.
    pub(crate) aliases: &'static [&'static str],
    /// Whether those are old words, which keepalived takes and reports.
    pub(crate) is_renamed: bool,
    /// What it takes, and where that goes.
    pub(crate) argument: Argument<T>,
    /// What happens with it.
    pub(crate) status: Status,
    /// What holds without it, in words; empty: nothing, or off.
    pub(crate) default: &'static str,
    /// The keepalived that had it first; empty: 2.2.7 or an older one.
    pub(crate) since: &'static str,
    /// What follows its name in an example that differs from the default.
    pub(crate) example: &'static str,
    /// The argument that asks for what happens anyway: nothing is said about it.
    pub(crate) silent: &'static str,
    /// Whether it may stand several times in one block.
    pub(crate) many: bool,
    /// Whether nothing runs when its words are missing, as with keepalived 2.2.7, which reads some
    /// keywords with more patience than others.
    pub(crate) stops: bool,
    /// Whether a word is the keyword's own, behind its first one, though it is an option, too.
    pub(crate) owns: fn(first: &str, word: &str) -> bool,
}

/// What happens with a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It has its effect.
    Done,
    /// It has none, by design; one notice says why.
    Accepted(&'static str),
    /// It is an error; why, and what to do instead.
    Refused(&'static str),
}

/// What a keyword takes, and where it goes.
pub(crate) enum Argument<T: 'static> {
    /// Nothing, or a switch.
    Flag(Set<T, bool>),
    /// Nothing. A switch is taken all the same, with a warning: keepalived ignores it.
    Bare(Set<T, bool>),
    /// A whole number.
    Byte(RangeInclusive<u8>, Set<T, u8>),
    /// A whole number.
    Short(RangeInclusive<u16>, Set<T, u16>),
    /// A whole number.
    Number(RangeInclusive<u32>, Set<T, u32>),
    /// A whole number with a sign.
    Signed(RangeInclusive<i32>, Set<T, i32>),
    /// Seconds, with a fraction.
    Seconds(RangeInclusive<Duration>, Set<T, Duration>),
    /// Whole units of time.
    Units(Unit, RangeInclusive<u32>, Set<T, Duration>),
    /// One word as it is.
    Text(&'static str, Set<T, String>),
    /// One word that means something.
    Word(&'static str, Read<T>),
    /// A line with a shape of its own.
    Line(Words, Apply<T>),
    /// A block, with such words before it.
    Block(Words, Apply<T>),
    /// Anything: nobody reads it.
    Unread(&'static str),
}

/// Units that numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
}

impl Unit {
    /// So many of it.
    pub(crate) fn times(self, count: u32) -> Duration {
        match self {
            Self::Seconds => Duration::from_secs(count.into()),
            Self::Millis => Duration::from_millis(count.into()),
            Self::Micros => Duration::from_micros(count.into()),
        }
    }

    /// As one writes it.
    pub(crate) const fn symbol(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Millis => "ms",
            Self::Micros => "µs",
        }
    }
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

/// A [`Read`]: a function that reads the word, and where its value goes.
macro_rules! read {
    (choice $list:path => |$draft:ident: $type:ty, $value:ident| $put:expr) => {
        |$draft: $type, word, span| {
            let $value = crate::config::text::Spanned {
                value: crate::config::value::choice(word, $list)?,
                span,
            };
            $put;
            Ok(())
        }
    };
    ($parse:path => |$draft:ident: $type:ty, $value:ident| $put:expr) => {
        |$draft: $type, word, span| {
            let $value = crate::config::text::Spanned {
                value: $parse(word)?,
                span,
            };
            $put;
            Ok(())
        }
    };
}
use read;

/// No words.
const NONE: Words = words("", 0, 0);

const fn one(syntax: &'static str) -> Words {
    words(syntax, 1, 1)
}

const fn words(syntax: &'static str, least: usize, most: usize) -> Words {
    Words {
        syntax,
        least,
        most,
    }
}

/// As many words as one likes.
const ANY: usize = usize::MAX;

/// `COMMAND [USER [GROUP]]`
const COMMAND: Words = words("COMMAND [USER [GROUP]]", 1, 3);

/// Time limits that keepalived does not set: longer ones are typing mistakes.
const YEAR: Duration = Duration::from_hours(365 * 24);

/// keepalived's timers count microseconds.
const SHORTEST: Duration = Duration::from_micros(1);

/// From nothing to a year.
const TIME: RangeInclusive<Duration> = Duration::ZERO..=YEAR;

#[cfg(test)]
mod tests;
