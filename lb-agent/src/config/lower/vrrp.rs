//! The lines of `vrrp_instance` with a shape of their own.

use std::net::{IpAddr, Ipv4Addr};

use super::Lowering;
use super::address::address_line;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{
    AddressDraft, AuthType, AuthenticationDraft, ConfigDraft, InstanceDraft,
};
use crate::config::keywords::{AUTHENTICATION, VRRP_INSTANCE};
use crate::config::lexer::Word;
use crate::config::model::InitialState;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value;

/// The words of `state`.
const STATE: &[(&str, InitialState)] = &[
    ("MASTER", InitialState::Master),
    ("BACKUP", InitialState::Backup),
];

/// The words of `auth_type`.
const AUTH_TYPE: &[(&str, AuthType)] = &[("PASS", AuthType::Pass), ("AH", AuthType::Ah)];

/// `vrrp_instance NAME { … }`
pub(in crate::config) fn vrrp_instance(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let name = node.arguments.first().map(|word| Spanned {
        value: word.text.clone().into_owned(),
        span: word.span,
    });
    let mut instance = InstanceDraft {
        name,
        ..InstanceDraft::default()
    };
    lowering.block(&VRRP_INSTANCE, &mut instance, node);
    config.instances.push(instance);
}

/// `state MASTER|BACKUP`
pub(in crate::config) fn state(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut instance.state, node, |text| value::choice(text, STATE));
}

/// `interface INTERFACE`
pub(in crate::config) fn interface(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut instance.interface, node, value::interface);
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
    lowering.set(
        &mut instance.priority,
        Spanned {
            value,
            span: node.span(),
        },
    );
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

/// `mcast_src_ip ADDRESS`, `unicast_src_ip ADDRESS`
pub(in crate::config) fn source(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(word) = node.arguments.first()
        && let Some(value) = lowering.vrrp_address(word)
    {
        lowering.set(
            &mut instance.source,
            Spanned {
                value,
                span: node.span(),
            },
        );
    }
}

/// `mcast_dst_ip ADDRESS`
pub(in crate::config) fn mcast_dst_ip(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut instance.mcast_dst_ip, node, value::multicast4);
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
        instance.unicast_peer.push(Spanned { value, span });
        lowering.peer_options(&line.arguments);
    }
}

/// `authentication { auth_type …; auth_pass … }`; several blocks are one.
pub(in crate::config) fn authentication(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.block(&AUTHENTICATION, &mut instance.authentication, node);
}

/// `auth_type PASS|AH`
pub(in crate::config) fn auth_type(
    authentication: &mut AuthenticationDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut authentication.auth_type, node, |text| {
        value::choice(text, AUTH_TYPE)
    });
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

impl Lowering<'_> {
    fn addresses(&mut self, node: &Node<'_>) -> Vec<AddressDraft> {
        let lines = node.block.iter().flat_map(|block| &block.nodes);
        lines.filter_map(|line| address_line(line, self)).collect()
    }

    /// An address that adverts come from or go to.
    fn vrrp_address(&mut self, word: &Word<'_>) -> Option<Ipv4Addr> {
        match self.parse(word, value::host_address)? {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => {
                let message = "VRRP over IPv6 is not supported yet: the line is ignored";
                self.report(Diagnostic::error(Code::NotSupported, word.span, message));
                None
            }
        }
    }

    fn peer_options(&mut self, options: &[Word<'_>]) {
        let (Some(first), Some(last)) = (options.first(), options.last()) else {
            return;
        };
        if matches!(first.text.as_ref(), "min_ttl" | "max_ttl") {
            let message = format!("`{}` is known, but has no effect yet", first.text);
            self.report(Diagnostic::warning(Code::NoEffectYet, first.span, message));
        } else {
            self.extra_words(first.span.to(last.span));
        }
    }
}
