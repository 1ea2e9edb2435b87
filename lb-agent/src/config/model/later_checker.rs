//! The checkers beside `TCP_CHECK` and `HTTP_GET`.

use std::time::Duration;

use serde::Serialize;

use super::{Checker, Command, HttpGet, Weight};

/// Which checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum LaterChecker {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DnsCheck {
    /// `type`.
    pub kind: DnsType,
    /// `name`.
    pub name: String,
}

impl Default for DnsCheck {
    fn default() -> Self {
        Self {
            kind: DnsType::Soa,
            name: ".".to_owned(),
        }
    }
}

/// `type A|NS|…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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

/// `UDP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UdpCheck {
    /// `payload`.
    pub payload: Vec<u8>,
    /// `require_reply [HEX]`: an answer must come; with bytes: it must begin with these.
    pub require_reply: Option<ReplyPattern>,
    /// `min_reply_length`.
    pub min_reply_length: u16,
    /// `max_reply_length`.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BfdCheck {
    /// `name`: one of [`super::Config::bfd_instances`] with `checker`.
    pub name: String,
}

/// `FILE_CHECK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileCheck {
    /// `track_file`: one of [`super::Config::track_files`].
    pub track_file: String,
    /// `weight`; `None`: the file's.
    pub weight: Option<Weight>,
}

/// The bytes of `require_reply`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplyPattern {
    /// The bytes; 0 where a digit is `x`.
    pub bytes: Vec<u8>,
    /// As many; a bit that is set does not matter.
    pub ignore: Vec<u8>,
}
