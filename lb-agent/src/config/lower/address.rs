//! One line of `virtual_ipaddress`:
//! `ADDRESS[/PREFIX] [brd ADDRESS|+|-] [dev INTERFACE] [scope SCOPE] [label LABEL]`.

use std::net::Ipv4Addr;

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::AddressDraft;
use crate::config::lexer::Word;
use crate::config::model::Broadcast;
use crate::config::suggest;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// The kernel's scopes (`RT_SCOPE_*`).
const SCOPES: &[(&str, u8)] = &[
    ("global", 0),
    ("site", 200),
    ("link", 253),
    ("host", 254),
    ("nowhere", 255),
];

/// Options that keepalived knows and that have no effect yet, and whether a value follows.
const LATER: &[(&str, bool)] = &[
    ("peer", true),
    ("home", false),
    ("-nodad", false),
    ("mngtmpaddr", false),
    ("noprefixroute", false),
    ("autojoin", false),
    ("no_track", false),
    ("preferred_lft", true),
    ("track_group", true),
    ("use_vmac", false),
];

/// The options with an effect.
const DONE: &[&str] = &["brd", "broadcast", "dev", "scope", "label"];

/// Reads a line; `None` when its address or the value of an option is none: half a line could put
/// the address on another interface.
pub(super) fn address_line(line: &Node<'_>, lowering: &mut Lowering<'_>) -> Option<AddressDraft> {
    lowering.refuse_block(line);
    let address = lowering.parse(&line.keyword, value::address_with_prefix)?;
    let mut draft = AddressDraft {
        address: Spanned {
            value: address,
            span: line.keyword.span,
        },
        dev: None,
        label: None,
        scope: None,
        brd: None,
    };
    let mut words = line.arguments.iter();
    while let Some(option) = words.next() {
        lowering.address_option(&mut draft, option, &mut words)?;
    }
    Some(draft)
}

impl Lowering<'_> {
    fn address_option<'w>(
        &mut self,
        draft: &mut AddressDraft,
        option: &Word<'_>,
        words: &mut impl Iterator<Item = &'w Word<'w>>,
    ) -> Option<()> {
        match option.text.as_ref() {
            "dev" => draft.dev = Some(self.option(option, words.next(), value::interface)?),
            "label" => draft.label = Some(self.option(option, words.next(), label)?),
            "scope" => draft.scope = Some(self.option(option, words.next(), scope)?),
            "brd" | "broadcast" => {
                draft.brd = Some(self.option(option, words.next(), broadcast)?);
            }
            name => match LATER.iter().find(|(known, _)| *known == name) {
                Some((_, has_value)) => {
                    if *has_value {
                        words.next();
                    }
                    let message = format!("`{name}` is known, but has no effect yet");
                    self.report(Diagnostic::warning(Code::NoEffectYet, option.span, message));
                }
                None => self.unknown_option(option),
            },
        }
        Some(())
    }

    fn option<V>(
        &mut self,
        option: &Word<'_>,
        word: Option<&Word<'_>>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) -> Option<Spanned<V>> {
        let (span, problem) = match word.map(|word| (word, parse(&word.text))) {
            Some((word, Ok(value))) => {
                return Some(Spanned {
                    value,
                    span: option.span.to(word.span),
                });
            }
            Some((word, Err(expected))) => {
                (word.span, format!("`{}` is not {expected}", word.text))
            }
            None => (
                option.span,
                format!("`{}` is missing its value", option.text),
            ),
        };
        let message = format!("{problem}: the address is left out");
        self.report(Diagnostic::warning(Code::BadValue, span, message));
        None
    }

    fn unknown_option(&mut self, option: &Word<'_>) {
        let known = DONE
            .iter()
            .copied()
            .chain(LATER.iter().map(|(name, _)| *name));
        let (message, help) = if value::address_with_prefix(&option.text).is_ok() {
            let message = format!("`{}` is ignored: one line holds one address", option.text);
            (
                message,
                Some("give each address a line of its own".to_owned()),
            )
        } else {
            let help = suggest::nearest(&option.text, known);
            let message = format!(
                "`{}` is no option of an address: it is ignored",
                option.text
            );
            (message, help.map(|name| format!("did you mean `{name}`?")))
        };
        let unknown = Diagnostic::warning(Code::UnknownKeyword, option.span, message);
        self.report(unknown.maybe_help(help));
    }
}

fn label(text: &str) -> Result<String, Expected> {
    // IFNAMSIZ with the NUL.
    if (1..=15).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("a label of 1 to 15 characters".to_owned())
    }
}

fn scope(text: &str) -> Result<u8, Expected> {
    value::choice(text, SCOPES)
        .or_else(|_: Expected| value::integer(text, &(0..=255)))
        .ok()
        .ok_or_else(|| "a scope: global, site, link, host or a number to 255".to_owned())
}

fn broadcast(text: &str) -> Result<Broadcast, Expected> {
    match text {
        "+" => Ok(Broadcast::AllOnes),
        "-" => Ok(Broadcast::AllZeros),
        _ => {
            let address = text.parse::<Ipv4Addr>().ok().map(Broadcast::Address);
            address.ok_or_else(|| "an IPv4 broadcast address, `+` or `-`".to_owned())
        }
    }
}
