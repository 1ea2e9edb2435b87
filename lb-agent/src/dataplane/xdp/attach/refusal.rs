//! Why the program is not on an interface, or cannot be taken off it.

use std::io;

use aya::programs::ProgramError;
use thiserror::Error;

use super::super::object::ObjectError;
use super::{Mode, Occupant};

/// Why the program is not on an interface.
#[derive(Debug, Error)]
pub enum AttachError {
    /// Another XDP program is there.
    #[error("cannot attach to {interface}: {}", whose(interface, occupant.as_deref()))]
    Busy {
        /// The interface.
        interface: String,
        /// Whose it is, as far as can be found out.
        occupant: Option<Box<Occupant>>,
    },
    /// The driver refuses, and so does the kernel in generic mode.
    #[error("cannot attach to {interface} in {mode} mode: {reason}")]
    Refused {
        /// The interface.
        interface: String,
        /// Native or generic.
        mode: Mode,
        /// What the kernel says.
        reason: String,
    },
    /// The program itself is not usable.
    #[error(transparent)]
    Object(#[from] ObjectError),
    /// The attachment could not be kept.
    #[error("cannot pin the attachment to {interface}: {reason}")]
    Pin {
        /// The interface.
        interface: String,
        /// Why.
        reason: String,
    },
}

/// The program could not be taken off an interface as it should.
#[derive(Debug, Error)]
#[error("cannot remove the pin of the XDP program's attachment to {interface}: {source}")]
pub struct DetachError {
    /// The interface.
    pub interface: String,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// Who keeps ours off an interface, and what to do.
fn whose(interface: &str, occupant: Option<&Occupant>) -> String {
    occupant.map_or_else(
        || {
            format!(
                "another XDP program is attached there; `ip link set dev {interface} xdp off` \
                 removes it"
            )
        },
        |it| it.describe(interface),
    )
}

/// Whether another mode may do where this one was refused. A program of somebody else keeps ours off
/// in every mode.
pub(super) const fn is_of_this_mode(error: &AttachError) -> bool {
    match error {
        AttachError::Refused { .. } => true,
        AttachError::Busy { .. } | AttachError::Object(_) | AttachError::Pin { .. } => false,
    }
}

/// What a refusal of the kernel means.
pub(super) fn refusal(interface: &str, mode: Mode, error: &ProgramError) -> AttachError {
    let interface = interface.to_owned();
    let causes = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |it| {
        it.source()
    });
    let code = causes
        .filter_map(|it| it.downcast_ref::<io::Error>())
        .find_map(io::Error::raw_os_error);
    let reason = match code.map(nix::errno::Errno::from_raw) {
        Some(nix::errno::Errno::EBUSY | nix::errno::Errno::EEXIST) => {
            return AttachError::Busy {
                interface,
                occupant: None,
            };
        }
        Some(nix::errno::Errno::EOPNOTSUPP) => "the driver has no XDP, or LRO is on".to_owned(),
        Some(nix::errno::Errno::ERANGE) => "the MTU is too large for XDP".to_owned(),
        Some(nix::errno::Errno::ENOSPC) => "the driver has too few queues".to_owned(),
        Some(nix::errno::Errno::EPERM) => {
            "not permitted; root or CAP_NET_ADMIN is needed".to_owned()
        }
        Some(errno) => errno.desc().to_owned(),
        None => error.to_string(),
    };
    AttachError::Refused {
        interface,
        mode,
        reason,
    }
}

#[cfg(test)]
mod tests;
