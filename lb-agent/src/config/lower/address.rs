//! Lines of `virtual_ipaddress` and `static_ipaddress`:
//! `ADDRESS[/PREFIX] [brd ADDRESS|+|-] [dev INTERFACE] [scope SCOPE] [label LABEL] …`.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{AddressDraft, ConfigDraft};
use crate::config::keywords::ADDRESS;
use crate::config::lexer::Word;
use crate::config::model::Broadcast;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// `static_ipaddress { … }`
pub(in crate::config) fn static_ipaddress(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let addresses = lowering.addresses(node);
    config.static_ipaddress.extend(addresses);
}

/// Reads a line; `None` when its address or the value of an option is none: half a line could put
/// the address on another interface.
fn address_line(line: &Node<'_>, lowering: &mut Lowering<'_>) -> Option<AddressDraft> {
    lowering.refuse_block(line);
    // iproute2's `dev eth0 10.0.0.1` is not read here, nor by keepalived.
    let address = lowering.parse(&line.keyword, value::address_with_prefix)?;
    let mut draft = AddressDraft::new(Spanned {
        value: address,
        span: line.keyword.span,
    });
    let mut second = None;
    let read = lowering.options(
        &ADDRESS,
        &mut draft,
        &line.arguments,
        "the address is left out",
        |_, word| {
            let is_address = value::address_with_prefix(&word.text).is_ok();
            if is_address {
                second = Some((word.text.to_string(), word.span));
            }
            is_address
        },
    );
    if let Some((text, span)) = second {
        let message = format!("`{text}` is ignored: one line holds one address");
        let ignored = Diagnostic::warning(Code::UnknownKeyword, span, message);
        lowering.report(ignored.help("give each address a line of its own"));
    }
    read.ok().map(|()| {
        lowering.take(draft.address.span);
        draft
    })
}

impl Lowering<'_> {
    /// The addresses of a block.
    pub(super) fn addresses(&mut self, node: &Node<'_>) -> Vec<AddressDraft> {
        let lines = node.block.iter().flat_map(|block| &block.nodes);
        lines.filter_map(|line| address_line(line, self)).collect()
    }
}

/// `label LABEL`
pub(in crate::config) fn label(text: &str) -> Result<String, Expected> {
    // IFNAMSIZ with the NUL.
    if (1..=15).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err("a label of 1 to 15 characters".to_owned())
    }
}

/// `brd ADDRESS|+|-`
pub(in crate::config) fn broadcast(text: &str) -> Result<Broadcast, Expected> {
    match text {
        "+" => Ok(Broadcast::AllOnes),
        "-" => Ok(Broadcast::AllZeros),
        _ => {
            let address = text.parse::<Ipv4Addr>().ok().map(Broadcast::Address);
            address.ok_or_else(|| "an IPv4 broadcast address, `+` or `-`".to_owned())
        }
    }
}

/// `preferred_lft SECONDS|forever`; `None`: for ever.
pub(in crate::config) fn lifetime(text: &str) -> Result<Option<Duration>, Expected> {
    if text == "forever" {
        return Ok(None);
    }
    value::integer(text, &(0..=u32::MAX))
        .map(|seconds| Some(Duration::from_secs(seconds.into())))
        .ok()
        .ok_or_else(|| "a number of seconds, or `forever`".to_owned())
}

/// `use_vmac …` of one address.
pub(in crate::config) fn use_vmac(
    address: &mut AddressDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    address.options.use_vmac = Some(lowering.vmac(&node.arguments));
}

/// A word as a string with its place.
pub(super) fn owned(word: &Word<'_>) -> Spanned<String> {
    Spanned {
        value: word.text.clone().into_owned(),
        span: word.span,
    }
}
