//! Checkers as written.

mod kinds;

use std::net::IpAddr;
use std::time::Duration;

pub(crate) use self::kinds::{
    BfdCheckDraft, CheckDraft, DnsCheckDraft, FileCheckDraft, MiscCheckDraft, SmtpCheckDraft,
    SslGetDraft, UdpCheckDraft,
};

use super::Given;
use crate::config::model::{HttpProtocol, UrlBody};
use crate::config::text::{Span, Spanned};

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

impl CheckerDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(name: Spanned<CheckerName>) -> Self {
        Self {
            name,
            given: Given::default(),
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
            fast_recovery: false,
            tls_compliant: false,
            bind_if: None,
            xdp_check_via_tunnel: None,
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
            body: UrlBody::default(),
            regex: None,
            tls_compliant: false,
        }
    }
}

/// A block with what all checkers share.
pub(crate) trait IsChecker {
    /// That.
    fn checker(&mut self) -> &mut CheckerDraft;
}

impl IsChecker for CheckerDraft {
    fn checker(&mut self) -> &mut Self {
        self
    }
}

impl<T: IsChecker> HasCheckSettings for T {
    fn checks(&mut self) -> &mut CheckSettings {
        &mut self.checker().checks
    }
}

/// Which checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckerName {
    /// `TCP_CHECK`
    TcpCheck,
    /// `HTTP_GET`
    HttpGet,
    /// `SSL_GET`
    SslGet,
    /// `SMTP_CHECK`
    SmtpCheck,
    /// `MISC_CHECK`
    MiscCheck,
    /// `DNS_CHECK`
    DnsCheck,
    /// `UDP_CHECK`
    UdpCheck,
    /// `PING_CHECK`
    PingCheck,
    /// `BFD_CHECK`
    BfdCheck,
    /// `FILE_CHECK`
    FileCheck,
}

impl CheckerName {
    /// The keyword.
    pub(crate) const fn keyword(self) -> &'static str {
        match self {
            Self::TcpCheck => "TCP_CHECK",
            Self::HttpGet => "HTTP_GET",
            Self::SslGet => "SSL_GET",
            Self::SmtpCheck => "SMTP_CHECK",
            Self::MiscCheck => "MISC_CHECK",
            Self::DnsCheck => "DNS_CHECK",
            Self::UdpCheck => "UDP_CHECK",
            Self::PingCheck => "PING_CHECK",
            Self::BfdCheck => "BFD_CHECK",
            Self::FileCheck => "FILE_CHECK",
        }
    }
}

/// What all checkers share, and what `HTTP_GET` has beyond; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct CheckerDraft {
    pub(crate) name: Spanned<CheckerName>,
    pub(crate) given: Given,
    pub(crate) connect_ip: Option<Spanned<IpAddr>>,
    pub(crate) connect_port: Option<Spanned<u16>>,
    pub(crate) bindto: Option<Spanned<IpAddr>>,
    pub(crate) bind_port: Option<Spanned<u16>>,
    pub(crate) fwmark: Option<Spanned<u32>>,
    pub(crate) log_all_failures: Option<Spanned<bool>>,
    pub(crate) checks: CheckSettings,
    pub(crate) bind_if: Option<Spanned<String>>,
    /// Of `TCP_CHECK`.
    pub(crate) xdp_check_via_tunnel: Option<Spanned<bool>>,
    /// Of `HTTP_GET`, as all below.
    pub(crate) urls: Vec<UrlDraft>,
    pub(crate) http_protocol: Option<Spanned<HttpProtocol>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
    pub(crate) fast_recovery: bool,
    pub(crate) tls_compliant: bool,
}

/// `url`; each field is the keyword of its name.
#[derive(Debug)]
pub(crate) struct UrlDraft {
    /// The word `url`.
    pub(crate) span: Span,
    pub(crate) path: Option<Spanned<String>>,
    pub(crate) status_code: Option<Spanned<Vec<(u16, u16)>>>,
    pub(crate) virtualhost: Option<Spanned<String>>,
    pub(crate) body: UrlBody,
    /// The line of its `regex`.
    pub(crate) regex: Option<Span>,
    pub(crate) tls_compliant: bool,
}
