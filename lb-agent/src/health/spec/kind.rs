//! The kinds of checkers, each with its own keywords.

use std::net::SocketAddrV4;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{HttpGet, MiscCheck, SslGet};
use crate::track::file::FileWeight;

/// Which checker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Kind {
    /// `TCP_CHECK`.
    Tcp,
    /// `TCP_CHECK` with `xdp_check_via_tunnel`.
    ViaTunnel(ViaTunnel),
    /// `HTTP_GET`.
    Http(HttpGet),
    /// `SSL_GET`.
    Ssl(SslGet),
    /// `SMTP_CHECK`.
    Smtp(SmtpCheck),
    /// `DNS_CHECK`.
    Dns(DnsCheck),
    /// `UDP_CHECK`.
    Udp(UdpCheck),
    /// `PING_CHECK`.
    Ping,
    /// `MISC_CHECK`.
    Misc(MiscCheck),
    /// `FILE_CHECK`.
    File(FileCheck),
    /// `BFD_CHECK`: nobody asks, the BFD instance tells.
    Bfd(BfdCheck),
}

impl Kind {
    /// The keyword of its block.
    #[must_use]
    pub const fn keyword(&self) -> &'static str {
        match self {
            Self::Tcp | Self::ViaTunnel(_) => "TCP_CHECK",
            Self::Http(_) => "HTTP_GET",
            Self::Ssl(_) => "SSL_GET",
            Self::Smtp(_) => "SMTP_CHECK",
            Self::Dns(_) => "DNS_CHECK",
            Self::Udp(_) => "UDP_CHECK",
            Self::Ping => "PING_CHECK",
            Self::Misc(_) => "MISC_CHECK",
            Self::File(_) => "FILE_CHECK",
            Self::Bfd(_) => "BFD_CHECK",
        }
    }

    /// What `HTTP_GET` and `SSL_GET` share.
    #[must_use]
    pub const fn web(&self) -> Option<&HttpGet> {
        if let Self::Http(get) | Self::Ssl(SslGet { get, .. }) = self {
            Some(get)
        } else {
            None
        }
    }

    /// Whether it is a script: its log lines name the virtual server, too, and the time of the next
    /// run counts from the start of the last.
    #[must_use]
    pub const fn is_script(&self) -> bool {
        matches!(self, Self::Misc(_))
    }

    /// The BFD instance that tells; nobody is asked then.
    #[must_use]
    pub const fn told_by(&self) -> Option<&BfdCheck> {
        if let Self::Bfd(bfd) = self {
            Some(bfd)
        } else {
            None
        }
    }
}

/// `TCP_CHECK` with `xdp_check_via_tunnel`: the virtual address on the server is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct ViaTunnel {
    /// The virtual server's address and port.
    pub virtual_address: SocketAddrV4,
    /// How its packets get to the server.
    pub lvs_method: LvsMethod,
}

/// The ways to a server that keep the virtual address in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LvsMethod {
    /// `DR`.
    Dr,
    /// `TUN` (IP in IP).
    Tun,
}

/// `SMTP_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SmtpCheck {
    /// `helo_name`.
    pub helo_name: String,
}

impl Default for SmtpCheck {
    /// keepalived's name.
    fn default() -> Self {
        Self {
            helo_name: "smtpchecker.keepalived.org".to_owned(),
        }
    }
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
    /// `require_reply`: an answer must come, and begin like this.
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

/// What a reply must begin with; empty: anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct ReplyPattern {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Bits that do not matter (`x` in the file), byte by byte; shorter than `bytes`: none do not.
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

/// `FILE_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct FileCheck {
    /// The file of `track_file`.
    pub file: PathBuf,
    /// `weight`: times the file's value is added to the server's weight.
    pub weight: FileWeight,
}

/// `BFD_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct BfdCheck {
    /// `name` of the BFD instance.
    pub name: String,
}
