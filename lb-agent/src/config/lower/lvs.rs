//! The lines of `virtual_server` and `real_server` with a shape of their own.

use std::time::Duration;

use super::Lowering;
use super::address::owned;
use super::telling::command;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{
    BfdCheckDraft, CheckerDraft, CheckerName, ConfigDraft, DnsCheckDraft, FileCheckDraft,
    IsChecker as _, LaterDraft, MiscCheckDraft, ProtocolDraft, RealServerDraft, SmtpCheckDraft,
    SslGetDraft, Target, UdpCheckDraft, VirtualServerDraft,
};
use crate::config::keywords::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, KINDS, MISC_CHECK, PING_CHECK, PROTOCOLS,
    REAL_SERVER, SMTP_CHECK, SSL_GET, TCP_CHECK, UDP_CHECK, VIRTUAL_SERVER,
};
use crate::config::lexer::Word;
use crate::config::model::{Forwarding, Scheduler, Tunnel, TunnelChecksum};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// The longest persistence: 31 days, as in keepalived.
const LONGEST_PERSISTENCE: u32 = 31 * 86_400;

/// `persistence_timeout` without a number.
const DEFAULT_PERSISTENCE: Duration = Duration::from_mins(6);

/// `virtual_server (IP PORT | fwmark N | group NAME) { … }`
pub(in crate::config) fn virtual_server(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(target) = lowering.target(node) {
        let mut draft = VirtualServerDraft::new(node.span(), target);
        draft.given = lowering.block(&VIRTUAL_SERVER, &mut draft, node);
        draft.real_servers.shrink_to_fit();
        config.virtual_servers.push(draft);
    }
}

/// `real_server IP [PORT] { … }`
pub(in crate::config) fn real_server(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(ip) = node.arguments.first() else {
        return;
    };
    let Some(address) = lowering.parse_server(ip, value::host_address) else {
        return;
    };
    let port = match node.arguments.get(1) {
        None => None,
        Some(word) => match lowering.parse_server(word, port_or_none) {
            Some(value) => Some(Spanned {
                value,
                span: word.span,
            }),
            None => return,
        },
    };
    let port = port.filter(|port| port.value != 0);
    let mut draft = RealServerDraft::new(node.span(), address, port);
    draft.given = lowering.block_of_many(&REAL_SERVER, &mut draft, node);
    virtual_server.real_servers.push(draft);
}

/// `lb_algo SCHEDULER`
pub(in crate::config) fn lb_algo(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let value = lowering.first(node, |text| {
        Scheduler::from_name(text).ok_or_else(|| "a scheduler, like rr or wlc".to_owned())
    });
    virtual_server.lb_algo = value.or(virtual_server.lb_algo);
}

/// `lb_kind NAT|DR|TUN [type …]`
pub(in crate::config) fn lb_kind(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let kind = lowering.first(node, |text| value::choice(text, KINDS));
    virtual_server.lb_kind = kind.or(virtual_server.lb_kind);
    let options = node.arguments.get(1..).unwrap_or_default();
    let (Some(first), Some(last)) = (options.first(), options.last()) else {
        return;
    };
    let span = first.span.to(last.span);
    if kind.is_none_or(|kind| kind.value != Forwarding::Tun) {
        return lowering.extra_words(span);
    }
    match tunnel(options) {
        None => {
            let message = "this is not `type ipip`, `type gue port N` or `type gre`, with `nocsum`, \
                           `csum` or `remcsum`: IP in IP is used";
            lowering.report(Diagnostic::warning(Code::BadValue, span, message));
        }
        Some(Tunnel::Ipip) => {}
        tunnel @ Some(Tunnel::Gue { .. } | Tunnel::Gre { .. }) => {
            virtual_server.value.tunnel = tunnel;
            let message =
                "tunnels other than plain IP in IP are not supported yet: IP in IP is used";
            lowering.report(Diagnostic::warning(Code::NoEffectYet, span, message));
        }
    }
}

/// `type ipip|gue port N|gre [nocsum|csum|remcsum]`
fn tunnel(options: &[Word<'_>]) -> Option<Tunnel> {
    let mut words = options.iter().map(|word| word.text.as_ref());
    if words.next() != Some("type") {
        return None;
    }
    let mut tunnel = match words.next()? {
        "ipip" => Tunnel::Ipip,
        "gre" => Tunnel::Gre {
            checksum: TunnelChecksum::None,
        },
        "gue" => Tunnel::Gue {
            port: words
                .next()
                .filter(|word| *word == "port")
                .and_then(|_| words.next()?.parse().ok())?,
            checksum: TunnelChecksum::None,
        },
        _ => return None,
    };
    for word in words {
        let wanted = match word {
            "nocsum" => TunnelChecksum::None,
            "csum" => TunnelChecksum::Full,
            "remcsum" => TunnelChecksum::Remote,
            _ => return None,
        };
        match &mut tunnel {
            Tunnel::Ipip => return None,
            Tunnel::Gue { checksum, .. } | Tunnel::Gre { checksum } => *checksum = wanted,
        }
    }
    Some(tunnel)
}

/// `protocol TCP|UDP|SCTP`, in any case of letters.
pub(in crate::config) fn protocol(text: &str) -> Result<ProtocolDraft, Expected> {
    value::choice(&text.to_ascii_uppercase(), PROTOCOLS)
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
        lowering.report(Diagnostic::notice(Code::Surprising, span, message));
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

/// `sorry_server IP [PORT]`
pub(in crate::config) fn sorry_server(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(ip) = node.arguments.first() else {
        return;
    };
    let Some(address) = lowering.parse(ip, value::host_address) else {
        return;
    };
    let port = match node.arguments.get(1) {
        None => None,
        Some(word) => match lowering.parse(word, port_or_none) {
            Some(0) => None,
            Some(port) => Some(port),
            None => return,
        },
    };
    virtual_server.sorry_server = Some(Spanned {
        value: (address, port),
        span: node.span(),
    });
}

/// `quorum_up COMMAND [USER [GROUP]]`
pub(in crate::config) fn quorum_up(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    virtual_server.value.quorum_up = command(node);
}

/// `quorum_down COMMAND [USER [GROUP]]`
pub(in crate::config) fn quorum_down(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    virtual_server.value.quorum_down = command(node);
}

/// `notify_up COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_up(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    real_server.value.notify_up = command(node);
}

/// `notify_down COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_down(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    real_server.value.notify_down = command(node);
}

/// `TCP_CHECK { … }`
pub(in crate::config) fn tcp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = checker(CheckerName::TcpCheck, node);
    draft.checker().given = lowering.block_of_many(&TCP_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.checkers.reserve_exact(1);
    real_server.checkers.push(draft);
}

/// `HTTP_GET { … }`
pub(in crate::config) fn http_get(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = checker(CheckerName::HttpGet, node);
    draft.checker().given = lowering.block_of_many(&HTTP_GET, &mut draft, node);
    // Most servers have one.
    real_server.checkers.reserve_exact(1);
    real_server.checkers.push(draft);
}

/// `SSL_GET { … }`
pub(in crate::config) fn ssl_get(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = SslGetDraft::new(checker(CheckerName::SslGet, node));
    draft.checker().given = lowering.block_of_many(&SSL_GET, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Ssl(draft));
}

/// `SMTP_CHECK { … }`
pub(in crate::config) fn smtp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = SmtpCheckDraft::new(checker(CheckerName::SmtpCheck, node));
    draft.checker().given = lowering.block_of_many(&SMTP_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Smtp(draft));
}

/// `MISC_CHECK { … }`
pub(in crate::config) fn misc_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = MiscCheckDraft::new(checker(CheckerName::MiscCheck, node));
    draft.checker().given = lowering.block_of_many(&MISC_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Misc(draft));
}

/// `DNS_CHECK { … }`
pub(in crate::config) fn dns_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = DnsCheckDraft::new(checker(CheckerName::DnsCheck, node));
    draft.checker().given = lowering.block_of_many(&DNS_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Dns(draft));
}

/// `UDP_CHECK { … }`
pub(in crate::config) fn udp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = UdpCheckDraft::new(checker(CheckerName::UdpCheck, node));
    draft.checker().given = lowering.block_of_many(&UDP_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Udp(draft));
}

/// `PING_CHECK { … }`
pub(in crate::config) fn ping_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = checker(CheckerName::PingCheck, node);
    draft.checker().given = lowering.block_of_many(&PING_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Ping(draft));
}

/// `BFD_CHECK { … }`
pub(in crate::config) fn bfd_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = BfdCheckDraft::new(checker(CheckerName::BfdCheck, node));
    draft.checker().given = lowering.block_of_many(&BFD_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::Bfd(draft));
}

/// `FILE_CHECK { … }`
pub(in crate::config) fn file_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = FileCheckDraft::new(checker(CheckerName::FileCheck, node));
    draft.checker().given = lowering.block_of_many(&FILE_CHECK, &mut draft, node);
    // Most servers have one.
    real_server.later_checkers.reserve_exact(1);
    real_server.later_checkers.push(LaterDraft::File(draft));
}

fn checker(name: CheckerName, node: &Node<'_>) -> CheckerDraft {
    CheckerDraft::new(Spanned {
        value: name,
        span: node.keyword.span,
    })
}

fn port_or_none(text: &str) -> Result<u16, Expected> {
    value::integer(text, &(0..=65535))
        .ok()
        .ok_or_else(|| "a port (1 to 65535)".to_owned())
}

impl Lowering<'_> {
    /// What a virtual server serves.
    fn target(&mut self, node: &Node<'_>) -> Option<Target> {
        let (first, second) = (node.arguments.first()?, node.arguments.get(1));
        let named = |what: &str| match second {
            None => Err(format!("`virtual_server {what}` is missing a parameter")),
            Some(word) => Ok(word),
        };
        match first.text.as_ref() {
            "fwmark" => {
                let word = self.or_missing(named("fwmark"), node)?;
                self.parse_server(word, |text| value::integer(text, &(1..=u32::MAX)))
                    .map(Target::Fwmark)
            }
            "group" => {
                let word = self.or_missing(named("group"), node)?;
                Some(Target::Group(owned(word)))
            }
            _ => {
                let address = self.parse_server(first, value::host_address)?;
                let port = second.map_or(Some(0), |word| self.parse_server(word, port_or_none))?;
                Some(Target::Address(address, port))
            }
        }
    }

    fn or_missing<'w, 's>(
        &mut self,
        word: Result<&'w Word<'s>, String>,
        node: &Node<'_>,
    ) -> Option<&'w Word<'s>> {
        word.map_err(|message| {
            self.report(Diagnostic::error(
                Code::MissingParameter,
                node.span(),
                message,
            ));
        })
        .ok()
    }

    /// A word in front of a block: without it the whole block is left out.
    fn parse_server<V>(
        &mut self,
        word: &Word<'_>,
        parse: impl FnOnce(&str) -> Result<V, Expected>,
    ) -> Option<V> {
        match parse(&word.text) {
            Ok(value) => Some(value),
            Err(expected) => {
                let message = format!(
                    "`{}` is not {expected}: the whole block is left out",
                    word.text
                );
                self.report(Diagnostic::error(Code::BadValue, word.span, message));
                None
            }
        }
    }
}
