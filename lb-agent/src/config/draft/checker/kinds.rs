//! The kinds of checkers, with what each has for itself.

use crate::config::model::{DnsCheck, FileCheckWeight, MiscCheck, UdpCheck};
use crate::config::text::Spanned;

use super::{CheckerDraft, IsChecker};

/// A checker block. Those that have more than all have are boxed, so that the others, of which
/// there are many thousands, take no room for it.
#[derive(Debug)]
pub(crate) enum CheckDraft {
    Tcp(CheckerDraft),
    Http(CheckerDraft),
    Ssl(Box<SslGetDraft>),
    Smtp(Box<SmtpCheckDraft>),
    Misc(Box<MiscCheckDraft>),
    Dns(Box<DnsCheckDraft>),
    Udp(Box<UdpCheckDraft>),
    Ping(CheckerDraft),
    Bfd(Box<BfdCheckDraft>),
    File(Box<FileCheckDraft>),
}

impl CheckDraft {
    /// What all checkers share.
    pub(crate) fn checker(&self) -> &CheckerDraft {
        match self {
            Self::Tcp(draft) | Self::Http(draft) | Self::Ping(draft) => draft,
            Self::Ssl(draft) => &draft.checker,
            Self::Smtp(draft) => &draft.checker,
            Self::Misc(draft) => &draft.checker,
            Self::Dns(draft) => &draft.checker,
            Self::Udp(draft) => &draft.checker,
            Self::Bfd(draft) => &draft.checker,
            Self::File(draft) => &draft.checker,
        }
    }
}

/// `SSL_GET`
#[derive(Debug)]
pub(crate) struct SslGetDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) enable_sni: bool,
    pub(crate) sni_name: Option<Spanned<String>>,
}

impl SslGetDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            enable_sni: false,
            sni_name: None,
        }
    }
}

impl IsChecker for SslGetDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}

/// `SMTP_CHECK`
#[derive(Debug)]
pub(crate) struct SmtpCheckDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) helo_name: Option<Spanned<String>>,
    pub(crate) hosts: Vec<CheckerDraft>,
}

impl SmtpCheckDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            helo_name: None,
            hosts: Vec::new(),
        }
    }
}

impl IsChecker for SmtpCheckDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}

/// `MISC_CHECK`
#[derive(Debug)]
pub(crate) struct MiscCheckDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) value: MiscCheck,
    pub(crate) misc_timeout: Option<Spanned<std::time::Duration>>,
}

impl MiscCheckDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            value: MiscCheck::default(),
            misc_timeout: None,
        }
    }
}

impl IsChecker for MiscCheckDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}

/// `DNS_CHECK`
#[derive(Debug)]
pub(crate) struct DnsCheckDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) value: DnsCheck,
}

impl DnsCheckDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            value: DnsCheck::default(),
        }
    }
}

impl IsChecker for DnsCheckDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}

/// `UDP_CHECK`
#[derive(Debug)]
pub(crate) struct UdpCheckDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) value: UdpCheck,
}

impl UdpCheckDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            value: UdpCheck::default(),
        }
    }
}

impl IsChecker for UdpCheckDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}

/// `BFD_CHECK`
#[derive(Debug)]
pub(crate) struct BfdCheckDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) name: Option<Spanned<String>>,
}

impl BfdCheckDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            name: None,
        }
    }
}

impl IsChecker for BfdCheckDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}

/// `FILE_CHECK`
#[derive(Debug)]
pub(crate) struct FileCheckDraft {
    pub(crate) checker: CheckerDraft,
    pub(crate) track_file: Option<Spanned<String>>,
    pub(crate) weight: Option<FileCheckWeight>,
}

impl FileCheckDraft {
    /// One of which nothing more is known.
    pub(crate) fn new(checker: CheckerDraft) -> Self {
        Self {
            checker,
            track_file: None,
            weight: None,
        }
    }
}

impl IsChecker for FileCheckDraft {
    fn checker(&mut self) -> &mut CheckerDraft {
        &mut self.checker
    }
}
