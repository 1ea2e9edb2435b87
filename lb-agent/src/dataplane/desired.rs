//! What the data plane should do: services, their servers, and the next hop of each.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lb_common::control::GATE_ALWAYS;

use super::installed::Key;
use super::nexthop::Hop;
use crate::config::model::{Forwarding, Scheduler, SchedulerFlags, Tunnel};

/// Everything the XDP program should forward.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Services, each key once. The servers of one are of its family, but for those in TUN mode.
    pub services: Vec<Service>,
}

/// One virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Address, port, protocol; of a group the first one.
    pub key: Key,
    /// The others of its `virtual_server_group`, of the same family, each with the gate of its address. They
    /// share everything else.
    pub others: Vec<(Key, u16)>,
    /// `lb_algo`.
    pub scheduler: Scheduler,
    /// `sh-port`, `sh-fallback` and the like.
    pub flags: SchedulerFlags,
    /// `ops`, where it can be: UDP, and no server in NAT mode.
    pub ops: bool,
    /// `xdp_new_flow_limit`: new flows in a second; 0: no limit.
    pub new_flow_limit: u32,
    /// `xdp_source_limit`: flows of one client address; 0: no limit.
    pub source_limit: u32,
    /// `persistence_timeout` and `persistence_granularity`.
    pub persistence: Option<Persistence>,
    /// Gate of the VRRP instance that holds the address, or
    /// [`GATE_ALWAYS`].
    pub gate: u16,
    /// The servers in the pool, each address and port once; may be empty. In the order in which
    /// schedulers look at them, which is IPVS's: what was added last comes first.
    pub servers: Vec<Server>,
}

impl Service {
    /// One that is always armed, by round robin, without servers and settings.
    pub fn new(key: impl Into<Key>) -> Self {
        Self {
            key: key.into(),
            others: Vec::new(),
            scheduler: Scheduler::Rr,
            flags: SchedulerFlags::default(),
            ops: false,
            new_flow_limit: 0,
            source_limit: 0,
            persistence: None,
            gate: GATE_ALWAYS,
            servers: Vec::new(),
        }
    }

    /// Everything that it serves, each with its gate: one at least.
    pub fn served(&self) -> impl Iterator<Item = (Key, u16)> {
        let others = self.others.iter().copied();
        std::iter::once((self.key, self.gate)).chain(others)
    }

    /// The same without the gates.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.served().map(|(key, _)| key)
    }

    /// The same for these addresses and ports alone; `None`: it serves nothing.
    pub fn of(&self, served: Vec<(Key, u16)>) -> Option<Self> {
        let mut served = served.into_iter();
        let (key, gate) = served.next()?;
        Some(Self {
            key,
            gate,
            others: served.collect(),
            ..self.clone()
        })
    }

    /// Whether connections have to be counted for it.
    pub fn is_counted(&self) -> bool {
        let by_connections = match self.scheduler {
            Scheduler::Rr
            | Scheduler::Wrr
            | Scheduler::Sh
            | Scheduler::Dh
            | Scheduler::Mh
            | Scheduler::Fo => false,
            Scheduler::Lc
            | Scheduler::Wlc
            | Scheduler::Lblc
            | Scheduler::Lblcr
            | Scheduler::Sed
            | Scheduler::Nq
            | Scheduler::Ovf
            | Scheduler::Twos => true,
        };
        by_connections || self.servers.iter().any(|server| server.uthreshold != 0)
    }
}

/// `persistence_timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// For how long a client keeps its server after its last new connection, or after the last
    /// packet of one (to a quarter of this time).
    pub timeout: Duration,
    /// `persistence_granularity`: who counts as one client of IPv4.
    pub mask: Ipv4Addr,
    /// And of IPv6: 1 to 128 bits.
    pub prefix: u8,
}

/// One member of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address.
    pub address: IpAddr,
    /// Port, host byte order.
    pub port: u16,
    /// `lb_kind`.
    pub method: Forwarding,
    /// Its `type`, in TUN mode.
    pub tunnel: Tunnel,
    /// `weight`; 0: old connections only.
    pub weight: u32,
    /// The weight that it has when it takes connections; `mh` spreads by it.
    pub full_weight: u32,
    /// `uthreshold`: no new connections above so many; 0: no limit.
    pub uthreshold: u32,
    /// `lthreshold`: new ones again below so many; 0: below three quarters of `uthreshold`.
    pub lthreshold: u32,
    /// It is the sorry server.
    pub sorry: bool,
    /// How to get there.
    pub path: Path,
}

impl Server {
    /// One of weight 1 in DR mode, the way to which is not known.
    pub fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        Self {
            address: address.into(),
            port,
            method: Forwarding::Dr,
            tunnel: Tunnel::Ipip,
            weight: 1,
            full_weight: 1,
            uthreshold: 0,
            lthreshold: 0,
            sorry: false,
            path: Path::Unknown,
        }
    }
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
