//! VRRP instances, what they track, and the other routers.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Mac, seconds};
use crate::vrrp::status::Stats;

/// A VRRP instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InstanceView {
    /// `vrrp_instance`.
    pub name: String,
    /// `interface`.
    pub interface: String,
    /// `virtual_router_id`.
    pub virtual_router_id: u8,
    /// VRRP version, 2 or 3.
    pub version: u8,
    /// `INIT`, `BACKUP`, `MASTER` or `FAULT`.
    pub state: Cow<'static, str>,
    /// How long it has been in this state.
    #[serde(rename = "in_state_seconds", with = "seconds")]
    pub in_state: Duration,
    /// `priority`.
    pub priority: u8,
    /// The priority in force.
    pub effective_priority: u8,
    /// Seconds between two adverts.
    #[serde(rename = "advert_interval_seconds", with = "seconds")]
    pub advert_interval: Duration,
    /// The master's address; `None`: not known.
    pub master: Option<IpAddr>,
    /// The master's priority; `None`: not known.
    pub master_priority: Option<u8>,
    /// `virtual_ipaddress` and `virtual_ipaddress_excluded`.
    pub virtual_ipaddress: Vec<IpNet>,
    /// `vrrp_sync_group`.
    pub sync_group: Option<String>,
    /// What keeps it from taking part.
    pub faults: Vec<FaultView>,
    /// What it tracks, the group's included.
    pub tracked: Vec<TrackedView>,
    /// Who else acts as master; `None`: nobody.
    pub split_brain: Option<RivalView>,
    /// The other routers that were heard, by address.
    pub peers: Vec<PeerView>,
    /// What it has sent, received and refused.
    pub stats: Stats,
}

/// Why an instance is in FAULT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultView {
    /// `interface_missing`, `interface_down`, `no_source_address`, `vmac_name_taken`, `no_peer`,
    /// `tracked` or `group`.
    pub reason: Cow<'static, str>,
    /// The same for people.
    pub text: String,
}

/// What an instance tracks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackedView {
    /// `interface`, `script`, `file`, `process` or `bfd`.
    pub kind: Cow<'static, str>,
    /// Its name.
    pub name: String,
    /// `weight`; 0: its failure is a fault.
    pub weight: i16,
    /// `reverse`.
    pub reverse: bool,
    /// Whether it is up, a file: whether it holds 0; `None`: not known yet.
    pub up: Option<bool>,
    /// The number in a file.
    pub value: Option<i32>,
    /// What it adds to the priority now.
    pub adjustment: i32,
    /// Whether it keeps the instance from taking part now.
    pub fault: bool,
}

/// Another master beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RivalView {
    /// It sends adverts from this address, or answers for this one of ours.
    pub address: IpAddr,
    /// Whether it sends adverts.
    pub advertises: bool,
    /// Its MAC address; `None`: not known.
    pub mac: Option<Mac>,
}

/// Another router of the virtual router.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PeerView {
    /// Where its adverts come from.
    pub address: IpAddr,
    /// The priority in its last advert; 0: it stopped.
    pub priority: u8,
    /// Seconds between two of its adverts.
    #[serde(rename = "advert_interval_seconds", with = "seconds")]
    pub advert_interval: Duration,
    /// How long ago the last one came.
    #[serde(rename = "heard_seconds", with = "seconds")]
    pub heard: Duration,
}
