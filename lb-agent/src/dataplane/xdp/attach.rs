//! Attaching the program to interfaces, and taking it off again.
//!
//! An attachment is a BPF link, pinned under the interface's index, so it outlives the agent.
//! The next agent finds it and puts its own program in its place, atomically. Which interfaces
//! want the program, and in which mode it is of use there, others decide.
//!
//! The kernel takes one program for each interface. Where somebody else's is, ours does not go, and
//! `occupant` says whose it is. That holds for libxdp's dispatcher, too: who joins it becomes a
//! program of the type `EXT`, and has to build anew and pin the dispatcher of all the others.

mod adopt;
mod anew;
mod occupant;
mod refusal;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use aya::programs::links::PinnedLink;
use serde::{Deserialize, Serialize};

pub use adopt::mode_on;
pub use occupant::{Component, Holder, Occupant};
pub use refusal::{AttachError, DetachError};

use self::adopt::{adopt, wait_until_free};
use self::anew::{attach_anew, pin};
use self::occupant::Occupants;
use super::object::Object;
use super::pins::Pins;
use crate::config::model::XdpMode;

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

/// How the program has come to an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// How it runs.
    pub mode: Mode,
    /// Why not in native mode, if that was to be tried first.
    pub not_native: Option<String>,
}

/// What the program is attached to.
#[derive(Default)]
pub struct Attachments {
    links: BTreeMap<u32, Attachment>,
    /// Interfaces that an attachment of ours was on: the kernel takes it off a while after its pin
    /// is gone, when nobody can be using it any more (an RCU grace period).
    released: BTreeSet<u32>,
    occupants: Occupants,
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
            let (attached, link) =
                attach_anew(object, ifindex, interface, wanted, &mut self.occupants)?;
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

    /// Takes the program off one interface, and waits until it is: where the kernel looks at the interfaces
    /// above another one, it would still be there.
    pub fn release(&mut self, ifindex: u32) -> Result<(), DetachError> {
        self.detach(ifindex)?;
        wait_until_free(ifindex);
        Ok(())
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

#[cfg(test)]
mod tests;
