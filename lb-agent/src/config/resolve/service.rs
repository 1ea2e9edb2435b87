//! `virtual_server`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ProtocolDraft, Target, VirtualServerDraft};
use crate::config::model::{
    AddressKey, Forwarding, FwmarkKey, GroupKey, Protocol, RealServer, RealServerKey, Scheduler,
    SorryServer, VirtualServer, VirtualServerKey,
};
use crate::config::text::Span;

impl Resolver<'_> {
    /// The service that a draft stands for; `None` when it cannot be served.
    pub(super) fn virtual_server(&mut self, draft: &VirtualServerDraft) -> Option<VirtualServer> {
        match draft.target.clone() {
            Target::Address(address, port) => {
                self.is_served(draft, address, port)?;
                let protocol = self.protocol(draft)?;
                let key = AddressKey {
                    address,
                    port,
                    protocol,
                };
                Some(self.service(draft)?.with_key(key.into()))
            }
            Target::Fwmark(fwmark) => {
                let message =
                    "virtual servers for a fwmark are not supported yet: it is not served";
                let unsupported = Diagnostic::error(Code::NotSupported, draft.span, message);
                self.report(unsupported.help(
                    "XDP sees a packet before a firewall marks it: write a `virtual_server IP PORT` \
                     for each address and port",
                ));
                if let Some(given) = draft.protocol {
                    let message = "a fwmark has no protocol: this is ignored, as with keepalived";
                    self.warning(Code::Surprising, given.span, message);
                }
                let service = self.service(draft)?;
                let ip_family = draft.ip_family.map(|given| given.value);
                let ip_family = ip_family.unwrap_or_else(|| service.family());
                let key = FwmarkKey { fwmark, ip_family };
                Some(service.with_key(VirtualServerKey::Fwmark(key)))
            }
            Target::Group(group) => {
                let message = "virtual servers for a group are not supported yet: it is not served";
                self.error(Code::NotSupported, draft.span, message);
                let protocol = self.protocol(draft)?;
                let consequence = "the virtual server is left out";
                if !self.refers(
                    |names| &names.virtual_server_groups,
                    "virtual_server_group",
                    &group,
                    consequence,
                ) {
                    return None;
                }
                let service = self.service(draft)?;
                let group = group.value;
                let key = GroupKey { group, protocol };
                Some(service.with_key(VirtualServerKey::Group(key)))
            }
        }
    }

    /// Says why the data plane cannot serve an address.
    fn is_served(&mut self, draft: &VirtualServerDraft, address: IpAddr, port: u16) -> Option<()> {
        let message = if address.is_ipv6() {
            "virtual servers of IPv6 are not supported yet: it is left out"
        } else if port == 0 {
            "virtual servers for all ports are not supported yet: it is left out"
        } else {
            return Some(());
        };
        self.error(Code::NotSupported, draft.span, message);
        None
    }

    /// All but what is served.
    fn service(&mut self, draft: &VirtualServerDraft) -> Option<VirtualServer<()>> {
        if draft.real_servers.is_empty() {
            self.left_out(draft);
            return None;
        }
        let lb_algo = Self::lb_algo(draft);
        let lb_kind = self.lb_kind(draft);
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
            lb_algo,
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

    fn protocol(&mut self, draft: &VirtualServerDraft) -> Option<Protocol> {
        match draft.protocol.map(|given| (given.value, given.span)) {
            Some((ProtocolDraft::Tcp, _)) => Some(Protocol::Tcp),
            Some((ProtocolDraft::Udp, _)) => Some(Protocol::Udp),
            Some((ProtocolDraft::Sctp, span)) => {
                let message = "SCTP is not supported yet: the virtual server is left out";
                self.error(Code::NotSupported, span, message);
                None
            }
            None if !draft.is_served() => Some(Protocol::Udp),
            None => {
                let message = "no `protocol`: this virtual server serves UDP, as with keepalived";
                let trap = Diagnostic::warning(Code::Surprising, draft.span, message);
                self.report(trap.help("add `protocol TCP` or `protocol UDP`"));
                Some(Protocol::Udp)
            }
        }
    }

    fn lb_algo(draft: &VirtualServerDraft) -> Scheduler {
        draft.lb_algo.map(|given| given.value).unwrap_or_default()
    }

    fn lb_kind(&mut self, draft: &VirtualServerDraft) -> Forwarding {
        if draft.lb_kind.is_none() && draft.is_served() {
            let message = "no `lb_kind`: NAT is used, as with keepalived";
            self.warning(Code::Surprising, draft.span, message);
        }
        draft.lb_kind.map_or(Forwarding::Nat, |given| given.value)
    }

    fn real_servers(&mut self, draft: &VirtualServerDraft, lb_kind: Forwarding) -> Vec<RealServer> {
        let mut seen: HashMap<RealServerKey, Span> = HashMap::new();
        let mut real_servers = Vec::with_capacity(draft.real_servers.len());
        for server in &draft.real_servers {
            if let Target::Address(address, _) = draft.target
                && address.is_ipv4() != server.address.is_ipv4()
            {
                let message = "this real server is IPv6, its virtual server IPv4: it is left out";
                let mixed = Diagnostic::error(Code::WrongFamily, server.span, message);
                self.report(mixed.related(draft.span, "the virtual server"));
                continue;
            }
            let resolved = self.real_server(server, draft, lb_kind);
            if let Some(first) = seen.get(&resolved.key) {
                let message = "this real server stands here twice: the second one is left out";
                let twice = Diagnostic::warning(Code::Duplicate, server.span, message);
                self.report(twice.related(*first, "the first one"));
                continue;
            }
            seen.insert(resolved.key, server.span);
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
        if let Target::Address(service, _) = draft.target
            && service.is_ipv4() != address.is_ipv4()
        {
            let message = "the sorry server is IPv6, its virtual server IPv4: it is left out";
            self.error(Code::WrongFamily, given.span, message);
            return None;
        }
        let port = self.port(port, given.span, draft, method);
        Some(SorryServer { address, port })
    }

    /// DR and TUN leave the port as the client wrote it.
    pub(super) fn port(
        &mut self,
        given: Option<u16>,
        span: Span,
        draft: &VirtualServerDraft,
        lb_kind: Forwarding,
    ) -> u16 {
        let port = given.unwrap_or_else(|| draft.port());
        let (kind, kept) = match lb_kind {
            Forwarding::Nat => return port,
            Forwarding::Dr => ("DR", draft.port()),
            Forwarding::Tun => ("TUN", draft.port()),
        };
        if draft.is_served() && port != kept {
            let message = format!(
                "with {kind} the port cannot change: {kept}, that of the virtual server, is used \
                 instead of {port}"
            );
            self.warning(Code::Adjusted, span, message);
        }
        kept
    }
}
