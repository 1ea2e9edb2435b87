//! Groups: of instances, of addresses of virtual servers, of what static addresses follow.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::{Family, Notify, Tracking};

/// `vrrp_sync_group NAME`: instances that change their state together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VrrpSyncGroup {
    /// The name.
    pub name: String,
    /// `group`: names of [`super::Config::vrrp_instances`], at least one, none in two groups.
    pub group: Vec<String>,
    /// `notify_*`, `smtp_alert`.
    pub notify: Notify,
    /// `track_*`: for all members.
    pub track: Tracking,
    /// `sync_group_tracking_weight`: the members' weights count.
    pub sync_group_tracking_weight: bool,
}

/// `track_group NAME`: who is FAULT while a static address, route or rule that names it is not set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrackGroup {
    /// The name.
    pub name: String,
    /// `group`: names of [`super::Config::vrrp_instances`].
    pub group: Vec<String>,
}

/// `virtual_server_group NAME`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct VirtualServerGroup {
    /// The name.
    pub name: String,
    /// Its lines.
    pub entries: Vec<VirtualServerGroupEntry>,
}

impl fmt::Display for VirtualServerGroupEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses {
                first,
                last,
                first_port,
                last_port,
            } => {
                write!(f, "{first}")?;
                if first != last {
                    write!(f, "-{last}")?;
                }
                write!(f, " {first_port}")?;
                if first_port != last_port {
                    write!(f, "-{last_port}")?;
                }
                Ok(())
            }
            Self::Fwmark { fwmark, family } => {
                write!(f, "fwmark {fwmark}")?;
                match family {
                    None => Ok(()),
                    Some(Family::Inet) => write!(f, " inet"),
                    Some(Family::Inet6) => write!(f, " inet6"),
                }
            }
        }
    }
}

/// One line of a `virtual_server_group`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum VirtualServerGroupEntry {
    /// `ADDRESS[-LAST] PORT[-LAST]`: every address with every port; port 0: all.
    Addresses {
        /// First address.
        first: IpAddr,
        /// Last address, of the same family, not before the first.
        last: IpAddr,
        /// First port.
        first_port: u16,
        /// Last port.
        last_port: u16,
    },
    /// `fwmark N [inet|inet6]`.
    Fwmark {
        /// The mark.
        fwmark: u32,
        /// The family; `None`: that of the real servers.
        family: Option<Family>,
    },
}
