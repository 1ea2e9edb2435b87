//! Checkers.

mod kinds;

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

pub use self::kinds::{
    BfdCheck, DnsCheck, DnsType, FileCheck, FileCheckWeight, HttpGet, HttpProtocol, MiscCheck,
    ReplyPattern, SmtpCheck, SslGet, UdpCheck, Url, UrlBody,
};

/// One checker block of a real server, everything inherited and defaulted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checker<K = CheckerKind> {
    /// Which one, with its own keywords.
    pub kind: K,
    /// `connect_ip`, else the real server's address.
    pub connect_ip: IpAddr,
    /// `connect_port`, else the real server's port.
    pub connect_port: u16,
    /// `bindto`.
    pub bindto: Option<IpAddr>,
    /// `bind_port`.
    pub bind_port: u16,
    /// `fwmark` of the probe's socket.
    pub fwmark: u32,
    /// `connect_timeout`: for the connection, and again for each answer.
    pub connect_timeout: Duration,
    /// `retry` / `nb_get_retry`: failures beyond the first before the server is down.
    pub retry: u32,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// `delay_loop`: from the end of one check to the start of the next.
    pub delay_loop: Duration,
    /// `warmup`: the first check comes after a random part of this.
    pub warmup: Duration,
    /// `log_all_failures`.
    pub log_all_failures: bool,
    /// `bind_if`.
    pub bind_if: Option<String>,
    /// `alpha`: it counts as failed until its first success.
    pub alpha: bool,
}

impl<K> Checker<K> {
    /// A check of this port of which nothing more is known: keepalived's defaults.
    pub const fn new(kind: K, connect_ip: IpAddr, connect_port: u16) -> Self {
        Self {
            kind,
            connect_ip,
            connect_port,
            bindto: None,
            bind_port: 0,
            fwmark: 0,
            connect_timeout: Duration::from_secs(5),
            retry: 1,
            delay_before_retry: Duration::from_secs(1),
            delay_loop: Duration::from_mins(1),
            warmup: Duration::from_mins(1),
            log_all_failures: false,
            bind_if: None,
            alpha: false,
        }
    }
}

/// Which checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum CheckerKind {
    /// `TCP_CHECK`.
    Tcp,
    /// `TCP_CHECK` with `xdp_check_via_tunnel`: the virtual address is asked for on the server, with
    /// packets that get there as a client's do. DR and TUN only.
    TcpViaTunnel,
    /// `HTTP_GET`.
    Http(HttpGet),
    /// `SSL_GET`.
    Ssl(SslGet),
    /// `SMTP_CHECK`.
    Smtp(SmtpCheck),
    /// `MISC_CHECK`.
    Misc(MiscCheck),
    /// `DNS_CHECK`.
    Dns(DnsCheck),
    /// `UDP_CHECK`.
    Udp(UdpCheck),
    /// `PING_CHECK`.
    Ping,
    /// `BFD_CHECK`.
    Bfd(BfdCheck),
    /// `FILE_CHECK`.
    File(FileCheck),
}
