//! The records of `lb-agent dump`. Their JSON is a promise to other people's programs: a field
//! keeps its name, type and unit while [`SCHEMA`] stays; new fields may come. `docs/dump.md`
//! describes every one.

mod attachment;
mod check;
mod seconds;

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};

pub use self::attachment::AttachmentView;
pub use self::check::{CheckResult, CheckState, CheckView, Checks};
use crate::config::model::VirtualServerKey;
use crate::dataplane::choice::Carrier;
use crate::vrrp::status::Stats;

/// Version of the JSON, its first field.
pub const SCHEMA: u32 = 1;

/// Who is being looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentView {
    /// Version of the agent.
    pub version: String,
    /// Flows the flow table has room for.
    pub flow_table_size: u64,
    /// Seconds since the agent's last sign of life; `None`: it has never given one.
    #[serde(rename = "silent_seconds", with = "seconds::optional")]
    pub silent: Option<Duration>,
}

/// Layer-4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// None: packets with a firewall mark.
    Fwm,
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// That of a virtual server; one for a mark or a group has none of its own.
impl From<&VirtualServerKey> for Option<Endpoint> {
    fn from(key: &VirtualServerKey) -> Self {
        match key {
            VirtualServerKey::Address(key) => Some(Endpoint {
                address: key.address,
                port: key.port,
            }),
            VirtualServerKey::Fwmark(_) | VirtualServerKey::Group(_) => None,
        }
    }
}

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
    /// The VRRP instance whose role decides; `None`: it is always forwarded.
    pub instance: Option<String>,
    /// Whether its packets are forwarded here now.
    pub armed: bool,
    /// All its servers together, those that have been removed included.
    pub counters: Counters,
    /// The same per second; `None`: not measured.
    pub rates: Option<Counters>,
    /// Its servers.
    pub servers: Vec<ServerView>,
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

/// An Ethernet address, `02:00:00:00:00:01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl Protocol {
    /// The name as in `ipvsadm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Fwm => "FWM",
        }
    }
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

/// `192.0.2.1:80` or `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::net::SocketAddr::new(self.address, self.port).to_string();
        f.pad(&text)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.0.map(|octet| format!("{octet:02x}"));
        f.write_str(&octets.join(":"))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets: Option<Vec<u8>> = text
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16).ok())
            .collect();
        octets
            .and_then(|octets| octets.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no Ethernet address")))
    }
}

#[cfg(test)]
mod tests;
