//! Attaching the program to interfaces, and taking it off again.
//!
//! An attachment is a BPF link, pinned under the interface's index, so it outlives the agent.
//! The next agent finds it and puts its own program in its place, atomically. Which interfaces
//! want the program, and in which mode it is of use there, others decide.
//!
//! The kernel takes one program for each interface. Where somebody else's is, ours does not go, and
//! `occupant` says whose it is. That holds for libxdp's dispatcher, too: who joins it becomes a
//! program of the type `EXT`, and has to build anew and pin the dispatcher of all the others.

mod occupant;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use aya::programs::links::{FdLink, LinkError, PinnedLink};
use aya::programs::xdp::XdpLink;
use aya::programs::{ProgramError, XdpMode as AttachMode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use occupant::{Component, Occupant};

use super::object::{Object, ObjectError};
use super::pins::Pins;
use crate::config::model::XdpMode;
use crate::net::link::{self, XdpAttached};
use crate::net::netlink::Connection;

/// How long an attachment that was given up may still be seen.
const RELEASE: Duration = Duration::from_millis(500);
/// How often it is looked for.
const STEP: Duration = Duration::from_millis(5);

/// How the program runs on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In the driver.
    Native,
    /// In the network stack, behind the allocation of the socket buffer: slower, works anywhere.
    Generic,
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Generic => "generic",
        })
    }
}

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

/// How the program has come to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// How it runs.
    pub mode: Mode,
    /// Why not in native mode, if that was to be tried first.
    pub not_native: Option<String>,
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

/// What the program is attached to.
#[derive(Default)]
pub struct Attachments {
    links: BTreeMap<u32, Attachment>,
    /// Interfaces that an attachment of ours was on: the kernel takes it off a while after its pin
    /// is gone, when nobody can be using it any more (an RCU grace period).
    released: BTreeSet<u32>,
}

struct Attachment {
    interface: String,
    mode: Mode,
    link: PinnedLink,
}

impl Attachments {
    /// Interfaces by index: name and mode.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str, Mode)> {
        self.links
            .iter()
            .map(|(index, it)| (*index, it.interface.as_str(), it.mode))
    }

    /// How the program is attached to the interface, if it is.
    pub fn mode(&self, ifindex: u32) -> Option<Mode> {
        self.links.get(&ifindex).map(|it| it.mode)
    }

    /// Attaches the program to `interface`, adopting an attachment that is pinned for it.
    pub fn attach(
        &mut self,
        object: &mut Object,
        pins: &Pins,
        ifindex: u32,
        interface: &str,
        wanted: XdpMode,
    ) -> Result<Attached, AttachError> {
        let was_pinned = pins.link(ifindex).exists();
        let adopted = adopt(object, pins, ifindex, interface, wanted);
        let (attached, link) = if let Some((mode, link)) = adopted {
            let is_fallback = wanted == XdpMode::Auto && mode == Mode::Generic;
            let not_native = is_fallback
                .then(|| format!("an earlier agent has attached to {interface} in generic mode"));
            (Attached { mode, not_native }, link)
        } else {
            if was_pinned || self.released.remove(&ifindex) {
                wait_until_free(ifindex);
            }
            let (attached, link) = attach_anew(object, ifindex, interface, wanted)?;
            (attached, pin(link, pins, ifindex, interface)?)
        };
        let attachment = Attachment {
            interface: interface.to_owned(),
            mode: attached.mode,
            link,
        };
        self.links.insert(ifindex, attachment);
        Ok(attached)
    }

    /// The interfaces that do not carry the program any more: they have gone, and others may have
    /// come under their numbers.
    pub fn lost(&self) -> Vec<u32> {
        let indexes = self.links.keys().copied();
        indexes.filter(|it| mode_on(*it).is_none()).collect()
    }

    /// The pins of these interfaces' attachments have just been removed.
    pub fn note_released(&mut self, indexes: impl IntoIterator<Item = u32>) {
        self.released.extend(indexes);
    }

    /// Takes the program off one interface, which may be gone.
    pub fn detach(&mut self, ifindex: u32) -> Result<(), DetachError> {
        let Some(gone) = self.links.remove(&ifindex) else {
            return Ok(());
        };
        self.released.insert(ifindex);
        // Unpinned, the last descriptor of the link goes with the value, and the attachment with
        // it. That the pin has gone before is as good.
        match gone.link.unpin() {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(DetachError {
                interface: gone.interface,
                source,
            }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Takes the program off every interface; what did not work does not keep the others.
    pub fn detach_all(&mut self) -> Vec<DetachError> {
        let indexes: Vec<u32> = self.links.keys().copied().collect();
        indexes
            .into_iter()
            .filter_map(|ifindex| self.detach(ifindex).err())
            .collect()
    }
}

/// Takes over a pinned attachment: our program replaces the old one between two packets.
fn adopt(
    object: &mut Object,
    pins: &Pins,
    ifindex: u32,
    interface: &str,
    wanted: XdpMode,
) -> Option<(Mode, PinnedLink)> {
    let path = pins.link(ifindex);
    let pinned = PinnedLink::from_pin(&path).ok()?;
    // In doubt it is generic, of which less is expected.
    let found = mode_on(ifindex);
    let mode = found.unwrap_or(Mode::Generic);
    if found.is_some_and(|found| !suits(found, wanted)) {
        tracing::info!(
            "the program of an earlier agent runs on {interface} in {mode} mode, which is not \
             wanted any more: attaching it anew"
        );
        let _gone = std::fs::remove_file(&path);
        return None;
    }
    let old = XdpLink::try_from(FdLink::from(pinned));
    let replaced = old.map_err(|error| error.to_string()).and_then(|link| {
        let program = object.balance().map_err(|error| error.to_string())?;
        let id = program
            .attach_to_link(link)
            .map_err(|error| error.to_string())?;
        program.take_link(id).map_err(|error| error.to_string())
    });
    match replaced {
        // The pin stays where it is; opening it again gives the handle that removes it.
        Ok(_link) => Some((mode, PinnedLink::from_pin(&path).ok()?)),
        Err(reason) => {
            // The interface may have gone and come back under the same index: start afresh.
            tracing::warn!(
                "the old attachment {} is of no use: {reason}",
                path.display()
            );
            let _gone = std::fs::remove_file(&path);
            None
        }
    }
}

/// How a program runs on an interface, as far as the kernel tells.
fn mode_on(ifindex: u32) -> Option<Mode> {
    let attached = Connection::open()
        .and_then(|mut connection| link::xdp_attached(&mut connection, ifindex))
        .ok()
        .flatten();
    match attached? {
        XdpAttached::Driver => Some(Mode::Native),
        XdpAttached::Generic => Some(Mode::Generic),
        XdpAttached::None | XdpAttached::Hardware | XdpAttached::Several => None,
    }
}

/// Waits for the end of an attachment that has been given up. It takes some milliseconds; what is
/// still there after [`RELEASE`] is somebody else's, and will be refused.
fn wait_until_free(ifindex: u32) {
    let mut waited = Duration::ZERO;
    while waited < RELEASE && mode_on(ifindex).is_some() {
        std::thread::sleep(STEP);
        waited += STEP;
    }
}

/// Whether an attachment may stay as it is.
const fn suits(mode: Mode, wanted: XdpMode) -> bool {
    match wanted {
        XdpMode::Auto => true,
        XdpMode::Native => matches!(mode, Mode::Native),
        XdpMode::Generic => matches!(mode, Mode::Generic),
        XdpMode::Off => false,
    }
}

fn attach_anew(
    object: &mut Object,
    ifindex: u32,
    interface: &str,
    wanted: XdpMode,
) -> Result<(Attached, XdpLink), AttachError> {
    let attempts: &[(Mode, AttachMode)] = match wanted {
        XdpMode::Auto => &[
            (Mode::Native, AttachMode::Driver),
            (Mode::Generic, AttachMode::Skb),
        ],
        XdpMode::Native => &[(Mode::Native, AttachMode::Driver)],
        XdpMode::Generic => &[(Mode::Generic, AttachMode::Skb)],
        XdpMode::Off => &[],
    };
    let mut refused: Option<AttachError> = None;
    for (mode, attach_mode) in attempts {
        let program = object.balance()?;
        match program.attach_to_if_index(ifindex, *attach_mode) {
            Ok(id) => {
                let taken = program
                    .take_link(id)
                    .map_err(|source| ObjectError::Program {
                        what: "keep the attachment",
                        source,
                    })?;
                let attached = Attached {
                    mode: *mode,
                    not_native: refused.map(|native| native.to_string()),
                };
                return Ok((attached, taken));
            }
            Err(error) => {
                let error = name_occupant(refusal(interface, *mode, &error), ifindex);
                let again = *mode == Mode::Native && is_of_this_mode(&error);
                if attempts.len() > 1 && again {
                    tracing::warn!("{error}; trying generic mode");
                }
                refused = Some(error);
                if !again {
                    break;
                }
            }
        }
    }
    Err(refused.unwrap_or_else(|| AttachError::Busy {
        interface: interface.to_owned(),
        occupant: None,
    }))
}

/// Adds whose program is on the interface to a refusal for that reason.
fn name_occupant(error: AttachError, ifindex: u32) -> AttachError {
    match error {
        AttachError::Busy { interface, .. } => AttachError::Busy {
            interface,
            occupant: Occupant::of(ifindex).map(Box::new),
        },
        AttachError::Refused { .. } | AttachError::Object(_) | AttachError::Pin { .. } => error,
    }
}

/// Whether another mode may do where this one was refused. A program of somebody else keeps ours off
/// in every mode.
const fn is_of_this_mode(error: &AttachError) -> bool {
    match error {
        AttachError::Refused { .. } => true,
        AttachError::Busy { .. } | AttachError::Object(_) | AttachError::Pin { .. } => false,
    }
}

/// What a refusal of the kernel means.
fn refusal(interface: &str, mode: Mode, error: &ProgramError) -> AttachError {
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

fn pin(
    link: XdpLink,
    pins: &Pins,
    ifindex: u32,
    interface: &str,
) -> Result<PinnedLink, AttachError> {
    let refused = |reason: String| AttachError::Pin {
        interface: interface.to_owned(),
        reason,
    };
    let link = FdLink::try_from(link).map_err(|error: LinkError| refused(error.to_string()))?;
    let path = pins.link(ifindex);
    // What stands there belongs to an interface that has gone.
    let _stale = std::fs::remove_file(&path);
    link.pin(path).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests;
