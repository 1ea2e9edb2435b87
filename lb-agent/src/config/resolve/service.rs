//! `virtual_server`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ProtocolDraft, Target, VirtualServerDraft};
use crate::config::model::{
    AddressKey, Family, Forwarding, FwmarkKey, GroupKey, Protocol, RealServer, RealServerKey,
    SorryServer, VirtualServer, VirtualServerKey,
};
use crate::config::text::Span;

impl Resolver<'_> {
    /// The service that a draft stands for; `None` when it cannot be served.
    pub(super) fn virtual_server(&mut self, draft: &VirtualServerDraft) -> Option<VirtualServer> {
        let key = match draft.target.clone() {
            Target::Address(address, port) => VirtualServerKey::Address(AddressKey {
                address,
                port,
                protocol: self.protocol(draft),
            }),
            Target::Fwmark(fwmark) => {
                if let Some(given) = draft.protocol {
                    let message = "a fwmark has no protocol: this is ignored, as with keepalived";
                    let trap = Diagnostic::warning(Code::Adjusted, given.span, message);
                    self.report(trap.help("leave `protocol` out: the mark says what is meant"));
                }
                VirtualServerKey::Fwmark(FwmarkKey {
                    fwmark,
                    ip_family: family(draft),
                })
            }
            Target::Group(group) => {
                let consequence = "the virtual server is left out";
                if !self.refers(
                    |names| &names.virtual_server_groups,
                    "virtual_server_group",
                    &group,
                    consequence,
                ) {
                    return None;
                }
                VirtualServerKey::Group(GroupKey {
                    group: group.value,
                    protocol: self.protocol(draft),
                })
            }
        };
        Some(self.service(draft)?.with_key(key))
    }

    /// All but what is served.
    fn service(&mut self, draft: &VirtualServerDraft) -> Option<VirtualServer<()>> {
        if draft.real_servers.is_empty() {
            self.left_out(draft);
            return None;
        }
        let lb_kind = self.lb_kind(draft);
        if draft.lb_algo.is_none() {
            let message = "no `lb_algo`: wlc is used, as with keepalived";
            self.warning(Code::MissingSetting, draft.span, message);
        }
        let persistence = draft.persistence_timeout.map(|given| given.value);
        let real_servers = self.real_servers(draft, lb_kind);
        if real_servers.is_empty() {
            self.left_out(draft);
            return None;
        }
        let mail = &self.global.value.mail;
        let alert = draft.smtp_alert.map(|given| given.value);
        let smtp_alert = alert.or(mail.smtp_alert_checker).or(mail.smtp_alert);
        let sorry_server = self.sorry_server(draft, lb_kind);
        let service = VirtualServer {
            lb_algo: draft.lb_algo.map(|given| given.value).unwrap_or_default(),
            lb_kind,
            persistence_timeout: persistence.filter(|timeout| *timeout > Duration::ZERO),
            persistence_granularity: draft
                .persistence_granularity
                .map_or(Ipv4Addr::BROADCAST, |given| given.value),
            alpha: draft.checks.alpha.is_some_and(|given| given.value),
            sorry_server,
            real_servers,
            smtp_alert: smtp_alert.unwrap_or(false),
            ..draft.value.clone()
        };
        let service = self.combination(draft, service);
        self.service_traps(draft, &service);
        Some(service)
    }

    fn left_out(&mut self, draft: &VirtualServerDraft) {
        let message = "this virtual server has no real server: it is left out";
        self.warning(Code::LeftOut, draft.span, message);
    }

    fn protocol(&mut self, draft: &VirtualServerDraft) -> Protocol {
        match draft.protocol.map(|given| given.value) {
            Some(ProtocolDraft::Tcp) => Protocol::Tcp,
            Some(ProtocolDraft::Udp) => Protocol::Udp,
            Some(ProtocolDraft::Sctp) => Protocol::Sctp,
            None => {
                let message = "no `protocol`: this virtual server serves UDP, as with keepalived";
                let trap = Diagnostic::warning(Code::MissingSetting, draft.span, message);
                self.report(trap.help("add `protocol TCP` or `protocol UDP`"));
                Protocol::Udp
            }
        }
    }

    fn lb_kind(&mut self, draft: &VirtualServerDraft) -> Forwarding {
        if draft.lb_kind.is_none() {
            let message = "no `lb_kind`: NAT is used, as with keepalived";
            self.warning(Code::MissingSetting, draft.span, message);
        }
        draft.lb_kind.map_or(Forwarding::Nat, |given| given.value)
    }

    fn real_servers(&mut self, draft: &VirtualServerDraft, lb_kind: Forwarding) -> Vec<RealServer> {
        let mut seen: HashMap<RealServerKey, Span> = HashMap::new();
        let mut real_servers = Vec::with_capacity(draft.real_servers.len());
        for (place, server) in draft.real_servers.iter().enumerate() {
            self.trace.at_server(place);
            let method = server.value.lvs_method.unwrap_or(lb_kind);
            if Self::is_foreign(draft, server.address, method) {
                let message = format!(
                    "this real server is {}: only with TUN may a server be of another family than \
                     its virtual server; it is left out",
                    named(server.address)
                );
                self.error(Code::WrongFamily, server.span, message);
                continue;
            }
            let resolved = self.real_server(server, draft, method);
            if let Some(first) = seen.get(&resolved.key) {
                let message = "this real server stands here twice: the second one is left out";
                let twice = Diagnostic::warning(Code::Duplicate, server.span, message);
                self.report(twice.related(*first, "the first one"));
                continue;
            }
            seen.insert(resolved.key, server.span);
            self.trace.keeps_server();
            real_servers.push(resolved);
        }
        real_servers
    }

    fn sorry_server(
        &mut self,
        draft: &VirtualServerDraft,
        lb_kind: Forwarding,
    ) -> Option<SorryServer> {
        let given = draft.sorry_server?;
        let (address, port) = given.value;
        let method = draft.value.sorry_server_lvs_method.unwrap_or(lb_kind);
        if Self::is_foreign(draft, address, method) {
            let message = format!(
                "the sorry server is {}: only with TUN may it be of another family than its \
                 virtual server; it is left out",
                named(address)
            );
            self.error(Code::WrongFamily, given.span, message);
            return None;
        }
        let port = self.port(port, given.span, draft, method);
        Some(SorryServer { address, port })
    }

    /// Whether a server is of another family than its virtual server, which only a tunnel can
    /// bridge.
    fn is_foreign(draft: &VirtualServerDraft, address: IpAddr, method: Forwarding) -> bool {
        let is_tunnel = match method {
            Forwarding::Tun => true,
            Forwarding::Nat | Forwarding::Dr => false,
        };
        match draft.target {
            Target::Address(service, _) => !is_tunnel && service.is_ipv4() != address.is_ipv4(),
            Target::Fwmark(_) => !is_tunnel && family(draft) != Family::of(address),
            // Its addresses may be of both.
            Target::Group(_) => false,
        }
    }

    /// DR and TUN leave the port as the client wrote it; what serves several ports has none.
    pub(super) fn port(
        &mut self,
        given: Option<u16>,
        span: Span,
        draft: &VirtualServerDraft,
        method: Forwarding,
    ) -> u16 {
        let port = given.unwrap_or_else(|| draft.port());
        let kind = match method {
            Forwarding::Nat => return port,
            Forwarding::Dr => "DR",
            Forwarding::Tun => "TUN",
        };
        let kept = draft.port();
        let message = match draft.target {
            Target::Address(..) if port == kept => return kept,
            Target::Address(_, 0) => {
                format!("with {kind} every port stays as it is: {port} is ignored")
            }
            Target::Address(..) => format!(
                "with {kind} the port cannot change: {kept}, that of the virtual server, is used \
                 instead of {port}"
            ),
            Target::Fwmark(_) if given.is_some() => format!(
                "with {kind} the port of what is marked stays as it is: {port} is for the checks \
                 only"
            ),
            Target::Fwmark(_) => return kept,
            // Its addresses may have different ports; the kernel leaves them alone.
            Target::Group(_) => return port,
        };
        self.warning(Code::Adjusted, span, message);
        kept
    }
}

/// `ip_family`, else that of the first real server.
fn family(draft: &VirtualServerDraft) -> Family {
    let first = draft.real_servers.first();
    let of_servers = first.map_or(Family::Inet, |server| Family::of(server.address));
    draft.ip_family.map_or(of_servers, |given| given.value)
}

const fn named(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(_) => "IPv4",
        IpAddr::V6(_) => "IPv6",
    }
}
