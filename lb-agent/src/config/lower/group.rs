//! `vrrp_sync_group`, `track_group`, `garp_group`, `virtual_server_group`.

use std::net::{IpAddr, Ipv4Addr};

use super::Lowering;
use super::address::owned;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ConfigDraft, Given, Named, SyncGroupDraft};
use crate::config::keywords::{FAMILIES, GARP_GROUP, TRACK_GROUP, VRRP_SYNC_GROUP};
use crate::config::mention;
use crate::config::model::{GarpGroup, VirtualServerGroup, VirtualServerGroupEntry};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// `vrrp_sync_group NAME { … }`
pub(in crate::config) fn vrrp_sync_group(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let block = lowering.named(&VRRP_SYNC_GROUP, SyncGroupDraft::default(), node);
    config.vrrp_sync_groups.extend(block);
}

/// `track_group NAME { … }`
pub(in crate::config) fn track_group(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let block = lowering.named(&TRACK_GROUP, Vec::new(), node);
    config.track_groups.extend(block);
}

/// `garp_group { … }`
pub(in crate::config) fn garp_group(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut group = GarpGroup::default();
    let given = lowering.block(&GARP_GROUP, &mut group, node);
    config.garp_groups.push((given, group));
}

/// `group { INSTANCE … }` of a sync group.
pub(in crate::config) fn sync_members(
    group: &mut SyncGroupDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    group.group.extend(lowering.words_of_block(node));
}

/// `group { INSTANCE … }` of a track group.
pub(in crate::config) fn track_members(
    group: &mut Vec<Spanned<String>>,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    group.extend(lowering.words_of_block(node));
}

/// `interfaces { INTERFACE … }`
pub(in crate::config) fn garp_interfaces(
    group: &mut GarpGroup,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    for line in node.block.iter().flat_map(|block| &block.nodes) {
        for word in std::iter::once(&line.keyword).chain(&line.arguments) {
            let place = ("garp_group", "interfaces");
            lowering
                .mentions
                .note(mention::Named::Interface, place, word);
        }
    }
    let names = lowering.words_of_block(node);
    group
        .interfaces
        .extend(names.into_iter().map(|name| name.value));
}

/// `virtual_server_group NAME { … }`
pub(in crate::config) fn virtual_server_group(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(name) = node.arguments.first().map(owned) else {
        return;
    };
    let lines = node.block.iter().flat_map(|block| &block.nodes);
    let mut entries = Vec::new();
    let mut places = Vec::new();
    for line in lines {
        if let Some(entry) = lowering.group_entry(line) {
            entries.push(entry);
            places.push(line.span());
        }
    }
    let value = VirtualServerGroup {
        name: name.value.clone(),
        entries,
    };
    let mut given = Given::default();
    if lowering.explained {
        given.note("virtual_server_group", node);
        given.note_lines("virtual_server_group", node, &places);
    }
    config.virtual_server_groups.push(Named {
        name,
        span: node.span(),
        given,
        value,
    });
}

impl Lowering<'_> {
    /// All words of a block, whatever lines they stand on.
    pub(super) fn words_of_block(&mut self, node: &Node<'_>) -> Vec<Spanned<String>> {
        let mut words = Vec::new();
        for line in node.block.iter().flat_map(|block| &block.nodes) {
            self.refuse_block(line);
            words.push(owned(&line.keyword));
            words.extend(line.arguments.iter().map(owned));
        }
        for word in &words {
            self.take(word.span);
        }
        words
    }

    /// `IP[-LAST] PORT[-LAST]`, `fwmark N [inet|inet6]`
    fn group_entry(&mut self, line: &Node<'_>) -> Option<VirtualServerGroupEntry> {
        self.refuse_block(line);
        if line.keyword.text == "fwmark" {
            let Some(mark) = line.arguments.first() else {
                let message = "`fwmark` is missing a parameter: `fwmark N`";
                let missing = Diagnostic::error(Code::MissingParameter, line.keyword.span, message);
                self.report(missing);
                return None;
            };
            let fwmark = self.parse(mark, |text| value::integer(text, &(1..=u32::MAX)))?;
            let family = match line.arguments.get(1) {
                None => None,
                Some(word) => Some(self.parse(word, |text| value::choice(text, FAMILIES))?),
            };
            return Some(VirtualServerGroupEntry::Fwmark { fwmark, family });
        }
        let (first, last) = self.parse(&line.keyword, address_range)?;
        let (first_port, last_port) = match line.arguments.first() {
            None => (0, 0),
            Some(word) => self.parse(word, port_range)?,
        };
        if let Some(extra) = line.arguments.get(1) {
            self.extra_words(extra.span);
        }
        Some(VirtualServerGroupEntry::Addresses {
            first,
            last,
            first_port,
            last_port,
        })
    }
}

/// `A`, `A-B`, `A.B.C.D-E` (the last number only; of IPv6 the last group), `A/PREFIX`.
fn address_range(text: &str) -> Result<(IpAddr, IpAddr), Expected> {
    let expected = || "an address or a range of them, like `10.0.0.1-20`".to_owned();
    if text.contains('/') {
        let net = value::net(text).ok().ok_or_else(expected)?;
        return Ok((net.network(), net.broadcast()));
    }
    let Some((first, last)) = text.split_once('-') else {
        return value::host_address(text)
            .map(|address| (address, address))
            .ok()
            .ok_or_else(expected);
    };
    let first = value::host_address(first).ok().ok_or_else(expected)?;
    let last = match (first, last.parse::<IpAddr>()) {
        (_, Ok(last)) => last,
        (IpAddr::V4(first), Err(_)) => {
            let number = value::integer(last, &(0..=255u8))
                .ok()
                .ok_or_else(expected)?;
            let [a, b, c, _] = first.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, number))
        }
        (IpAddr::V6(first), Err(_)) => {
            let group = u16::from_str_radix(last, 16).ok().ok_or_else(expected)?;
            let bits = first.to_bits() & !u128::from(u16::MAX) | u128::from(group);
            IpAddr::V6(bits.into())
        }
    };
    if first.is_ipv4() == last.is_ipv4() && first <= last {
        Ok((first, last))
    } else {
        Err(expected())
    }
}

fn port_range(text: &str) -> Result<(u16, u16), Expected> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| value::integer(text, &(0..=u16::MAX)).ok();
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => Err("a port or a range of them, like `80` or `8000-8010`".to_owned()),
    }
}
