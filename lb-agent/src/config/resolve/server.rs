//! `real_server` and its checkers: the one place where settings are handed down.

use std::net::IpAddr;
use std::time::Duration;

use super::Resolver;
use crate::config::diagnostic::Code;
use crate::config::draft::{
    CheckSettings, CheckerDraft, ProtocolDraft, RealServerDraft, Target as Served,
    VirtualServerDraft,
};
use crate::config::model::{Checker, Forwarding, RealServer, RealServerKey};
use crate::config::text::Spanned;

/// Default of `delay_loop`.
pub(super) const DELAY_LOOP: Duration = Duration::from_mins(1);

/// Default of `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What a checker is handed down.
#[derive(Clone, Copy)]
pub(super) struct Outer<'o> {
    pub(super) settings: &'o CheckSettings,
    pub(super) virtualhost: Option<&'o Spanned<String>>,
    /// Where a check goes that names no other place.
    pub(super) target: (IpAddr, u16),
    /// Why the virtual address cannot be asked for on the server.
    pub(super) no_tunnel: Option<&'static str>,
}

impl Resolver<'_> {
    /// The server that a draft stands for.
    pub(super) fn real_server(
        &mut self,
        draft: &RealServerDraft,
        service: &VirtualServerDraft,
        method: Forwarding,
    ) -> RealServer {
        let given = draft.port.map(|port| port.value);
        let span = draft.port.map_or(draft.span, |port| port.span);
        let port = self.port(given, span, service, method);
        let settings = draft.checks.within(&service.checks);
        let outer = Outer {
            settings: &settings,
            virtualhost: draft.virtualhost.as_ref().or(service.virtualhost.as_ref()),
            // A check goes to the port that was written, also where traffic cannot.
            target: (draft.address, given.unwrap_or(port)),
            no_tunnel: no_tunnel(service, method),
        };
        let checkers = draft.checkers.iter().enumerate();
        let checkers = checkers.filter_map(|(index, checker)| {
            let checker = self.checker(checker, &outer);
            if checker.is_none() {
                let title = service.title_of(draft);
                self.left_out.insert(format!("{title} check {index}"));
            }
            checker
        });
        let mut checkers: Vec<Checker> = checkers.collect();
        // The room that a growing list takes is several times that of most servers' one checker.
        checkers.shrink_to_fit();
        let mail = &self.global.value.mail;
        let alert = draft.smtp_alert.map(|given| given.value);
        RealServer {
            key: RealServerKey {
                address: draft.address,
                port,
            },
            weight: draft
                .weight
                .or(service.weight)
                .map_or(1, |given| given.value),
            inhibit_on_failure: draft
                .inhibit_on_failure
                .or(service.inhibit_on_failure)
                .is_some_and(|given| given.value),
            alpha: checkers.iter().any(|checker| checker.alpha),
            checkers,
            smtp_alert: alert
                .or(mail.smtp_alert_checker)
                .or(mail.smtp_alert)
                .unwrap_or(true),
            ..draft.value.clone()
        }
    }

    /// What all checkers have; `retry` and `delay_before_retry` are the defaults of this kind.
    pub(super) fn common<K>(
        &mut self,
        kind: K,
        draft: &CheckerDraft,
        outer: &Outer<'_>,
        retry: u32,
        delay_before_retry: Duration,
    ) -> Checker<K> {
        let (address, port) = outer.target;
        let settings = draft.checks.within(outer.settings);
        let delay_loop = settings.delay_loop.map_or(DELAY_LOOP, |given| given.value);
        let log_all_failures = draft
            .log_all_failures
            .or(self.global.checker_log_all_failures);
        let checker = Checker {
            kind,
            connect_ip: draft.connect_ip.map_or(address, |given| given.value),
            connect_port: draft.connect_port.map_or(port, |given| given.value),
            bindto: draft.bindto.map(|given| given.value),
            bind_port: draft.bind_port.map_or(0, |given| given.value),
            fwmark: draft.fwmark.map_or(0, |given| given.value),
            connect_timeout: settings
                .connect_timeout
                .map_or(CONNECT_TIMEOUT, |g| g.value),
            retry: settings.retry.map_or(retry, |given| given.value),
            delay_before_retry: settings
                .delay_before_retry
                .map_or(delay_before_retry, |given| given.value),
            delay_loop,
            warmup: settings.warmup.map_or(delay_loop, |given| given.value),
            log_all_failures: log_all_failures.is_some_and(|given| given.value),
            bind_if: draft.bind_if.as_ref().map(|given| given.value.clone()),
            alpha: settings.alpha.is_some_and(|given| given.value),
        };
        let bindto = draft
            .bindto
            .filter(|from| from.value.is_ipv4() != checker.connect_ip.is_ipv4());
        if let Some(bindto) = bindto {
            let message = format!(
                "`bindto` is of another family than {}, which is checked: it is ignored",
                checker.connect_ip
            );
            self.error(Code::WrongFamily, bindto.span, message);
        }
        Checker {
            bindto: checker.bindto.filter(|_| bindto.is_none()),
            ..checker
        }
    }
}

/// Why a server of `service` cannot be asked for the virtual address.
fn no_tunnel(service: &VirtualServerDraft, lvs_method: Forwarding) -> Option<&'static str> {
    let protocol = service.protocol.map(|given| given.value);
    match (&service.target, lvs_method) {
        (_, Forwarding::Nat) => {
            Some("means nothing in NAT mode, where servers do not have the virtual address")
        }
        (Served::Fwmark(_) | Served::Group(_), Forwarding::Dr | Forwarding::Tun) => {
            Some("needs a virtual server with an address and a port")
        }
        (Served::Address(..), Forwarding::Tun) if service.value.tunnel.is_some() => {
            Some("knows tunnels of IP in IP only, neither `type gue` nor `type gre`")
        }
        (Served::Address(_, port), Forwarding::Dr | Forwarding::Tun) => {
            let served = *port != 0 && protocol == Some(ProtocolDraft::Tcp);
            (!served).then_some("needs a virtual server of TCP, with a port")
        }
    }
}
