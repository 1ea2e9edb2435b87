//! Comments on rules. The kernel keeps them beside a rule and does not look at them; `nft list ruleset`
//! shows them, and by them a rule of ours that somebody has deleted or replaced is missed.

use std::collections::BTreeSet;

use super::{NFTABLES, message};
use crate::net::attribute;
use crate::net::netlink::{Connection, NetlinkError};
use crate::net::request::Request;

const GETRULE: u16 = (NFTABLES << 8) | 7;

/// `NFTA_RULE_USERDATA`
const USERDATA: u16 = 7;

/// `NFTNL_UDATA_RULE_COMMENT` of libnftnl: type, length, text with a closing zero.
const COMMENT: u8 = 0;

/// The most that a comment may be, without its zero: `nft` allows 128 bytes.
const LONGEST: usize = 127;

/// A rule by its chain and its comment.
pub(super) type Label = (String, String);

/// The rule with a comment; one that is too long is cut off.
pub(super) fn labelled(rule: Request, comment: &str) -> Request {
    let text = comment.as_bytes();
    let text = text.get(..text.len().min(LONGEST)).unwrap_or_default();
    let length = u8::try_from(text.len() + 1).unwrap_or(u8::MAX);
    let mut data = vec![COMMENT, length];
    data.extend_from_slice(text);
    data.push(0);
    rule.with(USERDATA, &data)
}

/// The labels in a table; none if there is no such table.
pub(super) fn read(
    connection: &mut Connection,
    family: u8,
    table: &str,
) -> Result<BTreeSet<Label>, NetlinkError> {
    let request = message(GETRULE, family).with_string(1, table);
    let what = format_args!("list the rules of the nftables table {table}");
    let labels = connection.dump(&request, &what, |_kind, payload| label(payload, table))?;
    Ok(labels.into_iter().collect())
}

/// The label of a rule as the kernel tells of it; `None`: it is in another table, or has no comment.
fn label(payload: &[u8], table: &str) -> Option<Label> {
    let attributes = payload.get(4..)?;
    let [_, of, chain, _, _, _, _, data] = attribute::values::<8>(attributes);
    let is_ours = attribute::string(of?) == table;
    let text = comment(data?).filter(|_| is_ours)?;
    Some((attribute::string(chain?), text))
}

/// The comment among what `nft` keeps beside a rule.
fn comment(mut data: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = data {
        let value = rest.get(..usize::from(*length))?;
        if *kind == COMMENT {
            return Some(attribute::string(value));
        }
        data = rest.get(usize::from(*length)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::nft::{NFPROTO_IPV4, rule};

    #[test]
    fn a_rule_is_known_by_its_table_its_chain_and_its_comment() {
        let made = labelled(
            rule(NFPROTO_IPV4, "mine", "in", &[]),
            "no_accept 10.0.0.100",
        );
        let known = Some(("in".to_owned(), "no_accept 10.0.0.100".to_owned()));
        assert_eq!(label(made.body(), "mine"), known);
        assert_eq!(label(made.body(), "yours"), None);
        let bare = rule(NFPROTO_IPV4, "mine", "in", &[]);
        assert_eq!(label(bare.body(), "mine"), None, "replaced");
    }

    #[test]
    fn what_stands_before_a_comment_is_passed_over_and_what_is_cut_off_is_none() {
        let data = [9, 2, 7, 7, COMMENT, 3, b'o', b'k', 0];
        assert_eq!(comment(&data).as_deref(), Some("ok"));
        for end in 0..data.len() {
            assert_eq!(comment(&data[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_comment_is_never_longer_than_its_length_can_say() {
        let long = "x".repeat(1000);
        let made = labelled(rule(NFPROTO_IPV4, "mine", "in", &[]), &long);
        let (_, read) = label(made.body(), "mine").unwrap();
        assert_eq!(read.len(), LONGEST);
    }
}
