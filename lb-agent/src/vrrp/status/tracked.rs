//! What keeps an instance from taking part, and what it tracks, with names.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::vrrp::instance::Fault;
use crate::vrrp::settings::{Kind, Status, Tracked, VirtualRouter};

/// Why an instance is in FAULT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The interface does not exist.
    InterfaceMissing,
    /// The interface is down.
    InterfaceDown,
    /// The interface has no address to send from.
    NoSourceAddress,
    /// Another interface has the name of one of its VMACs.
    VmacNameTaken,
    /// Something tracked has failed.
    Tracked {
        /// What kind of thing it is.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// Unicast without a peer.
    NoPeer,
    /// Another member of the sync group has a fault.
    Group,
}

impl Reason {
    /// The reason in words of the configuration.
    pub(in crate::vrrp) fn new(fault: Fault, config: &VirtualRouter) -> Self {
        match fault {
            Fault::InterfaceMissing => Self::InterfaceMissing,
            Fault::InterfaceDown => Self::InterfaceDown,
            Fault::NoSourceAddress => Self::NoSourceAddress,
            Fault::VmacNameTaken => Self::VmacNameTaken,
            Fault::NoPeer => Self::NoPeer,
            Fault::Group => Self::Group,
            Fault::Tracked(place) => match config.tracked.get(place) {
                Some(tracked) => Self::Tracked {
                    kind: tracked.kind,
                    name: tracked.name.clone(),
                },
                // A place that the settings do not have cannot fail.
                None => Self::Group,
            },
        }
    }
}

impl Reason {
    /// One word for programs.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::InterfaceMissing => "interface_missing",
            Self::InterfaceDown => "interface_down",
            Self::NoSourceAddress => "no_source_address",
            Self::VmacNameTaken => "vmac_name_taken",
            Self::Tracked { .. } => "tracked",
            Self::NoPeer => "no_peer",
            Self::Group => "group",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InterfaceMissing => f.write_str("the interface does not exist"),
            Self::InterfaceDown => f.write_str("the interface is down"),
            Self::NoSourceAddress => f.write_str("the interface has no address to send from"),
            Self::VmacNameTaken => {
                f.write_str("another interface has the name of its VMAC (use_vmac)")
            }
            Self::Tracked { kind, name } => write!(f, "tracked {kind} {name} has failed"),
            Self::NoPeer => f.write_str("unicast_peer is empty (unicast_fault_no_peer)"),
            Self::Group => f.write_str("another member of its sync group has a fault"),
        }
    }
}

/// A tracked thing at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedStatus {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// `weight`.
    pub weight: i16,
    /// `reverse`.
    pub reverse: bool,
    /// Whether it is up; `None`: not known yet. A file is up while its number is 0.
    pub up: Option<bool>,
    /// What stands in a file.
    pub value: Option<i32>,
    /// What it adds to the priority now.
    pub adjustment: i32,
    /// Whether it keeps the instance from taking part.
    pub fault: bool,
}

impl TrackedStatus {
    /// The thing as it is.
    pub(in crate::vrrp) fn new(tracked: &Tracked, status: Status) -> Self {
        Self {
            kind: tracked.kind,
            name: tracked.name.clone(),
            weight: tracked.weight,
            reverse: tracked.reverse,
            up: match status {
                Status::Unknown => None,
                Status::Up => Some(true),
                Status::Down => Some(false),
                Status::Value(value) => Some(value == 0),
            },
            value: match status {
                Status::Value(value) => Some(value),
                Status::Unknown | Status::Up | Status::Down => None,
            },
            adjustment: tracked.adjustment(status),
            fault: tracked.is_fault(status),
        }
    }
}
