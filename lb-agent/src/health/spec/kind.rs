//! The kinds of checkers, each with its own keywords.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{BfdCheck, DnsCheck, HttpGet, MiscCheck, SslGet, UdpCheck};
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

    /// Whether log lines name the virtual server, too.
    #[must_use]
    pub const fn names_virtual_server(&self) -> bool {
        matches!(self, Self::Misc(_) | Self::Ping)
    }

    /// Whether it is a script: the time of the next run counts from the start of the last.
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
    pub virtual_address: SocketAddr,
    /// How its packets get to the server.
    pub lvs_method: LvsMethod,
}

/// The ways to a server that keep the virtual address in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LvsMethod {
    /// `DR`.
    Dr,
    /// `TUN`: IP in IP, of whichever families.
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

/// `FILE_CHECK`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct FileCheck {
    /// The file of `track_file`.
    pub file: PathBuf,
    /// `weight`: times the file's value is added to the server's weight.
    pub weight: FileWeight,
}
