//! What the data plane holds: flows, and the ways to real servers.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Endpoint, Mac, Method, Protocol, seconds};

/// One flow, or one remembered client (`client.port` 0).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConnectionView {
    /// Its protocol.
    pub protocol: Protocol,
    /// When it is forgotten if no more packets come.
    #[serde(rename = "expires_seconds", with = "seconds")]
    pub expires: Duration,
    /// The state, with IPVS's names (`lb_common::flow::state::NAMES`).
    pub state: Cow<'static, str>,
    /// Who opened it.
    pub client: Endpoint,
    /// The virtual server.
    pub r#virtual: Endpoint,
    /// The real server it was given to.
    pub real: Endpoint,
}

/// A backend slot: how the packets of one real server of one virtual server leave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BackendView {
    /// Number of the slot.
    pub slot: u32,
    /// Counts the servers that had this slot before; flows of an older one are scheduled anew.
    pub generation: u16,
    /// Protocol of both servers.
    pub protocol: Protocol,
    /// The virtual server.
    pub r#virtual: Endpoint,
    /// The real server.
    pub real: Endpoint,
    /// How packets get there.
    pub method: Method,
    /// What a tunnel is besides IP in IP, in the words of `lb_kind TUN`: `type gue port 6080 csum`; of `csum`
    /// and `remcsum` the slot knows one.
    pub tunnel: Option<String>,
    /// The weight in force.
    pub weight: u32,
    /// Whether it is the sorry server.
    pub sorry: bool,
    /// Ethernet address of the next hop; `None`: not known.
    pub mac: Option<Mac>,
    /// The interface packets leave by; `None`: not known.
    pub interface: Option<String>,
    /// The largest IP packet that leaves whole, bytes; `None`: not known.
    pub mtu: Option<u32>,
    /// Whether XDP sends its packets.
    pub state: BackendState,
    /// Why not, in words.
    pub reason: Option<String>,
}

/// Whether XDP sends a server's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendState {
    /// It does.
    Ready,
    /// The server is this host: the kernel has them.
    Local,
    /// The way is not known: the kernel has them until it is.
    Unresolved,
}
