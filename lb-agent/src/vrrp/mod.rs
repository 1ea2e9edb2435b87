//! VRRP versions 2 (RFC 3768) and 3 (RFC 9568), with keepalived's habits: who of several routers
//! holds the virtual addresses.
//!
//! ```text
//!                          Start, no fault
//!              ┌──────┐ ───────────────────────▶ ┌────────┐
//!              │ Init │                          │ Backup │ ◀───────┐
//!              └──────┘ ◀──── Shutdown ───────── └────────┘         │
//!                │   ▲                             │    ▲           │
//!   Start, fault │   │ Shutdown     down timer ran │    │ higher    │ the last fault
//!                ▼   │                         out ▼    │ advert    │ is gone
//!              ┌───────┐                         ┌────────┐         │
//!              │ Fault │ ◀──── any fault ─────── │ Master │         │
//!              └───────┘                         └────────┘         │
//!                    └──────────────────────────────────────────────┘
//!              (a fault takes Backup to Fault, too; a shutdown takes Master to Init)
//! ```
//!
//! The pure part, without clock, socket or thread:
//! * [`instance`]: the machine: inputs and the time in, actions out; [`election`]: what an advert
//!   means for it; [`timers`]: how long it waits; [`garp`]: when it announces its addresses.
//! * [`pace`]: when what several instances announce may go out; [`group`]: what keeps a sync group together; [`settings`]: what all this is configured with.
//! * [`receive`]: whether an advert is acceptable at all; [`hmac`]: whether it is a new one.
//! * [`log_line`]: what the operator reads, in keepalived's words.
//!
//! The rest:
//! * [`router`]: all instances, the packets and kernel events for them, and their actions carried
//!   out through [`effects::Kernel`]; [`addresses`]: which addresses we have set,
//!   [`routing`]: which routes and rules.
//! * [`kernel`] with [`socket`] is the real [`effects::Kernel`]; [`driver`] the thread that waits.
//! * [`status`]: what others may know, at any time, without asking the thread.
//!
//! VRRP waits for nobody: the thread reads no file (`sysctl` writes kernel settings for it), resolves no name and takes no lock that is
//! held for longer than copying a pointer. It does not decide what the data plane forwards: it
//! only opens and closes a [`Gate`], and tells of each [`Change`].

pub mod addresses;
pub mod driver;
pub mod effects;
pub mod election;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub mod garp;
pub mod group;
pub mod hmac;
pub mod instance;
pub mod isolation;
pub mod kernel;
pub mod log_line;
pub mod pace;
pub mod receive;
pub mod router;
pub mod routing;
pub mod settings;
pub mod socket;
pub mod status;
mod sysctl;
pub mod timers;
mod wait;

#[cfg(test)]
mod simulation;

use serde::{Deserialize, Serialize};

/// State of an instance (RFC 3768 6.4; FAULT is keepalived's).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Not started, or stopped.
    Init,
    /// Another router is master, or nobody is yet.
    Backup,
    /// This router holds the addresses.
    Master,
    /// This router cannot take part, and says nothing.
    Fault,
}

/// An instance has changed its state; everything that belongs to the change has been done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The instance, by its place in the configuration.
    pub instance: usize,
    /// What it was.
    pub from: State,
    /// What it is.
    pub to: State,
    /// The effective priority.
    pub priority: u8,
}

/// What others may want to act upon. Told on the VRRP thread, in the order in which it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// An instance has changed its state.
    Changed(Change),
    /// A sync group has.
    Group {
        /// The group, by its place in the configuration.
        group: usize,
        /// What it is.
        to: State,
    },
    /// An instance's effective priority is another.
    Priority {
        /// The instance.
        instance: usize,
        /// Its state.
        state: State,
        /// The priority.
        priority: u8,
    },
    /// A MASTER has heard a master of lower priority.
    LowerPriority {
        /// The instance.
        instance: usize,
        /// Our priority.
        priority: u8,
    },
    /// There are two masters, or, with `None`, no longer.
    SplitBrain {
        /// The instance.
        instance: usize,
        /// Our priority.
        priority: u8,
        /// The other one.
        rival: Option<instance::Rival>,
        /// Where it is, if it advertises and has said so.
        mac: Option<[u8; 6]>,
    },
    /// New settings are in force: from here on, places are those of the new configuration.
    Reloaded,
}

/// The data plane's switch of each instance: armed, it forwards what is for the instance's
/// addresses. Called on the VRRP thread, in the middle of a failover: must not block.
pub trait Gate: Send {
    /// The instance is becoming master; its addresses are about to be set.
    fn arm(&self, instance: usize);

    /// The instance is not master, and its addresses are gone. Also called at start, for a gate
    /// that an agent before us has left armed.
    fn disarm(&self, instance: usize);
}
