//! The director: what the configuration, the health of the servers, the roles of the instances
//! and the network around us come to. Pure.
//!
//! It keeps one pool for each virtual server and the next hop of each real server, and answers
//! two questions: what should the data plane do ([`Director::desired`]), and which interfaces
//! should carry the program ([`Director::interfaces`]). Who asks the kernel and who writes the
//! maps is the supervisor's matter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use lb_common::control::GATE_ALWAYS;
use lb_common::service::{ServiceKey4, TCP, UDP};

use crate::config::model::{Config, Forwarding, Protocol, VirtualServer, XdpAttach};
use crate::dataplane::desired::{Desired, Path, Persistence, Server, Service};
use crate::dataplane::nexthop::{NextHops, Resolution};
use crate::dataplane::xdp::gate;
use crate::health::Event;
use crate::health::log_line::LogLine;
use crate::health::pool::{Member, Pool};
use crate::net::address::Address;
use crate::net::link::{Link, LinkKind};

/// The state of one agent, VRRP's own excepted.
pub struct Director {
    config: Config,
    pools: Vec<Pool>,
    hops: NextHops,
    links: BTreeMap<u32, Link>,
    /// Where addresses of this host are, as far as virtual servers need to know.
    addresses: BTreeMap<IpAddr, u32>,
    /// Virtual addresses with `ha_suspend` that are on this host.
    here: BTreeSet<IpAddr>,
    /// What has changed of `here`, not yet told.
    address_news: VecDeque<(IpAddr, bool)>,
    /// Instances that are MASTER, by their place in the configuration.
    masters: BTreeSet<usize>,
}

impl Director {
    /// Everybody is in the pools that does not have to wait for a first check; the lines say what
    /// that means. Every real server is watched.
    pub fn new(config: Config) -> (Self, Vec<LogLine>) {
        let mut hops = NextHops::new();
        let mut lines = Vec::new();
        let mut pools = Vec::with_capacity(config.virtual_servers.len());
        for virtual_server in &config.virtual_servers {
            let (pool, change) = Pool::new(virtual_server);
            lines.extend(change.lines);
            pools.push(pool);
            let sorry = virtual_server.sorry_server.map(|sorry| sorry.address);
            let servers = virtual_server
                .real_servers
                .iter()
                .map(|server| server.key.address);
            for address in servers.chain(sorry) {
                hops.watch(address);
            }
        }
        let director = Self {
            config,
            pools,
            hops,
            links: BTreeMap::new(),
            addresses: BTreeMap::new(),
            here: BTreeSet::new(),
            address_news: VecDeque::new(),
            masters: BTreeSet::new(),
        };
        (director, lines)
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The pool of each virtual server, in the order of the configuration.
    pub fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// The next hops, for who feeds them.
    pub const fn hops(&mut self) -> &mut NextHops {
        &mut self.hops
    }

    /// What is known of the way to `address`.
    pub fn resolution(&self, address: IpAddr) -> &Resolution {
        self.hops.resolved(address)
    }

    /// A server went up or down; whether the data plane has to hear of it.
    pub fn handle_health(&mut self, event: &Event) -> (bool, Vec<LogLine>) {
        let pool = self
            .pools
            .iter_mut()
            .find(|pool| *pool.virtual_server() == event.virtual_server);
        pool.map_or((false, Vec::new()), |pool| {
            let change = pool.handle_event(event);
            (change.members_changed, change.lines)
        })
    }

    /// The next step of a slow start; whether the data plane has to hear of it.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let mut changed = false;
        for pool in &mut self.pools {
            if pool.poll_timeout().is_some_and(|at| at <= now) {
                changed |= pool.handle_timeout(now).members_changed;
            }
        }
        changed
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.pools.iter().filter_map(Pool::poll_timeout).min()
    }

    /// An instance became MASTER or is no longer.
    pub fn handle_role(&mut self, instance: usize, master: bool) {
        if master {
            self.masters.insert(instance);
        } else {
            self.masters.remove(&instance);
        }
    }

    /// An interface is new or has changed.
    pub fn handle_link(&mut self, link: Link) {
        self.links.insert(link.index, link);
    }

    /// An interface is gone.
    pub fn handle_link_gone(&mut self, index: u32) {
        self.links.remove(&index);
    }

    /// An address of this host is new.
    pub fn handle_address(&mut self, address: &Address) {
        let ip = address.address.addr();
        self.addresses.insert(ip, address.index);
        if self.suspends(ip) && self.here.insert(ip) {
            self.address_news.push_back((ip, true));
        }
    }

    /// An address of this host is gone. Where it was remains the best guess for where its packets
    /// arrive.
    pub fn handle_address_gone(&mut self, address: IpAddr) {
        if self.here.remove(&address) {
            self.address_news.push_back((address, false));
        }
    }

    /// All addresses of this host.
    pub fn handle_addresses(&mut self, addresses: &[Address]) {
        let now: BTreeSet<IpAddr> = addresses.iter().map(|it| it.address.addr()).collect();
        let gone: Vec<IpAddr> = self.here.difference(&now).copied().collect();
        for address in gone {
            self.handle_address_gone(address);
        }
        for address in addresses {
            self.handle_address(address);
        }
    }

    /// The next address with `ha_suspend` that has come, or gone.
    pub fn poll_address(&mut self) -> Option<(IpAddr, bool)> {
        self.address_news.pop_front()
    }

    fn suspends(&self, address: IpAddr) -> bool {
        let mut servers = self.config.virtual_servers.iter();
        servers.any(|server| server.ha_suspend && server.key.address == address)
    }

    /// The interfaces, by index.
    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// The interface called `name`.
    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    /// What the data plane should do now.
    pub fn desired(&self) -> Desired {
        let services = self.config.virtual_servers.iter().zip(&self.pools);
        Desired {
            services: services
                .filter_map(|(server, pool)| self.service(server, pool))
                .collect(),
        }
    }

    fn service(&self, virtual_server: &VirtualServer, pool: &Pool) -> Option<Service> {
        let key = service_key(virtual_server)?;
        let owner = self.owner(virtual_server);
        Some(Service {
            key,
            scheduler: virtual_server.lb_algo,
            persistence: virtual_server
                .persistence_timeout
                .map(|timeout| Persistence {
                    timeout,
                    mask: virtual_server.persistence_granularity,
                }),
            gate: owner.map_or(Some(GATE_ALWAYS), gate::of_instance)?,
            servers: pool
                .members()
                .iter()
                .filter_map(|member| self.server(virtual_server, member))
                .collect(),
        })
    }

    fn server(&self, virtual_server: &VirtualServer, member: &Member) -> Option<Server> {
        let address = ipv4(member.key.address)?;
        let path = match self.hops.resolved(member.key.address) {
            Resolution::Unknown(_) => Path::Unknown,
            // The kernel serves what we pass on, on the port of the virtual server.
            Resolution::Local if member.key.port == virtual_server.key.port => Path::Local,
            Resolution::Local => return None,
            Resolution::Via(hop) => Path::Via(*hop),
        };
        Some(Server {
            address,
            port: member.key.port,
            method: virtual_server.lb_kind,
            weight: member.weight,
            sorry: member.sorry,
            path,
        })
    }

    /// The instance that holds the address of a virtual server.
    pub fn owner(&self, virtual_server: &VirtualServer) -> Option<usize> {
        self.config.vrrp_instances.iter().position(|instance| {
            instance
                .virtual_ipaddress
                .iter()
                .chain(&instance.virtual_ipaddress_excluded)
                .any(|vip| vip.address.addr() == virtual_server.key.address)
        })
    }

    /// The interfaces that should carry the program now, without those that do not exist.
    ///
    /// They follow from where the virtual addresses are, and in NAT mode from where the servers
    /// are, unless `xdp_interfaces` names them.
    pub fn interfaces(&self) -> Vec<&Link> {
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for virtual_server in &self.config.virtual_servers {
            let owner = self.owner(virtual_server);
            let waiting = self.config.global_defs.xdp_attach == XdpAttach::Master
                && owner.is_some_and(|owner| !self.masters.contains(&owner));
            if waiting {
                continue;
            }
            if self.config.global_defs.xdp_interfaces.is_empty() {
                names.extend(self.way_in(virtual_server, owner));
                names.extend(self.way_back(virtual_server));
            } else {
                names.extend(
                    self.config
                        .global_defs
                        .xdp_interfaces
                        .iter()
                        .map(String::as_str),
                );
            }
        }
        self.links
            .values()
            .filter(|link| names.contains(link.name.as_str()) && link.kind != LinkKind::Loopback)
            .collect()
    }

    /// Where clients' packets arrive: the interface of the address, else the instance's.
    fn way_in(&self, virtual_server: &VirtualServer, owner: Option<usize>) -> Option<&str> {
        let address = virtual_server.key.address;
        let Some(instance) = owner.and_then(|owner| self.config.vrrp_instances.get(owner)) else {
            let index = self.addresses.get(&address)?;
            return self.links.get(index).map(|link| link.name.as_str());
        };
        let dev = instance
            .virtual_ipaddress
            .iter()
            .chain(&instance.virtual_ipaddress_excluded)
            .find(|vip| vip.address.addr() == address)
            .map(|vip| vip.dev.as_str());
        dev.filter(|dev| {
            self.link(dev)
                .is_some_and(|link| link.kind != LinkKind::Loopback)
        })
        .or(Some(&instance.interface))
    }

    /// Where the servers' replies arrive, which the program rewrites in NAT mode only.
    fn way_back(&self, virtual_server: &VirtualServer) -> impl Iterator<Item = &str> {
        let nat = virtual_server.lb_kind == Forwarding::Nat;
        let addresses = virtual_server
            .real_servers
            .iter()
            .filter(move |_| nat)
            .map(|server| server.key.address);
        addresses.filter_map(|address| match self.hops.resolved(address) {
            Resolution::Via(hop) => self.links.get(&hop.index).map(|link| link.name.as_str()),
            Resolution::Unknown(_) | Resolution::Local => None,
        })
    }
}

/// The key of a virtual server in the maps; `None` for IPv6.
pub fn service_key(virtual_server: &VirtualServer) -> Option<ServiceKey4> {
    let proto = match virtual_server.key.protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
    };
    Some(ServiceKey4::new(
        ipv4(virtual_server.key.address)?,
        virtual_server.key.port,
        proto,
    ))
}

const fn ipv4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}

#[cfg(test)]
mod tests;
