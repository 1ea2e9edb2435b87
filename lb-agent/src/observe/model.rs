//! The records of `lb-agent dump`. Their JSON is a promise to other people's programs: a field
//! keeps its name, type and unit while [`SCHEMA`] stays; new fields may come. `docs/dump.md`
//! describes every one.

mod address;
mod attachment;
mod backend;
mod check;
mod instance;
mod seconds;
mod service;

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::address::{Endpoint, Mac, Protocol};
pub use self::attachment::AttachmentView;
pub use self::backend::{BackendState, BackendView, ConnectionView};
pub use self::check::{CheckResult, CheckState, CheckView, Checks, PunctualityView};
pub use self::instance::{FaultView, InstanceView, PeerView, RivalView, TrackedView};
pub use self::service::{
    AddressesView, CarrierView, Counters, Granularity, HandView, Method, PersistenceView,
    ServerView, ServiceView,
};

/// Version of the JSON, its first field.
pub const SCHEMA: u32 = 1;

/// Who is being looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentView {
    /// Version of the agent.
    pub version: String,
    /// Flows of IPv4 that their table has room for; with IPVS alone, the buckets of its one table.
    pub flow_table_size: u64,
    /// Flows of IPv6 that theirs has room for; 0 with IPVS alone.
    #[serde(default)]
    pub flow_table_size6: u64,
    /// Seconds since the agent's last sign of life; `None`: it has never given one.
    #[serde(rename = "silent_seconds", with = "seconds::optional")]
    pub silent: Option<Duration>,
}

/// Packets of our services that were not forwarded as usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonView {
    /// Why (`lb_common::stats::Reason::name`).
    pub reason: Cow<'static, str>,
    /// How many.
    pub packets: u64,
    /// What became of them (`lb_common::stats::Reason::meaning`).
    pub meaning: Cow<'static, str>,
}

#[cfg(test)]
mod tests;
