//! The lines of `virtual_server` and `real_server` with a shape of their own.

mod checks;
mod kind;

pub(in crate::config) use checks::{
    bfd_check, dns_check, file_check, http_get, misc_check, ping_check, smtp_check, ssl_get,
    tcp_check, udp_check,
};
pub(in crate::config) use kind::{
    lb_kind, lvs_method, persistence_granularity, persistence_timeout, sorry_server_lvs_method,
};

use super::Lowering;
use super::address::owned;
use super::telling::command;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{
    ConfigDraft, ProtocolDraft, RealServerDraft, Target, VirtualServerDraft,
};
use crate::config::keywords::{PROTOCOLS, REAL_SERVER, VIRTUAL_SERVER};
use crate::config::lexer::Word;
use crate::config::model::Scheduler;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

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

/// `protocol TCP|UDP|SCTP`, in any case of letters.
pub(in crate::config) fn protocol(text: &str) -> Result<ProtocolDraft, Expected> {
    value::choice(&text.to_ascii_uppercase(), PROTOCOLS)
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
