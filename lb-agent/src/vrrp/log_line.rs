//! What the operator reads, in keepalived's words: people and their tools grep for these lines.
//!
//! The text of all lines of the machine stands here and nowhere else. Each is printed behind
//! `(name of the instance) `.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use super::instance::ATTACH_PATIENCE;
use super::settings::Family;

/// One line about an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLine {
    /// Addresses are being removed, at start from whoever held them before.
    RemovingVips,
    /// Addresses are being added.
    SettingVips,
    /// Addresses are being added although the data plane has not said that it is ready.
    NotAttached,
    /// First state.
    EnteringBackupInit,
    /// First state.
    EnteringFaultInit,
    /// Became BACKUP.
    EnteringBackup,
    /// Became MASTER.
    EnteringMaster,
    /// Became FAULT.
    EnteringFault,
    /// The reason for FAULT: the instance has no address to send from.
    NoAddress(Family),
    /// The reason for FAULT: unicast, and nobody to send to.
    NoPeer,
    /// Our own advert is so late that another router is master by now.
    TimerExpired {
        /// How late it is.
        late: Duration,
    },
    /// The master has been silent for too long.
    AdvertTimeout,
    /// The master stops.
    BackupReceivedRelease,
    /// Another router that thought it was master stops.
    MasterReceivedRelease,
    /// We stop being master.
    SentRelease,
    /// The master yields to this one.
    HigherPriority {
        /// The other master.
        source: IpAddr,
        /// Its priority.
        priority: u8,
        /// Our effective priority.
        ours: u8,
    },
    /// The master yields to this one of the same priority.
    HigherAddress {
        /// The other master.
        source: IpAddr,
        /// The priority of both.
        priority: u8,
    },
    /// The master does not yield.
    LowerPriority {
        /// The other master.
        source: IpAddr,
        /// Its priority.
        priority: u8,
        /// Our effective priority.
        ours: u8,
        /// Whether we answer with an advert (`lower_prio_no_advert` not set).
        answered: bool,
    },
    /// The backup does not follow this master.
    Discarding {
        /// The master.
        source: IpAddr,
        /// Its priority.
        priority: u8,
    },
    /// Somebody sends with our own address and priority.
    OurAddress,
    /// Two routers have priority 255.
    BothOwners {
        /// The other one.
        source: IpAddr,
    },
    /// The other owner has not yielded; we do.
    StillOwner {
        /// The other one.
        source: IpAddr,
    },
    /// A worse master was heard; it may stay for so long.
    StartPreemptDelay(Duration),
    /// A master as good as us was heard: nothing to preempt.
    StopPreemptDelay,
    /// Version 3: the master has another interval than was thought, and it counts.
    IntervalUpdated {
        /// Before.
        from: Duration,
        /// Now.
        to: Duration,
    },
    /// Something tracked has changed the effective priority.
    PriorityChanged {
        /// Before.
        from: u8,
        /// Now.
        to: u8,
    },
    /// The second master is no longer noticed.
    SplitBrainHealed,
    /// The first master heard.
    MasterSet(IpAddr),
    /// Another router is master now.
    MasterChanged {
        /// Before.
        from: IpAddr,
        /// Now.
        to: IpAddr,
    },
}

impl LogLine {
    /// Whether somebody has to repair something.
    pub const fn is_warning(self) -> bool {
        matches!(
            self,
            Self::OurAddress
                | Self::BothOwners { .. }
                | Self::StillOwner { .. }
                | Self::NoPeer
                | Self::NotAttached
                | Self::TimerExpired { .. }
        )
    }
}

impl LogLine {
    /// Whether somebody who goes on causes the same line with every advert; the last two: two masters that
    /// are heard in turn.
    pub const fn may_repeat(self) -> bool {
        matches!(
            self,
            Self::LowerPriority { .. }
                | Self::Discarding { .. }
                | Self::OurAddress
                | Self::MasterChanged { .. }
                | Self::IntervalUpdated { .. }
        )
    }
}

impl fmt::Display for LogLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RemovingVips => f.write_str("removing VIPs."),
            Self::SettingVips => f.write_str("setting VIPs."),
            Self::NotAttached => write!(
                f,
                "the XDP program is not attached after {} s (xdp_attach master): taking the \
                 addresses without it",
                ATTACH_PATIENCE.as_secs()
            ),
            Self::EnteringBackupInit => f.write_str("Entering BACKUP STATE (init)"),
            Self::EnteringFaultInit => f.write_str("Entering FAULT STATE (init)"),
            Self::EnteringBackup => f.write_str("Entering BACKUP STATE"),
            Self::EnteringMaster => f.write_str("Entering MASTER STATE"),
            Self::EnteringFault => f.write_str("Entering FAULT STATE"),
            Self::NoAddress(family) => write!(
                f,
                "entering FAULT state (no {} address for interface)",
                family.name()
            ),
            Self::NoPeer => f.write_str(
                "entering FAULT state (unicast_peer is empty, and unicast_fault_no_peer is set)",
            ),
            Self::TimerExpired { late } => write!(
                f,
                "advert late by {:.3} s: another router may be MASTER by now (timer_expired_backup)",
                late.as_secs_f64()
            ),
            Self::AdvertTimeout => f.write_str("Receive advertisement timeout"),
            Self::BackupReceivedRelease => f.write_str("Backup received priority 0 advertisement"),
            Self::MasterReceivedRelease => f.write_str("Master received priority 0 message"),
            Self::SentRelease => f.write_str("sent 0 priority"),
            Self::HigherPriority {
                source,
                priority,
                ours,
            } => write!(
                f,
                "Master received advert from {source} with higher priority {priority}, ours {ours}"
            ),
            Self::HigherAddress { source, priority } => write!(
                f,
                "Master received advert from {source} with same priority {priority} but higher IP \
                 address than ours"
            ),
            Self::LowerPriority {
                source,
                priority,
                ours,
                answered,
            } => write!(
                f,
                "Received advert from {source} with lower priority {priority}, ours {ours}{}",
                if answered {
                    ", forcing new election"
                } else {
                    ""
                }
            ),
            Self::Discarding { source, priority } => {
                write!(
                    f,
                    "received lower priority ({priority}) advert from {source} - discarding"
                )
            }
            Self::OurAddress => f.write_str(
                "WARNING - equal priority advert received from remote host with our IP address.",
            ),
            Self::BothOwners { source } => write!(
                f,
                "CONFIGURATION ERROR: local instance and {source} are both configured as address \
                 owner, please resolve"
            ),
            Self::StillOwner { source } => write!(
                f,
                "CONFIGURATION ERROR: {source} is still advertising as address owner, please \
                 resolve - reducing local priority"
            ),
            Self::StartPreemptDelay(delay) => {
                write!(
                    f,
                    "start preempt delay ({}.{:06})",
                    delay.as_secs(),
                    delay.subsec_micros()
                )
            }
            Self::StopPreemptDelay => f.write_str("stop preempt delay"),
            Self::IntervalUpdated { from, to } => write!(
                f,
                "advertisement interval updated from {}ms to {}ms by master",
                from.as_millis(),
                to.as_millis()
            ),
            Self::PriorityChanged { from, to } => {
                write!(f, "Changing effective priority from {from} to {to}")
            }
            Self::SplitBrainHealed => f.write_str("split brain healed: one master again"),
            Self::MasterSet(master) => write!(f, "master set to {master}"),
            Self::MasterChanged { from, to } => write!(f, "master changed from {from} to {to}"),
        }
    }
}

#[cfg(test)]
mod tests;
