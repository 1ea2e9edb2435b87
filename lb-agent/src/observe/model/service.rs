//! Virtual servers, who carries them, and their real servers.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::{Endpoint, Protocol};
use crate::dataplane::choice::Carrier;

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceView {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its address and port; for a mark the unspecified address of its family, and 0.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// The mark of `virtual_server fwmark N`.
    #[serde(default)]
    pub fwmark: Option<u32>,
    /// The name of its `virtual_server_group`, where it is one service of many addresses: XDP has it so,
    /// IPVS has a service for each address and port.
    #[serde(default)]
    pub group: Option<String>,
    /// What such a service serves; `endpoint` is the first of it. Else empty.
    #[serde(default)]
    pub addresses: Vec<AddressesView>,
    /// Who forwards its packets.
    pub plane: Carrier,
    /// `lb_algo`, as in the configuration.
    pub scheduler: Cow<'static, str>,
    /// Flags of the scheduler, with `ipvsadm`'s names.
    pub scheduler_flags: Vec<String>,
    /// `ops`.
    pub ops: bool,
    /// `persistence_timeout`; `None`: off.
    pub persistence: Option<PersistenceView>,
    /// `persistence_engine`.
    pub persistence_engine: Option<String>,
    /// The VRRP instance whose role decides, of a group for its first address; `None`: it is always
    /// forwarded.
    pub instance: Option<String>,
    /// Whether its packets are forwarded here now; of a group: those to any of its addresses.
    pub armed: bool,
    /// All its servers together, those that have been removed included.
    pub counters: Counters,
    /// The same per second; `None`: not measured.
    pub rates: Option<Counters>,
    /// Its servers.
    pub servers: Vec<ServerView>,
}

/// Addresses of a `virtual_server_group` one after another, each with the same ports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressesView {
    /// The first address.
    pub first: IpAddr,
    /// The last one.
    pub last: IpAddr,
    /// The first port.
    pub first_port: u16,
    /// The last one.
    pub last_port: u16,
    /// The VRRP instance whose role decides; `None`: they are always forwarded.
    pub instance: Option<String>,
    /// Whether their packets are forwarded here now.
    pub armed: bool,
}

/// `persistence_timeout` and `persistence_granularity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistenceView {
    /// Seconds that a client's server is remembered.
    pub timeout_seconds: u32,
    /// Which clients count as one.
    pub granularity: Granularity,
}

/// Which clients count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Granularity {
    /// Of an IPv4 address, these bits.
    Mask(Ipv4Addr),
    /// Of an IPv6 address, so many first bits.
    Prefix(u8),
}

/// Who carries a virtual server of the configuration, and why nobody better.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CarrierView {
    /// `[192.168.0.1]:tcp:80`, `FWM 7`, `[group]:tcp`.
    pub virtual_server: String,
    /// Who.
    pub plane: Carrier,
    /// Why not XDP, or what it lacks with XDP; empty: nothing is in its way.
    pub reasons: Vec<String>,
}

/// A real server of a virtual server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerView {
    /// Its address and port.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// How packets get there.
    pub method: Method,
    /// The weight in force; 0: no new connections.
    pub weight: u32,
    /// Whether it is the sorry server.
    pub sorry: bool,
    /// Flows in state `SYN_RECV` or `ESTABLISHED`; all flows of UDP count as inactive, as in IPVS.
    pub active_connections: u64,
    /// Flows in any other state.
    pub inactive_connections: u64,
    /// What it was given.
    pub counters: Counters,
    /// The same per second; `None`: not measured.
    pub rates: Option<Counters>,
}

/// `lb_kind`, with `ipvsadm`'s names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// `DR`.
    Route,
    /// `NAT`.
    Masq,
    /// `TUN`.
    Tunnel,
    /// The server is this host.
    Local,
}

impl Method {
    /// The name as in `ipvsadm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "Route",
            Self::Masq => "Masq",
            Self::Tunnel => "Tunnel",
            Self::Local => "Local",
        }
    }
}

/// Traffic since the start, or per second. Bytes count from the IP header on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections.
    pub conns: u64,
    /// Packets towards the server.
    pub in_packets: u64,
    /// Packets back, of those that pass here (NAT).
    pub out_packets: u64,
    /// Bytes towards the server.
    pub in_bytes: u64,
    /// Bytes back, of those that pass here (NAT).
    pub out_bytes: u64,
}

/// A real server that an operator has drained, or given a weight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandView {
    /// The virtual server, as the log names it.
    pub virtual_server: String,
    /// The real server, as the log names it.
    pub real_server: String,
    /// Address and port of the virtual server; `None`: it has none of its own.
    pub address: Option<Endpoint>,
    /// By `lb-agent drain`.
    pub drained: bool,
    /// The weight that this means.
    pub weight: u32,
}
