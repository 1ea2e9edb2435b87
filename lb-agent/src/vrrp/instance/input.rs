//! What happens to an instance, and what it wants done.

use std::net::IpAddr;

use super::{LogLine, Rival};
use crate::vrrp::State;
use crate::vrrp::election::Advert;
use crate::vrrp::settings::Status;

/// What happens to an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Begin, with what [`Input::Interface`], [`Input::Source`] and [`Input::Tracked`] have said
    /// so far.
    Start,
    /// An acceptable advert was received.
    Advert(Advert),
    /// The timer ran out: a BACKUP's down timer, a MASTER's advert timer.
    Timeout,
    /// The instance's interface.
    Interface(Interface),
    /// The address adverts are sent from; `None`: the interface has none.
    Source(Option<IpAddr>),
    /// Whether the name of one of its VMACs is another interface's.
    VmacNameTaken(bool),
    /// How a tracked thing is now.
    Tracked {
        /// Its place in the settings.
        place: usize,
        /// How it is.
        status: Status,
    },
    /// Every member of the group wants to be MASTER: all become it now.
    GroupMaster,
    /// Another member of the group is no longer MASTER: nobody is.
    GroupBackup,
    /// Whether another member of the group has a fault.
    GroupFault(bool),
    /// Another member of the group has heard a master of lower priority: the network may have
    /// followed it for our addresses, too.
    GroupAnnounce,
    /// The data plane is ready for a MASTER (`xdp_attach master`).
    Attached,
    /// Somebody else answers for one of our addresses.
    Rival(Rival),
    /// End.
    Shutdown,
}

/// State of an instance's interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interface {
    /// Up, with a carrier.
    Up,
    /// Down, or without a carrier.
    Down,
    /// It does not exist.
    Missing,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send an advert of this priority to the group, or to every peer.
    SendAdvert {
        /// 0: the instance releases its duty.
        priority: u8,
    },
    /// Open the data plane's gate.
    ArmGate,
    /// Close the data plane's gate.
    DisarmGate,
    /// Remove the virtual addresses that stand from before our time.
    RemoveResidual,
    /// Add every virtual address.
    AddAddresses,
    /// Remove every virtual address that we have added.
    RemoveAddresses,
    /// Announce one virtual address by gratuitous ARP or neighbour advertisement.
    Announce {
        /// Its place among all virtual addresses, the excluded ones after the others.
        address: usize,
        /// The first time in its burst: worth a line in the log.
        first: bool,
    },
    /// Announce the instance's own address, so that peers' ARP entries are right.
    AnnounceSource,
    /// Ask the network whether somebody else has the virtual addresses.
    Probe {
        /// Somebody has answered for this one: ask for it first.
        again: Option<IpAddr>,
        /// Ask for so many others, in their turn.
        others: usize,
    },
    /// A master of lower priority was heard, and answered.
    LowerPriority,
    /// The effective priority is another.
    Priority {
        /// What it was.
        from: u8,
        /// What it is.
        to: u8,
    },
    /// There are two masters now, or, with `None`, no longer.
    SplitBrain(Option<Rival>),
    /// Write a line to the log.
    Log(LogLine),
    /// The state has changed, and all that belongs to it is done.
    Changed {
        /// What it was.
        from: State,
        /// What it is.
        to: State,
    },
}
