//! What the data plane should do: services, their servers, and the next hop of each.

use std::net::Ipv4Addr;
use std::time::Duration;

use lb_common::service::ServiceKey4;

use super::nexthop::Hop;
use crate::config::model::{Forwarding, Scheduler};

/// Everything the XDP program should forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Services, each key once.
    pub services: Vec<Service>,
}

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Address, port, protocol.
    pub key: ServiceKey4,
    /// `lb_algo`.
    pub scheduler: Scheduler,
    /// `persistence_timeout` and `persistence_granularity`.
    pub persistence: Option<Persistence>,
    /// Gate of the VRRP instance that holds the address, or
    /// [`GATE_ALWAYS`](lb_common::control::GATE_ALWAYS).
    pub gate: u16,
    /// The servers in the pool, each address and port once; may be empty.
    pub servers: Vec<Server>,
}

/// `persistence_timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// For how long a client keeps its server after its last new connection, or after the last
    /// packet of one (to a quarter of this time).
    pub timeout: Duration,
    /// `persistence_granularity`: who counts as one client.
    pub mask: Ipv4Addr,
}

/// One member of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address.
    pub address: Ipv4Addr,
    /// Port, host byte order.
    pub port: u16,
    /// `lb_kind`.
    pub method: Forwarding,
    /// `weight`; 0: old connections only.
    pub weight: u32,
    /// It is the sorry server.
    pub sorry: bool,
    /// How to get there.
    pub path: Path,
}

/// How the packets of a server leave this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// Not known (yet): the kernel gets the packets.
    Unknown,
    /// The server is this host: the kernel gets the packets.
    Local,
    /// By this hop.
    Via(Hop),
}
