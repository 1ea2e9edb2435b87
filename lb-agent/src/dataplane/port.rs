//! The interfaces that the data plane uses: what is wanted of each, what has come of it, and
//! whether packets can go from one to another. Pure.
//!
//! A packet that comes by one interface and leaves by another is redirected. In native mode the
//! driver of the other one must take it (`ndo_xdp_xmit`): bridges and most kinds of virtual
//! interfaces have no such thing, and most cards' drivers are ready for it only while they have a
//! program of their own. What leaves by a VLAN or a macvlan is given to the interface below
//! ([`super::below`]). What a driver refuses is lost without a word, so it has to be known before. In
//! generic mode the packet goes out through the network stack, by any interface.
//!
//! Which interfaces a virtual server needs is the director's matter; `runtime::plane` attaches.

use std::collections::BTreeMap;

use thiserror::Error;

use super::below::Native;
use super::xdp::attach::Mode;
use crate::config::model::XdpMode;
use crate::net::link::{Link, LinkKind};

/// An interface, and what it is wanted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The interface.
    pub link: Link,
    /// Clients' packets arrive here.
    pub ingress: bool,
    /// Packets leave here: towards a server, and in NAT mode towards clients.
    pub egress: bool,
    /// Whether it should carry the program.
    pub need: Need,
    /// How.
    pub mode: XdpMode,
    /// Where a native program meets its frames.
    pub native: Native,
}

/// What an interface needs the program for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing, or `xdp_interfaces` names others.
    None,
    /// Only for its driver, which takes packets of other interfaces beside a native program; a
    /// generic one is of no use.
    Driver,
    /// For the packets that arrive there.
    Packets,
}

/// What has come of an interface that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// What kind of interface it is.
    pub kind: LinkKind,
    /// How the program meets what arrives there, or why it does not.
    pub program: Result<Mode, String>,
    /// The interface below that its frames come from and are given to; `None`: its own driver does.
    pub driver: Option<Driver>,
    /// Why it does not run in native mode, if that was to be tried first.
    pub not_native: Option<String>,
    /// Whether it is in the device map, or why it is not.
    pub listed: Result<(), String>,
    /// Whether the driver takes packets that a native program on another interface sends there;
    /// `None`: the kernel does not tell (before Linux 6.3).
    pub takes_frames: Option<bool>,
}

/// The interface below a VLAN or a macvlan whose driver has its frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What kind of interface it is.
    pub kind: LinkKind,
    /// How the program runs there, or why it does not.
    pub program: Result<Mode, String>,
    /// Whose frames these are, for the operator: `VLAN 10 of eth0`.
    pub what: String,
}

impl Port {
    /// Where a native program sees its packets arrive, which is of this kind.
    const fn arrival(&self, index: u32) -> (u32, &LinkKind) {
        match &self.driver {
            Some(driver) => (driver.index, &driver.kind),
            None => (index, &self.kind),
        }
    }
}

/// Interfaces by index.
pub type Ports = BTreeMap<u32, Port>;

/// Why packets cannot go from one interface to another. Completes "… cannot be reached:".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Obstacle {
    /// It is not in the device map.
    #[error("packets cannot be redirected to {name}: {why}")]
    Unlisted {
        /// Where they would leave.
        name: String,
        /// Why.
        why: String,
    },
    /// It has no native program.
    #[error(
        "{name} takes packets of other interfaces only beside a native XDP program of its own, \
         and has none: {why}; with `xdp_mode generic` it takes them, more slowly"
    )]
    NoNative {
        /// Where they would leave.
        name: String,
        /// Why.
        why: String,
    },
    /// Its driver has no `ndo_xdp_xmit`.
    #[error(
        "the driver of {name} takes no packets of other interfaces' XDP programs; with `xdp_mode \
         generic` they leave all the same, more slowly"
    )]
    Driver {
        /// Where they would leave.
        name: String,
    },
    /// Answers of servers in NAT mode come by an interface where nobody translates them back.
    #[error(
        "in NAT mode its answers come by {name}, where the XDP program has to be and is not: {why}"
    )]
    Unseen {
        /// Where they come.
        name: String,
        /// Why the program is not there.
        why: String,
    },
    /// This host has no address that a tunnel could begin at.
    #[error(
        "a tunnel to it would have no source: this host has no address of {family} for the way by \
         {name}; give one to an interface"
    )]
    NoSource {
        /// Where they would leave.
        name: String,
        /// `IPv4` or `IPv6`.
        family: &'static str,
    },
    /// The other end of a veth does not listen.
    #[error(
        "the other end of {name}, a veth, takes packets of XDP programs only with a program of its \
         own (`XDP_PASS` will do), and has none; with `xdp_mode generic` it takes them, more slowly"
    )]
    VethEnd {
        /// Where they would leave.
        name: String,
    },
}

/// What keeps packets that arrive by interface `from` from leaving by interface `to`.
pub fn obstacle(ports: &Ports, from: u32, to: u32) -> Option<Obstacle> {
    let source = ports.get(&from)?;
    // Without a program no packet is sent on, so none is lost either.
    let mode = *source.program.as_ref().ok()?;
    // On a bond the program runs in the drivers of its ports: even what leaves by the same bond
    // comes by another interface.
    let (arrival, kind) = match mode {
        Mode::Native => source.arrival(from),
        Mode::Generic => (from, &source.kind),
    };
    let redirected = arrival != to || (mode == Mode::Native && *kind == LinkKind::Bond);
    let Some(target) = ports.get(&to) else {
        let name = format!("interface number {to}");
        let why = "it is not in use yet".to_owned();
        return redirected.then_some(Obstacle::Unlisted { name, why });
    };
    let (name, kind, program) = match &target.driver {
        Some(driver) => (driver.name.clone(), &driver.kind, &driver.program),
        None => (target.name.clone(), &target.kind, &target.program),
    };
    if redirected && let Err(why) = &target.listed {
        let (name, why) = (target.name.clone(), why.clone());
        return Some(Obstacle::Unlisted { name, why });
    }
    match mode {
        Mode::Generic => None,
        // A veth sends back what it sends on: through its other end.
        Mode::Native if *kind == LinkKind::Veth => {
            (target.takes_frames == Some(false)).then_some(Obstacle::VethEnd { name })
        }
        Mode::Native if !redirected => None,
        Mode::Native => match program {
            Err(why) => {
                let why = why.clone();
                Some(Obstacle::NoNative { name, why })
            }
            Ok(Mode::Generic) => {
                let why = "its program runs in generic mode".to_owned();
                Some(Obstacle::NoNative { name, why })
            }
            Ok(Mode::Native) => {
                (target.takes_frames == Some(false)).then_some(Obstacle::Driver { name })
            }
        },
    }
}

/// What keeps the answers of a server in NAT mode, which arrive by interface `from`, from leaving
/// translated by interface `to`.
pub fn obstacle_to_answers(ports: &Ports, from: u32, to: u32) -> Option<Obstacle> {
    let source = ports.get(&from)?;
    match &source.program {
        Ok(_) => obstacle(ports, from, to),
        Err(why) => Some(Obstacle::Unseen {
            name: source.name.clone(),
            why: why.clone(),
        }),
    }
}

#[cfg(test)]
mod tests;
