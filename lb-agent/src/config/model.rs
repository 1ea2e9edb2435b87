//! The resolved configuration: typed, defaulted, inherited; no spans, no text of the file.
//!
//! Every field is named as its keyword in keepalived.conf, so that a search for the keyword
//! leads from the manual to the code. Units are in the types. What a keyword does stands where
//! it takes effect, not here.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

/// One configuration, complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Config {
    /// `global_defs`.
    pub global_defs: GlobalDefs,
    /// `vrrp_instance`, in the order of the file.
    pub vrrp_instances: Vec<VrrpInstance>,
    /// `virtual_server`, in the order of the file.
    pub virtual_servers: Vec<VirtualServer>,
}

/// `global_defs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GlobalDefs {
    /// Default: the host name.
    pub router_id: Option<String>,
    /// Default group of the instances, 224.0.0.18.
    pub vrrp_mcast_group4: Ipv4Addr,
    /// Where and when the XDP program is attached (`xdp_attach start|master`).
    pub xdp_attach: XdpAttach,
    /// `xdp_mode auto|native|generic`.
    pub xdp_mode: XdpMode,
    /// `xdp_interfaces IF…`; empty: the interfaces follow from the virtual servers.
    pub xdp_interfaces: Vec<String>,
    /// `xdp_deadman SEC`: after so long without the agent nothing is forwarded; zero: never.
    pub xdp_deadman: Duration,
}

impl Default for GlobalDefs {
    fn default() -> Self {
        Self {
            router_id: None,
            vrrp_mcast_group4: Ipv4Addr::new(224, 0, 0, 18),
            xdp_attach: XdpAttach::Start,
            xdp_mode: XdpMode::Auto,
            xdp_interfaces: Vec::new(),
            xdp_deadman: Duration::from_mins(1),
        }
    }
}

/// `xdp_attach`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum XdpAttach {
    /// Once, at start; a BACKUP's program lets everything pass.
    #[default]
    Start,
    /// At the first MASTER, detached when no instance is MASTER any more.
    Master,
}

/// `xdp_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum XdpMode {
    /// Native; generic where the driver refuses.
    #[default]
    Auto,
    /// Native or not at all.
    Native,
    /// Generic.
    Generic,
}

/// `vrrp_instance NAME`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of keepalived.conf"
)]
pub struct VrrpInstance {
    /// The name behind `vrrp_instance`.
    pub name: String,
    /// `state`: the wish at start.
    pub state: InitialState,
    /// `interface`.
    pub interface: String,
    /// `virtual_router_id`, 1–255.
    pub virtual_router_id: u8,
    /// `priority`, 1–255.
    pub priority: u8,
    /// `advert_int`; whole seconds in version 2.
    pub advert_int: Duration,
    /// `authentication`; `None` without the block or with `auth_type` none.
    pub authentication: Option<Authentication>,
    /// `virtual_ipaddress`, in order: this order is what stands in the advert.
    pub virtual_ipaddress: Vec<VirtualAddress>,
    /// `virtual_ipaddress_excluded`: set like the others, never advertised.
    pub virtual_ipaddress_excluded: Vec<VirtualAddress>,
    /// `nopreempt`.
    pub nopreempt: bool,
    /// `preempt_delay`.
    pub preempt_delay: Duration,
    /// `unicast_src_ip` or `mcast_src_ip`; default: the interface's first address.
    pub source: Option<Ipv4Addr>,
    /// `unicast_peer`; not empty = unicast, multicast is not used.
    pub unicast_peer: Vec<Ipv4Addr>,
    /// `unicast_ttl`.
    pub unicast_ttl: u8,
    /// `mcast_dst_ip`, else `vrrp_mcast_group4`.
    pub mcast_dst_ip: Ipv4Addr,
    /// `skip_check_adv_addr`, else `vrrp_skip_check_adv_addr`.
    pub skip_check_adv_addr: bool,
    /// `dont_track_primary`: the link state of `interface` does not matter.
    pub dont_track_primary: bool,
    /// `lower_prio_no_advert`, else `vrrp_lower_prio_no_advert`.
    pub lower_prio_no_advert: bool,
    /// `higher_prio_send_advert`, else `vrrp_higher_prio_send_advert`.
    pub higher_prio_send_advert: bool,
    /// `down_timer_adverts`, else `vrrp_down_timer_adverts`; 1–100, default 3.
    pub down_timer_adverts: u8,
    /// Gratuitous ARP: `garp_*`, else `vrrp_garp_*`.
    pub garp: Garp,
}

/// `state MASTER|BACKUP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum InitialState {
    /// `MASTER`.
    Master,
    /// `BACKUP`.
    #[default]
    Backup,
}

/// `authentication { auth_type …; auth_pass … }`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub enum Authentication {
    /// `PASS`: the password as on the wire, padded with zeros.
    Pass(#[serde(skip)] [u8; 8]),
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pass(_) => f.write_str("Pass(********)"),
        }
    }
}

/// One line of `virtual_ipaddress`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualAddress {
    /// Address and prefix length; without a prefix /32 or /128.
    pub address: IpNet,
    /// `dev`, else the instance's `interface`.
    pub dev: String,
    /// `label`.
    pub label: Option<String>,
    /// `scope` as the kernel's number: 0 global, 253 link, 254 host.
    pub scope: u8,
    /// `brd`.
    pub brd: Option<Broadcast>,
}

/// `brd ADDR|+|-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Broadcast {
    /// This address.
    Address(Ipv4Addr),
    /// `+`: host bits all one.
    AllOnes,
    /// `-`: host bits all zero.
    AllZeros,
}

/// The schedule of gratuitous ARPs of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Garp {
    /// `garp_master_delay`: the second burst comes so long after the first; zero: none.
    pub master_delay: Duration,
    /// `garp_master_repeat`: ARPs of one burst for each address.
    pub master_repeat: u32,
    /// `garp_master_refresh`: one refresh so often while MASTER; zero: none.
    pub master_refresh: Duration,
    /// `garp_master_refresh_repeat`.
    pub master_refresh_repeat: u32,
    /// `garp_lower_prio_delay`.
    pub lower_prio_delay: Duration,
    /// `garp_lower_prio_repeat`.
    pub lower_prio_repeat: u32,
    /// `vrrp_garp_interval`: at least so long between two; zero: no pacing.
    pub interval: Duration,
}

impl Default for Garp {
    fn default() -> Self {
        Self {
            master_delay: Duration::from_secs(5),
            master_repeat: 5,
            master_refresh: Duration::ZERO,
            master_refresh_repeat: 1,
            lower_prio_delay: Duration::from_secs(5),
            lower_prio_repeat: 5,
            interval: Duration::ZERO,
        }
    }
}

/// Layer-4 protocol of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Protocol {
    /// `TCP`.
    Tcp,
    /// `UDP`, also what a missing `protocol` means.
    Udp,
}

/// What names a virtual server: `virtual_server IP PORT` and its `protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VirtualServerKey {
    /// Virtual address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// `virtual_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VirtualServer {
    /// Address, port, protocol.
    pub key: VirtualServerKey,
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
}

/// `lb_algo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Scheduler {
    /// `rr`.
    Rr,
    /// `wrr`.
    Wrr,
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

/// What names a real server within its virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RealServerKey {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// `real_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RealServer {
    /// Address and port.
    pub key: RealServerKey,
    /// `weight`, default 1; 0: no new connections.
    pub weight: u32,
    /// `inhibit_on_failure`: a failed server stays with weight 0.
    pub inhibit_on_failure: bool,
    /// `alpha`, inherited.
    pub alpha: bool,
    /// The checkers; the server is up when all of them are.
    pub checkers: Vec<Checker>,
}

/// One checker block of a real server, everything inherited and defaulted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checker {
    /// Which one, with its own keywords.
    pub kind: CheckerKind,
    /// `connect_ip`, else the real server's address.
    pub connect_ip: IpAddr,
    /// `connect_port`, else the real server's port.
    pub connect_port: u16,
    /// `bindto`.
    pub bindto: Option<IpAddr>,
    /// `bind_port`.
    pub bind_port: u16,
    /// `fwmark` of the probe's socket.
    pub fwmark: u32,
    /// `connect_timeout`: for the connection, and again for each answer.
    pub connect_timeout: Duration,
    /// `retry` / `nb_get_retry`: failures beyond the first before the server is down.
    pub retry: u32,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// `delay_loop`: from the end of one check to the start of the next.
    pub delay_loop: Duration,
    /// `warmup`: the first check comes after a random part of this.
    pub warmup: Duration,
    /// `log_all_failures`.
    pub log_all_failures: bool,
}

/// Which checker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum CheckerKind {
    /// `TCP_CHECK`.
    Tcp,
    /// `HTTP_GET`.
    Http(HttpGet),
}

/// `HTTP_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HttpGet {
    /// `url` blocks, at least one.
    pub urls: Vec<Url>,
    /// `http_protocol`.
    pub http_protocol: HttpProtocol,
}

/// `http_protocol 1.0|1.0C|1.1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum HttpProtocol {
    /// HTTP/1.0.
    #[default]
    V1_0,
    /// HTTP/1.0 with `Connection: close`.
    V1_0Close,
    /// HTTP/1.1 with `Connection: close`.
    V1_1,
}

/// `url { path …; status_code …; virtualhost … }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Url {
    /// `path`, default `/`.
    pub path: String,
    /// `status_code`: inclusive ranges; default 200–299.
    pub status_code: Vec<(u16, u16)>,
    /// `virtualhost` of the url, the checker, the real or the virtual server.
    pub virtualhost: Option<String>,
}
