//! `virtual_server`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde::Serialize;

use super::{Command, RealServer, Scheduler, VirtualServerKey, XdpMode};

/// `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct VirtualServer<K = VirtualServerKey> {
    /// What is served: address, port and protocol, a mark, or a group.
    pub key: K,
    /// `lb_algo` / `lvs_sched`.
    pub lb_algo: Scheduler,
    /// `lb_kind` / `lvs_method`.
    pub lb_kind: Forwarding,
    /// `persistence_timeout`; `None` = off.
    pub persistence_timeout: Option<Duration>,
    /// `persistence_granularity` of IPv4, as a mask.
    pub persistence_granularity: Ipv4Addr,
    /// `alpha`: servers start outside the pool until their first success.
    pub alpha: bool,
    /// `sorry_server`.
    pub sorry_server: Option<SorryServer>,
    /// `real_server`, in the order of the file, no address and port twice.
    pub real_servers: Vec<RealServer>,
    /// `lb_kind TUN type …`; `None`: IP in IP, or no tunnel.
    pub tunnel: Option<Tunnel>,
    /// `hashed`, `flag-1`, `flag-2`, `flag-3` and their other names.
    pub flags: SchedulerFlags,
    /// `persistence_granularity` of IPv6: 1 to 128 bits.
    pub persistence_granularity6: u8,
    /// `persistence_engine`.
    pub persistence_engine: Option<String>,
    /// `ops`: each datagram is scheduled by itself.
    pub ops: bool,
    /// `ha_suspend`: checks run only while the virtual address is here.
    pub ha_suspend: bool,
    /// `omega`: what `quorum_down` and `notify_down` do is done at stop, too.
    pub omega: bool,
    /// `quorum`: weights of servers that must be up together.
    pub quorum: u32,
    /// `hysteresis`: so much more, or less, before the quorum counts as won or lost.
    pub hysteresis: u32,
    /// `quorum_up`.
    pub quorum_up: Option<Command>,
    /// `quorum_down`.
    pub quorum_down: Option<Command>,
    /// `sorry_server_inhibit`: weight 0 instead of removal.
    pub sorry_server_inhibit: bool,
    /// `sorry_server_lvs_method`, else `lb_kind`.
    pub sorry_server_lvs_method: Option<Forwarding>,
    /// `sorry_server_lvs_method TUN [type …]`; without it that of `lb_kind`.
    pub sorry_server_tunnel: Option<Tunnel>,
    /// `smtp_alert`, else `smtp_alert_checker`, else `smtp_alert`, else off.
    pub smtp_alert: bool,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
    /// `xdp_slow_start`: a server that recovers has its full weight after so long; zero: at once.
    pub xdp_slow_start: Duration,
    /// `xdp_new_flow_limit`: new flows in a second; 0: no limit.
    pub xdp_new_flow_limit: u32,
    /// `xdp_source_limit`: flows of one client address; 0: no limit.
    pub xdp_source_limit: u32,
    /// `xdp_mode`, else that of `global_defs`.
    pub xdp_mode: Option<XdpMode>,
}

/// Flags of the scheduler (`IP_VS_SVC_F_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of keepalived.conf"
)]
pub struct SchedulerFlags {
    /// `hashed`.
    pub hashed: bool,
    /// `flag-1`, which is `sh-fallback` and `mh-fallback`.
    pub flag_1: bool,
    /// `flag-2`, which is `sh-port` and `mh-port`.
    pub flag_2: bool,
    /// `flag-3`.
    pub flag_3: bool,
}

impl SchedulerFlags {
    /// Whether one is set.
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

/// `type ipip|gue port N|gre [nocsum|csum|remcsum]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Tunnel {
    /// `ipip`.
    Ipip,
    /// `gue`: in UDP.
    Gue {
        /// Its port at the real server.
        port: u16,
        /// Checksum.
        checksum: TunnelChecksum,
    },
    /// `gre`.
    Gre {
        /// Checksum.
        checksum: TunnelChecksum,
    },
}

/// Checksum of a tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum TunnelChecksum {
    /// `nocsum`.
    #[default]
    None,
    /// `csum`.
    Full,
    /// `remcsum`: offloaded to the receiver.
    Remote,
}

impl<K> VirtualServer<K> {
    /// A service of which nothing more is known: the defaults, keepalived's where it can be.
    pub const fn new(key: K) -> Self {
        Self {
            key,
            lb_algo: Scheduler::Wlc,
            lb_kind: Forwarding::Nat,
            persistence_timeout: None,
            persistence_granularity: Ipv4Addr::BROADCAST,
            alpha: false,
            sorry_server: None,
            real_servers: Vec::new(),
            tunnel: None,
            flags: SchedulerFlags {
                hashed: false,
                flag_1: false,
                flag_2: false,
                flag_3: false,
            },
            persistence_granularity6: 128,
            persistence_engine: None,
            ops: false,
            ha_suspend: false,
            omega: false,
            quorum: 1,
            hysteresis: 0,
            quorum_up: None,
            quorum_down: None,
            sorry_server_inhibit: false,
            sorry_server_lvs_method: None,
            sorry_server_tunnel: None,
            smtp_alert: false,
            snmp_name: None,
            xdp_slow_start: Duration::ZERO,
            xdp_new_flow_limit: 0,
            xdp_source_limit: 0,
            xdp_mode: None,
        }
    }

    /// How a real server of it is reached.
    pub fn method(&self, server: &RealServer) -> Forwarding {
        server.lvs_method.unwrap_or(self.lb_kind)
    }

    /// How its sorry server is reached.
    pub fn sorry_method(&self) -> Forwarding {
        self.sorry_server_lvs_method.unwrap_or(self.lb_kind)
    }

    /// The tunnel to a real server that is reached by one.
    pub fn tunnel_to(&self, server: &RealServer) -> Tunnel {
        server.tunnel.or(self.tunnel).unwrap_or(Tunnel::Ipip)
    }

    /// The tunnel to its sorry server, if that is reached by one.
    pub fn sorry_tunnel(&self) -> Tunnel {
        self.sorry_server_tunnel
            .or(self.tunnel)
            .unwrap_or(Tunnel::Ipip)
    }

    /// The tunnels to its servers.
    pub fn tunnels(&self) -> impl Iterator<Item = Tunnel> {
        let is_tunnel = |method| match method {
            Forwarding::Tun => true,
            Forwarding::Nat | Forwarding::Dr => false,
        };
        let sorry = self.sorry_server.filter(|_| is_tunnel(self.sorry_method()));
        let servers = self.real_servers.iter();
        servers
            .filter(move |it| is_tunnel(self.method(it)))
            .map(|it| self.tunnel_to(it))
            .chain(sorry.map(|_| self.sorry_tunnel()))
    }

    /// Whether one of its servers is reached like this.
    pub fn uses(&self, method: Forwarding) -> bool {
        self.real_servers.iter().any(|it| self.method(it) == method)
            || (self.sorry_server.is_some() && self.sorry_method() == method)
    }

    /// The same service under another key.
    pub fn with_key<L>(self, key: L) -> VirtualServer<L> {
        VirtualServer {
            key,
            lb_algo: self.lb_algo,
            lb_kind: self.lb_kind,
            persistence_timeout: self.persistence_timeout,
            persistence_granularity: self.persistence_granularity,
            alpha: self.alpha,
            sorry_server: self.sorry_server,
            real_servers: self.real_servers,
            tunnel: self.tunnel,
            flags: self.flags,
            persistence_granularity6: self.persistence_granularity6,
            persistence_engine: self.persistence_engine,
            ops: self.ops,
            ha_suspend: self.ha_suspend,
            omega: self.omega,
            quorum: self.quorum,
            hysteresis: self.hysteresis,
            quorum_up: self.quorum_up,
            quorum_down: self.quorum_down,
            sorry_server_inhibit: self.sorry_server_inhibit,
            sorry_server_lvs_method: self.sorry_server_lvs_method,
            sorry_server_tunnel: self.sorry_server_tunnel,
            smtp_alert: self.smtp_alert,
            snmp_name: self.snmp_name,
            xdp_slow_start: self.xdp_slow_start,
            xdp_new_flow_limit: self.xdp_new_flow_limit,
            xdp_source_limit: self.xdp_source_limit,
            xdp_mode: self.xdp_mode,
        }
    }
}

/// `lb_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Forwarding {
    /// `NAT`.
    Nat,
    /// `DR`.
    Dr,
    /// `TUN` (IP in IP).
    Tun,
}

/// `sorry_server IP PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SorryServer {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}
