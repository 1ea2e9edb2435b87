//! The lines of `vrrp_instance` with a shape of their own.

mod authentication;
mod links;

use std::net::IpAddr;

pub(in crate::config) use authentication::{auth_hmac, authentication, hmac_key};
pub(in crate::config) use links::{lvs_sync_daemon_interface, use_ipvlan, use_vmac};

use super::Lowering;
use super::address::owned;
use super::telling::command;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ConfigDraft, InstanceDraft, PeerDraft};
use crate::config::keywords::{PEER, VRRP_INSTANCE};
use crate::config::lexer::Word;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value;

/// `vrrp_instance NAME { … }`
pub(in crate::config) fn vrrp_instance(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(name) = node.arguments.first() {
        let mut instance = InstanceDraft::new(owned(name));
        instance.given = lowering.block(&VRRP_INSTANCE, &mut instance, node);
        config.instances.push(instance);
    }
}

/// `priority 1-255`; keepalived takes 100 for anything else, also for a MASTER, whose default
/// is another.
pub(in crate::config) fn priority(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(word) = node.arguments.first() else {
        return;
    };
    let value = value::integer(&word.text, &(1..=255)).unwrap_or_else(|expected| {
        let message = format!("`{}` is not {expected}: 100 is used", word.text);
        lowering.report(Diagnostic::warning(Code::BadValue, word.span, message));
        100
    });
    let span = node.span();
    instance.priority = Some(Spanned { value, span });
}

/// `preempt`: takes a `nopreempt` before it back.
pub(in crate::config) fn preempt(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    instance.nopreempt = Some(Spanned {
        value: false,
        span: node.span(),
    });
}

/// `no_accept`
pub(in crate::config) fn no_accept(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    instance.accept = Some(Spanned {
        value: false,
        span: node.span(),
    });
}

/// `mcast_src_ip ADDRESS`
pub(in crate::config) fn mcast_src_ip(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(source) = source(node, lowering) {
        instance.mcast_src_ip = Some(source);
        instance.unicast_src_ip = None;
    }
}

/// `unicast_src_ip ADDRESS`
pub(in crate::config) fn unicast_src_ip(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(source) = source(node, lowering) {
        instance.unicast_src_ip = Some(source);
        instance.mcast_src_ip = None;
    }
}

/// Where adverts come from, placed at the line.
fn source(node: &Node<'_>, lowering: &mut Lowering<'_>) -> Option<Spanned<IpAddr>> {
    let value = lowering.vrrp_address(node.arguments.first()?)?;
    let span = node.span();
    Some(Spanned { value, span })
}

/// `unicast_peer { ADDRESS [min_ttl N] [max_ttl N] … }`
pub(in crate::config) fn unicast_peer(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    for line in node.block.iter().flat_map(|block| &block.nodes) {
        lowering.refuse_block(line);
        let Some(value) = lowering.vrrp_address(&line.keyword) else {
            continue;
        };
        let span = line.keyword.span;
        let peer = Spanned { value, span };
        instance.unicast_peer.push(peer);
        lowering.take(span);
        let mut limits = PeerDraft::default();
        let left_out = "the option is ignored";
        let read = lowering.options(&PEER, &mut limits, &line.arguments, left_out, |_, _| false);
        if read.is_ok() && !line.arguments.is_empty() {
            instance.unicast_peer_ttl.push((peer, limits));
        }
    }
}

/// `virtual_ipaddress { … }`
pub(in crate::config) fn virtual_ipaddress(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let addresses = lowering.addresses(node);
    instance.virtual_ipaddress.extend(addresses);
}

/// `virtual_ipaddress_excluded { … }`
pub(in crate::config) fn virtual_ipaddress_excluded(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let addresses = lowering.addresses(node);
    instance.virtual_ipaddress_excluded.extend(addresses);
}

/// `virtual_routes { … }`
pub(in crate::config) fn virtual_routes(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let routes = lowering.routes(node);
    instance.virtual_routes.extend(routes);
}

/// `virtual_rules { … }`
pub(in crate::config) fn virtual_rules(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let rules = lowering.rules(node);
    instance.virtual_rules.extend(rules);
}

/// `timer_expired_backup [PRIORITY]`
pub(in crate::config) fn timer_expired_backup(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    instance.value.timer_expired_backup = match node.arguments.first() {
        None => Some(HIGHEST_OTHER),
        Some(word) => lowering.parse(word, |text| value::integer(text, &(1..=HIGHEST_OTHER))),
    };
}

/// Nobody but the owner has a higher priority.
const HIGHEST_OTHER: u8 = 254;

/// `old_unicast_checksum [never]`
pub(in crate::config) fn old_unicast_checksum(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    instance.value.old_unicast_checksum = match node.arguments.first() {
        None => Some(true),
        Some(word) => lowering.parse(word, |text| value::choice(text, &[("never", false)])),
    };
}

/// `debug 0-4`
pub(in crate::config) fn debug(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let level = lowering.first(node, |text| value::integer(text, &(0..=4)));
    instance.value.debug = level.map_or(0, |level| level.value);
}

/// `garp_extra_if [all] SECONDS`
pub(in crate::config) fn garp_extra_if(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    instance.garp.extra_if = lowering.extra_if(node).or(instance.garp.extra_if);
}

/// `notify_master_rx_lower_pri COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_master_rx_lower_pri(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    instance.notify.value.notify_master_rx_lower_pri = command(node);
}

/// `notify_split_brain COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_split_brain(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    instance.notify.value.notify_split_brain = command(node);
}

impl Lowering<'_> {
    /// An address that adverts come from or go to.
    fn vrrp_address(&mut self, word: &Word<'_>) -> Option<IpAddr> {
        self.parse(word, value::host_address)
    }
}
