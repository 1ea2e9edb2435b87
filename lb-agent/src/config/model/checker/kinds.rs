//! What each kind of checker has for itself.

use std::time::Duration;

use serde::Serialize;

use super::Checker;
use crate::config::model::{Command, Weight};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
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

/// `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SslGet {
    /// What it shares with `HTTP_GET`.
    pub get: HttpGet,
    /// `enable_sni`: the virtualhost is named in the handshake.
    pub enable_sni: bool,
    /// `sni_name`: another name.
    pub sni_name: Option<String>,
}

/// `SMTP_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SmtpCheck {
    /// `helo_name`; default: `smtp_helo_name`.
    pub helo_name: Option<String>,
    /// `host` blocks: each is asked, and all must answer; empty: the real server.
    pub hosts: Vec<Checker<()>>,
}

/// `MISC_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MiscCheck {
    /// `misc_path`, with `user USER [GROUP]`.
    pub misc_path: Command,
    /// `misc_timeout`; default: `delay_loop`.
    pub misc_timeout: Duration,
    /// `misc_dynamic`: the exit status is the weight.
    pub misc_dynamic: bool,
}

/// `DNS_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DnsCheck {
    /// `type`.
    pub kind: DnsType,
    /// `name`.
    pub name: String,
}

impl Default for DnsCheck {
    /// The root's SOA, as keepalived.
    fn default() -> Self {
        Self {
            kind: DnsType::Soa,
            name: ".".to_owned(),
        }
    }
}

/// `type A|NS|…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum DnsType {
    /// `A`
    A,
    /// `NS`
    Ns,
    /// `CNAME`
    Cname,
    /// `SOA`
    Soa,
    /// `MX`
    Mx,
    /// `TXT`
    Txt,
    /// `AAAA`
    Aaaa,
    /// `RRSIG`
    Rrsig,
    /// `DNSKEY`
    Dnskey,
}

impl DnsType {
    /// Its number (IANA "Resource Record (RR) TYPEs").
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Ns => 2,
            Self::Cname => 5,
            Self::Soa => 6,
            Self::Mx => 15,
            Self::Txt => 16,
            Self::Aaaa => 28,
            Self::Rrsig => 46,
            Self::Dnskey => 48,
        }
    }
}

/// `UDP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct UdpCheck {
    /// `payload`.
    pub payload: Vec<u8>,
    /// `require_reply [HEX]`: an answer must come; with bytes: it must begin with these.
    pub require_reply: Option<ReplyPattern>,
    /// `min_reply_length`, bytes.
    pub min_reply_length: u16,
    /// `max_reply_length`, bytes.
    pub max_reply_length: u16,
}

impl Default for UdpCheck {
    fn default() -> Self {
        Self {
            payload: Vec::new(),
            require_reply: None,
            min_reply_length: 0,
            max_reply_length: 255,
        }
    }
}

/// `BFD_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct BfdCheck {
    /// `name`: one of [`crate::config::model::Config::bfd_instances`] with `checker`.
    pub name: String,
}

/// `FILE_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// `track_file`: one of [`crate::config::model::Config::track_files`].
    pub track_file: String,
    /// `weight`; `None`: the file's.
    pub weight: Option<Weight>,
}

/// What a reply must begin with; empty: anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ReplyPattern {
    /// The bytes; 0 where a digit is `x`.
    pub bytes: Vec<u8>,
    /// Bits that do not matter, byte by byte; shorter than `bytes`: the rest matters.
    pub ignore: Vec<u8>,
}

impl ReplyPattern {
    /// Whether `reply` begins like this, as far as both go.
    #[must_use]
    pub fn matches(&self, reply: &[u8]) -> bool {
        let ignore = self.ignore.iter().copied().chain(std::iter::repeat(0));
        let pairs = self.bytes.iter().zip(reply).zip(ignore);
        pairs
            .into_iter()
            .all(|((wanted, got), ignore)| (wanted ^ got) & !ignore == 0)
    }
}
