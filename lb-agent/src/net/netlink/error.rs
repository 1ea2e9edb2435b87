//! Why a request to the kernel failed.

use std::fmt::{self, Display};
use std::io;

use nix::errno::Errno;

/// Why a request to the kernel failed. `what` completes the sentence "cannot …".
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// No socket.
    #[error("cannot open a netlink socket (protocol {protocol}): {source}")]
    Open {
        /// The number of the protocol, 0 = rtnetlink.
        protocol: isize,
        /// What `socket`, `bind` or `setsockopt` said.
        source: io::Error,
    },
    /// Nobody can wait for the kernel's notifications.
    #[error(
        "cannot start a thread for the kernel's notifications: {source}; is the number of tasks limited (`ulimit -u`, `TasksMax`)?"
    )]
    Thread {
        /// What `clone` said.
        source: io::Error,
    },
    /// The request did not leave.
    #[error("cannot {what}: sending the netlink request failed: {source}")]
    Send {
        /// What was asked.
        what: String,
        /// What `send` said.
        source: io::Error,
    },
    /// No answer could be read.
    #[error("cannot {what}: reading the kernel's netlink answer failed: {source}")]
    Receive {
        /// What was asked.
        what: String,
        /// What `recv` said; `WouldBlock`: the kernel did not answer in time.
        source: io::Error,
    },
    /// The kernel says no.
    #[error("cannot {what}: {}", Refusal { errno: *errno, explanation: explanation.as_deref() })]
    Refused {
        /// What was asked.
        what: String,
        /// The kernel's error number.
        errno: Errno,
        /// The extended acknowledgement's text (`NLMSGERR_ATTR_MSG`).
        explanation: Option<String>,
    },
    /// The answer is not what the protocol says.
    #[error("cannot {what}: the kernel's netlink answer makes no sense: {reason}")]
    Malformed {
        /// What was asked.
        what: String,
        /// What is wrong with the answer.
        reason: &'static str,
    },
    /// The list changed every time while the kernel was writing it.
    #[error(
        "cannot {what}: the list changed during each of {attempts} attempts to read it; try again when less is changing"
    )]
    DumpInterrupted {
        /// What was asked.
        what: String,
        /// How often it was asked.
        attempts: u32,
    },
}

impl NetlinkError {
    /// The kernel's error number, if there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { errno, .. } => Some(*errno),
            Self::Open { source, .. }
            | Self::Thread { source }
            | Self::Send { source, .. }
            | Self::Receive { source, .. } => source.raw_os_error().map(Errno::from_raw),
            Self::Malformed { .. } | Self::DumpInterrupted { .. } => None,
        }
    }

    pub(super) fn refused(what: &dyn Display, errno: Errno, explanation: Option<String>) -> Self {
        Self::Refused {
            what: what.to_string(),
            errno,
            explanation,
        }
    }

    pub(super) fn malformed(what: &dyn Display, reason: &'static str) -> Self {
        Self::Malformed {
            what: what.to_string(),
            reason,
        }
    }

    pub(super) fn receive(what: &dyn Display, source: io::Error) -> Self {
        Self::Receive {
            what: what.to_string(),
            source,
        }
    }
}

/// The errno's text, the kernel's own explanation, and what to do where that is known.
struct Refusal<'a> {
    errno: Errno,
    explanation: Option<&'a str>,
}

impl Display for Refusal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.errno.desc())?;
        if let Some(explanation) = self.explanation {
            write!(f, " ({explanation})")?;
        }
        match self.errno {
            Errno::EPERM | Errno::EACCES => f.write_str("; run as root or with CAP_NET_ADMIN"),
            Errno::ENODEV => f.write_str("; the interface is gone"),
            _ => Ok(()),
        }
    }
}
