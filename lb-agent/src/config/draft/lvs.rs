//! `virtual_server` and `real_server` as written.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::{CheckDraft, CheckSettings, Given, HasCheckSettings};
use crate::config::model::{
    Family, Forwarding, RealServer, RealServerKey, Scheduler, VirtualServer,
};
use crate::config::text::{Span, Spanned};

/// The layer-4 protocol of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtocolDraft {
    /// `TCP`
    Tcp,
    /// `UDP`
    Udp,
    /// `SCTP`
    Sctp,
}

/// What a virtual server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `IP PORT`; port 0: all.
    Address(IpAddr, u16),
    /// `fwmark N`
    Fwmark(u32),
    /// `group NAME`
    Group(Spanned<String>),
}

/// `virtual_server`; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct VirtualServerDraft {
    /// The words `virtual_server …`.
    pub(crate) span: Span,
    pub(crate) given: Given,
    pub(crate) target: Target,
    /// What is neither handed down nor compared.
    pub(crate) value: VirtualServer<()>,
    pub(crate) protocol: Option<Spanned<ProtocolDraft>>,
    pub(crate) lb_algo: Option<Spanned<Scheduler>>,
    pub(crate) lb_kind: Option<Spanned<Forwarding>>,
    /// Zero: off.
    pub(crate) persistence_timeout: Option<Spanned<Duration>>,
    pub(crate) persistence_granularity: Option<Spanned<Ipv4Addr>>,
    pub(crate) inhibit_on_failure: Option<Spanned<bool>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
    pub(crate) sorry_server: Option<Spanned<(IpAddr, Option<u16>)>>,
    pub(crate) smtp_alert: Option<Spanned<bool>>,
    pub(crate) ip_family: Option<Spanned<Family>>,
    /// Default of its real servers.
    pub(crate) weight: Option<Spanned<u32>>,
    pub(crate) checks: CheckSettings,
    pub(crate) real_servers: Vec<RealServerDraft>,
}

/// `real_server`; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct RealServerDraft {
    /// The words `real_server …`.
    pub(crate) span: Span,
    pub(crate) given: Given,
    pub(crate) address: IpAddr,
    pub(crate) port: Option<Spanned<u16>>,
    /// What is neither handed down nor compared.
    pub(crate) value: RealServer,
    pub(crate) weight: Option<Spanned<u32>>,
    pub(crate) inhibit_on_failure: Option<Spanned<bool>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
    pub(crate) smtp_alert: Option<Spanned<bool>>,
    pub(crate) checks: CheckSettings,
    pub(crate) checkers: Vec<CheckDraft>,
}

impl VirtualServerDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(span: Span, target: Target) -> Self {
        Self {
            span,
            given: Given::default(),
            target,
            value: VirtualServer::new(()),
            protocol: None,
            lb_algo: None,
            lb_kind: None,
            persistence_timeout: None,
            persistence_granularity: None,
            inhibit_on_failure: None,
            virtualhost: None,
            sorry_server: None,
            smtp_alert: None,
            ip_family: None,
            weight: None,
            checks: CheckSettings::default(),
            real_servers: Vec::new(),
        }
    }

    /// Its keyword and its key: it is looked up by that.
    pub(crate) fn title(&self) -> String {
        match &self.target {
            Target::Address(address, port) => format!("virtual_server {address} {port}"),
            Target::Fwmark(mark) => format!("virtual_server fwmark {mark}"),
            Target::Group(name) => format!("virtual_server group {}", name.value),
        }
    }

    /// The same of one of its real servers, behind its own.
    pub(crate) fn title_of(&self, server: &RealServerDraft) -> String {
        let port = server.port.map_or_else(|| self.port(), |port| port.value);
        format!("{} real_server {} {port}", self.title(), server.address)
    }

    /// The port that real servers without one have.
    pub(crate) fn port(&self) -> u16 {
        match self.target {
            Target::Address(_, port) => port,
            Target::Fwmark(_) | Target::Group(_) => 0,
        }
    }
}

impl RealServerDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(span: Span, address: IpAddr, port: Option<Spanned<u16>>) -> Self {
        let key = RealServerKey {
            address,
            port: port.map_or(0, |port| port.value),
        };
        Self {
            span,
            given: Given::default(),
            address,
            port,
            value: RealServer::new(key),
            weight: None,
            inhibit_on_failure: None,
            virtualhost: None,
            smtp_alert: None,
            checks: CheckSettings::default(),
            checkers: Vec::new(),
        }
    }
}

impl HasCheckSettings for VirtualServerDraft {
    fn checks(&mut self) -> &mut CheckSettings {
        &mut self.checks
    }
}

impl HasCheckSettings for RealServerDraft {
    fn checks(&mut self) -> &mut CheckSettings {
        &mut self.checks
    }
}
