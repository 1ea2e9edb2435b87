//! `virtual_server`, `real_server` and checkers as written.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::config::model::{Forwarding, HttpProtocol, Scheduler};
use crate::config::text::{Span, Spanned};

/// What a virtual server is told by and its layer-4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtocolDraft {
    /// `TCP`
    Tcp,
    /// `UDP`
    Udp,
    /// `SCTP`
    Sctp,
}

/// `virtual_server`; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct VirtualServerDraft {
    /// The words `virtual_server …`.
    pub(crate) span: Span,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
    pub(crate) protocol: Option<Spanned<ProtocolDraft>>,
    pub(crate) lb_algo: Option<Spanned<Scheduler>>,
    pub(crate) lb_kind: Option<Spanned<Forwarding>>,
    /// Zero: off.
    pub(crate) persistence_timeout: Option<Spanned<Duration>>,
    pub(crate) persistence_granularity: Option<Spanned<Ipv4Addr>>,
    pub(crate) inhibit_on_failure: Option<Spanned<bool>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
    pub(crate) sorry_server: Option<Spanned<(IpAddr, Option<u16>)>>,
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
    pub(crate) address: IpAddr,
    pub(crate) port: Option<Spanned<u16>>,
    pub(crate) weight: Option<Spanned<u32>>,
    pub(crate) inhibit_on_failure: Option<Spanned<bool>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
    pub(crate) checks: CheckSettings,
    pub(crate) checkers: Vec<CheckerDraft>,
}

/// What a virtual server hands to its real servers, and these to their checkers; the innermost
/// that speaks of it counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct CheckSettings {
    pub(crate) alpha: Option<Spanned<bool>>,
    pub(crate) delay_loop: Option<Spanned<Duration>>,
    pub(crate) retry: Option<Spanned<u32>>,
    pub(crate) delay_before_retry: Option<Spanned<Duration>>,
    pub(crate) warmup: Option<Spanned<Duration>>,
    pub(crate) connect_timeout: Option<Spanned<Duration>>,
}

impl CheckSettings {
    /// These settings, and `outer`'s where they say nothing.
    pub(crate) fn within(&self, outer: &Self) -> Self {
        Self {
            alpha: self.alpha.or(outer.alpha),
            delay_loop: self.delay_loop.or(outer.delay_loop),
            retry: self.retry.or(outer.retry),
            delay_before_retry: self.delay_before_retry.or(outer.delay_before_retry),
            warmup: self.warmup.or(outer.warmup),
            connect_timeout: self.connect_timeout.or(outer.connect_timeout),
        }
    }
}

/// The three blocks in which [`CheckSettings`] may stand.
pub(crate) trait HasCheckSettings {
    /// Its settings.
    fn checks(&mut self) -> &mut CheckSettings;
}

impl VirtualServerDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(span: Span, address: IpAddr, port: u16) -> Self {
        Self {
            span,
            address,
            port,
            protocol: None,
            lb_algo: None,
            lb_kind: None,
            persistence_timeout: None,
            persistence_granularity: None,
            inhibit_on_failure: None,
            virtualhost: None,
            sorry_server: None,
            weight: None,
            checks: CheckSettings::default(),
            real_servers: Vec::new(),
        }
    }
}

impl RealServerDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(span: Span, address: IpAddr, port: Option<Spanned<u16>>) -> Self {
        Self {
            span,
            address,
            port,
            weight: None,
            inhibit_on_failure: None,
            virtualhost: None,
            checks: CheckSettings::default(),
            checkers: Vec::new(),
        }
    }
}

impl CheckerDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(name: Spanned<CheckerName>) -> Self {
        Self {
            name,
            connect_ip: None,
            connect_port: None,
            bindto: None,
            bind_port: None,
            fwmark: None,
            log_all_failures: None,
            checks: CheckSettings::default(),
            urls: Vec::new(),
            http_protocol: None,
            virtualhost: None,
        }
    }
}

impl UrlDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(span: Span) -> Self {
        Self {
            span,
            path: None,
            status_code: None,
            virtualhost: None,
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

impl HasCheckSettings for CheckerDraft {
    fn checks(&mut self) -> &mut CheckSettings {
        &mut self.checks
    }
}

/// Which checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckerName {
    /// `TCP_CHECK`
    TcpCheck,
    /// `HTTP_GET`
    HttpGet,
}

/// A checker; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct CheckerDraft {
    pub(crate) name: Spanned<CheckerName>,
    pub(crate) connect_ip: Option<Spanned<IpAddr>>,
    pub(crate) connect_port: Option<Spanned<u16>>,
    pub(crate) bindto: Option<Spanned<IpAddr>>,
    pub(crate) bind_port: Option<Spanned<u16>>,
    pub(crate) fwmark: Option<Spanned<u32>>,
    pub(crate) log_all_failures: Option<Spanned<bool>>,
    pub(crate) checks: CheckSettings,
    /// Of `HTTP_GET`, as the two below.
    pub(crate) urls: Vec<UrlDraft>,
    pub(crate) http_protocol: Option<Spanned<HttpProtocol>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
}

/// `url`; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct UrlDraft {
    /// The word `url`.
    pub(crate) span: Span,
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) status_code: Option<Spanned<Vec<(u16, u16)>>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
}
