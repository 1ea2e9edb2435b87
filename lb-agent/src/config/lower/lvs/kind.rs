//! How packets reach a server, and how long clients stay with it.

use std::time::Duration;

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{RealServerDraft, VirtualServerDraft};
use crate::config::keywords::KINDS;
use crate::config::lexer::Word;
use crate::config::model::{Forwarding, Tunnel, TunnelChecksum};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value;

/// The longest persistence: 31 days, as in keepalived.
const LONGEST_PERSISTENCE: u32 = 31 * 86_400;

/// `persistence_timeout` without a number.
const DEFAULT_PERSISTENCE: Duration = Duration::from_mins(6);

/// `lb_kind NAT|DR|TUN [type …]`
pub(in crate::config) fn lb_kind(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let (kind, tunnel) = method(node, lowering);
    virtual_server.lb_kind = kind.or(virtual_server.lb_kind);
    match tunnel {
        // What no `type` means.
        None | Some(Tunnel::Ipip) => {}
        Some(Tunnel::Gue { .. } | Tunnel::Gre { .. }) => virtual_server.value.tunnel = tunnel,
    }
}

/// `lvs_method NAT|DR|TUN [type …]` of a real server.
pub(in crate::config) fn lvs_method(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let (kind, tunnel) = method(node, lowering);
    let server = &mut real_server.value;
    server.lvs_method = kind.map(|it| it.value).or(server.lvs_method);
    server.tunnel = tunnel.or(server.tunnel);
}

/// `sorry_server_lvs_method NAT|DR|TUN [type …]`
pub(in crate::config) fn sorry_server_lvs_method(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let (kind, tunnel) = method(node, lowering);
    let service = &mut virtual_server.value;
    service.sorry_server_lvs_method = kind.map(|it| it.value).or(service.sorry_server_lvs_method);
    service.sorry_server_tunnel = tunnel.or(service.sorry_server_tunnel);
}

/// `NAT|DR|TUN [type …]`: how packets reach a server, and by which tunnel. `TUN` alone is IP in IP, as in
/// keepalived, whatever that of `lb_kind` is.
fn method(
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) -> (Option<Spanned<Forwarding>>, Option<Tunnel>) {
    let kind = lowering.first(node, |text| value::choice(text, KINDS));
    let options = node.arguments.get(1..).unwrap_or_default();
    let (Some(first), Some(last)) = (options.first(), options.last()) else {
        let is_tunnel = kind.is_some_and(|kind| kind.value == Forwarding::Tun);
        return (kind, is_tunnel.then_some(Tunnel::Ipip));
    };
    let span = first.span.to(last.span);
    if kind.is_none_or(|kind| kind.value != Forwarding::Tun) {
        lowering.extra_words(span);
        return (kind, None);
    }
    let tunnel = tunnel(options);
    if tunnel.is_none() {
        let message = "this is not `type ipip`, `type gue port N` or `type gre`; `gue` and `gre` may \
                       have `nocsum` or `csum`, `gue` also `remcsum`: IP in IP is used";
        lowering.report(Diagnostic::warning(Code::BadValue, span, message));
    }
    (kind, tunnel.or(Some(Tunnel::Ipip)))
}

/// `type ipip|gue port N|gre [nocsum|csum|remcsum]`, in any order; the last of each counts. GRE has
/// no `remcsum`, as in keepalived.
fn tunnel(options: &[Word<'_>]) -> Option<Tunnel> {
    let mut words = options.iter().map(|word| &*word.text);
    let (mut name, mut port, mut checksum) = ("ipip", None, None);
    while let Some(word) = words.next() {
        match word {
            "type" => name = words.next()?,
            "port" => port = Some(words.next()?.parse::<u16>().ok()?),
            "nocsum" => checksum = Some(TunnelChecksum::None),
            "csum" => checksum = Some(TunnelChecksum::Full),
            "remcsum" => checksum = Some(TunnelChecksum::Remote),
            _ => return None,
        }
    }
    let is_remote = checksum == Some(TunnelChecksum::Remote);
    match (name, port) {
        ("ipip", None) if checksum.is_none() => Some(Tunnel::Ipip),
        ("gue", Some(port)) => Some(Tunnel::Gue {
            port,
            checksum: checksum.unwrap_or_default(),
        }),
        ("gre", None) if !is_remote => Some(Tunnel::Gre {
            checksum: checksum.unwrap_or_default(),
        }),
        _ => None,
    }
}

/// `persistence_timeout [SECONDS]`
pub(in crate::config) fn persistence_timeout(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let span = node.span();
    let Some(word) = node.arguments.first() else {
        let value = DEFAULT_PERSISTENCE;
        virtual_server.persistence_timeout = Some(Spanned { value, span });
        return;
    };
    if word.text == "0" {
        let message = "`persistence_timeout 0` means no persistence";
        lowering.report(Diagnostic::warning(Code::Adjusted, span, message));
    }
    let timeout = lowering.first(node, |text| {
        value::integer(text, &(0..=LONGEST_PERSISTENCE))
            .map(|seconds| Duration::from_secs(u64::from(seconds)))
    });
    virtual_server.persistence_timeout = timeout.or(virtual_server.persistence_timeout);
}

/// `persistence_granularity NETMASK|PREFIX`: up to 32 bits a mask of IPv4 (and a prefix of IPv6),
/// above a prefix of IPv6.
pub(in crate::config) fn persistence_granularity(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(word) = node.arguments.first() else {
        return;
    };
    let prefix = value::integer(&word.text, &(1..=128)).ok();
    if let Some(prefix) = prefix {
        virtual_server.value.persistence_granularity6 = prefix;
    }
    if prefix.is_none_or(|prefix| prefix <= 32) {
        let mask = lowering.first(node, value::netmask4);
        virtual_server.persistence_granularity = mask.or(virtual_server.persistence_granularity);
    }
}
