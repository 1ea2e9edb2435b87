//! Checkers.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

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
    /// packets that get there as a client's do. DR and TUN of IPv4 only.
    TcpViaTunnel,
    /// `HTTP_GET`.
    Http(HttpGet),
}

/// `HTTP_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HttpGet {
    /// `url` blocks, at least one.
    pub urls: Vec<Url>,
    /// `http_protocol`.
    pub http_protocol: HttpProtocol,
    /// `fast_recovery`: a failed url is asked again at once when another has answered.
    pub fast_recovery: bool,
    /// `tls_compliant`.
    pub tls_compliant: bool,
}

/// `http_protocol 1.0|1.0C|1.1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum HttpProtocol {
    /// HTTP/1.0.
    #[default]
    V1_0,
    /// HTTP/1.0 with `Connection: close`.
    V1_0Close,
    /// HTTP/1.1 with `Connection: close`.
    V1_1,
}

/// `url { path …; status_code …; virtualhost … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Url {
    /// `path`, default `/`.
    pub path: String,
    /// `status_code`: inclusive ranges; default 200–299.
    pub status_code: Vec<(u16, u16)>,
    /// `virtualhost` of the url, the checker, the real or the virtual server.
    pub virtualhost: Option<String>,
    /// What the body of the answer must be.
    pub body: UrlBody,
    /// `tls_compliant`: an end of TLS without a word is an error.
    pub tls_compliant: bool,
}

impl Url {
    /// A url of which nothing more is known: keepalived's defaults.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            status_code: vec![(200, 299)],
            virtualhost: None,
            body: UrlBody::default(),
            tls_compliant: false,
        }
    }
}

impl HttpGet {
    /// These urls, with keepalived's defaults.
    pub fn new(urls: Vec<Url>) -> Self {
        Self {
            urls,
            http_protocol: HttpProtocol::default(),
            fast_recovery: false,
            tls_compliant: false,
        }
    }
}

/// What a body is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UrlBody {
    /// `digest`: its MD5.
    pub digest: Option<[u8; 16]>,
    /// `regex`.
    pub regex: Option<String>,
    /// `regex_no_match`: it must not match.
    pub regex_no_match: bool,
    /// `regex_options`, as written.
    pub regex_options: Vec<String>,
    /// `regex_min_offset`: no match before this byte counts.
    pub regex_min_offset: u32,
    /// `regex_max_offset`: no match behind this byte counts.
    pub regex_max_offset: Option<u32>,
    /// `regex_stack START MAX`, bytes.
    pub regex_stack: Option<(u32, u32)>,
}
