//! The lines of `virtual_server` and `real_server` with a shape of their own.

use std::net::IpAddr;
use std::time::Duration;

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{
    CheckerDraft, CheckerName, ConfigDraft, ProtocolDraft, RealServerDraft, VirtualServerDraft,
};
use crate::config::keywords::{HTTP_GET, REAL_SERVER, Section, TCP_CHECK, VIRTUAL_SERVER};
use crate::config::lexer::Word;
use crate::config::model::{Forwarding, Scheduler};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// Schedulers of IPVS that are not built yet.
const SCHEDULERS_LATER: &[&str] = &[
    "lc", "wlc", "lblc", "lblcr", "sh", "dh", "mh", "sed", "nq", "fo", "ovf", "twos",
];

/// The words of `lb_kind`.
const KINDS: &[(&str, Forwarding)] = &[
    ("NAT", Forwarding::Nat),
    ("DR", Forwarding::Dr),
    ("TUN", Forwarding::Tun),
];

/// The longest persistence: 31 days, as in keepalived.
const LONGEST_PERSISTENCE: u32 = 31 * 86_400;

/// `persistence_timeout` without a number.
const DEFAULT_PERSISTENCE: Duration = Duration::from_mins(6);

/// `virtual_server IP PORT { … }`
pub(in crate::config) fn virtual_server(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(key) = lowering.virtual_server_key(node) else {
        return;
    };
    let (address, port) = key;
    let mut draft = VirtualServerDraft::new(node.span(), address, port);
    lowering.block(&VIRTUAL_SERVER, &mut draft, node);
    config.virtual_servers.push(draft);
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
    lowering.block(&REAL_SERVER, &mut draft, node);
    virtual_server.real_servers.push(draft);
}

/// `lb_algo SCHEDULER`
pub(in crate::config) fn lb_algo(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let Some(word) = node.arguments.first() else {
        return;
    };
    let value = match word.text.as_ref() {
        "rr" => Scheduler::Rr,
        "wrr" => Scheduler::Wrr,
        later if SCHEDULERS_LATER.contains(&later) => {
            let message = format!("the scheduler `{later}` is not supported yet: `wrr` is used");
            lowering.report(Diagnostic::warning(Code::NoEffectYet, word.span, message));
            Scheduler::Wrr
        }
        _ => {
            let expected = "a scheduler, like rr or wrr";
            lowering.report(super::remark::bad_value(word, expected));
            return;
        }
    };
    lowering.set(
        &mut virtual_server.lb_algo,
        Spanned {
            value,
            span: node.span(),
        },
    );
}

/// `lb_kind NAT|DR|TUN [type …]`
pub(in crate::config) fn lb_kind(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut virtual_server.lb_kind, node, |text| {
        value::choice(text, KINDS)
    });
    let options = node.arguments.get(1..).unwrap_or_default();
    let texts: Vec<&str> = options.iter().map(|word| word.text.as_ref()).collect();
    if let (Some(first), Some(last)) = (options.first(), options.last())
        && !matches!(texts.as_slice(), ["type", "ipip"])
    {
        let span = first.span.to(last.span);
        let message = "tunnels other than plain IP in IP are not supported yet: IP in IP is used";
        lowering.report(Diagnostic::warning(Code::NoEffectYet, span, message));
    }
}

/// `protocol TCP|UDP|SCTP`, in any case of letters.
pub(in crate::config) fn protocol(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut virtual_server.protocol, node, |text| {
        let choices = &[
            ("TCP", ProtocolDraft::Tcp),
            ("UDP", ProtocolDraft::Udp),
            ("SCTP", ProtocolDraft::Sctp),
        ];
        value::choice(&text.to_ascii_uppercase(), choices)
    });
}

/// `persistence_timeout [SECONDS]`
pub(in crate::config) fn persistence_timeout(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let field = &mut virtual_server.persistence_timeout;
    let Some(word) = node.arguments.first() else {
        return lowering.set(
            field,
            Spanned {
                value: DEFAULT_PERSISTENCE,
                span: node.span(),
            },
        );
    };
    if word.text == "0" {
        let message = "`persistence_timeout 0` means no persistence";
        lowering.report(Diagnostic::notice(Code::Surprising, node.span(), message));
    }
    lowering.first(field, node, |text| {
        value::integer(text, &(0..=LONGEST_PERSISTENCE))
            .map(|seconds| Duration::from_secs(u64::from(seconds)))
    });
}

/// `persistence_granularity NETMASK`
pub(in crate::config) fn persistence_granularity(
    virtual_server: &mut VirtualServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(
        &mut virtual_server.persistence_granularity,
        node,
        value::netmask4,
    );
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
    let server = Spanned {
        value: (address, port),
        span: node.span(),
    };
    lowering.set(&mut virtual_server.sorry_server, server);
}

/// `TCP_CHECK { … }`
pub(in crate::config) fn tcp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.checker(&TCP_CHECK, CheckerName::TcpCheck, real_server, node);
}

/// `HTTP_GET { … }`
pub(in crate::config) fn http_get(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.checker(&HTTP_GET, CheckerName::HttpGet, real_server, node);
}

fn port_or_none(text: &str) -> Result<u16, Expected> {
    value::integer(text, &(0..=65535))
        .ok()
        .ok_or_else(|| "a port (1 to 65535)".to_owned())
}

impl Lowering<'_> {
    fn checker(
        &mut self,
        section: &'static Section<CheckerDraft>,
        name: CheckerName,
        real_server: &mut RealServerDraft,
        node: &Node<'_>,
    ) {
        let name = Spanned {
            value: name,
            span: node.keyword.span,
        };
        let mut draft = CheckerDraft::new(name);
        self.block(section, &mut draft, node);
        real_server.checkers.push(draft);
    }

    /// Address and port of a virtual server that can be served.
    fn virtual_server_key(&mut self, node: &Node<'_>) -> Option<(IpAddr, u16)> {
        let (first, second) = (node.arguments.first()?, node.arguments.get(1));
        let unsupported = match first.text.as_ref() {
            "fwmark" => "virtual servers for a fwmark are not supported yet: it is left out",
            "group" => "virtual servers for a group are not supported yet: it is left out",
            _ => {
                let address = self.parse_server(first, value::host_address)?;
                let port = second.map_or(Some(0), |word| self.parse_server(word, port_or_none))?;
                if port != 0 {
                    return Some((address, port));
                }
                "virtual servers for all ports are not supported yet: it is left out"
            }
        };
        self.report(Diagnostic::error(
            Code::NotSupported,
            node.span(),
            unsupported,
        ));
        None
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
