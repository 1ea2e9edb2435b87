//! The director: what the configuration, the health of the servers, the roles of the instances
//! and the network around us come to. Pure.
//!
//! It keeps one pool for each virtual server and the next hop of each real server, and answers
//! two questions: which interfaces does the data plane need ([`Director::interfaces`]), and, once
//! it has heard what came of these ([`Director::handle_ports`]), what should it do
//! ([`Director::desired`]). Who asks the kernel and who writes the maps is the supervisor's matter.

mod addresses;
mod attach;
mod choices;
mod hand;
mod interfaces;
mod ipvs;
mod reload;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use lb_common::control::GATE_ALWAYS;
use lb_common::service::{TCP, UDP};

use self::addresses::Addresses;
use self::attach::Masters;
pub use self::choices::{IpvsRefusal, asks_for_ipvs};
use crate::config::model::{
    Config, Forwarding, Protocol, RealServer, RealServerKey, VirtualServer, VirtualServerKey,
};
use crate::dataplane::choice::{Carrier, Choice};
use crate::dataplane::desired::{Desired, Path, Persistence, Server, Service};
use crate::dataplane::installed::Key;
use crate::dataplane::ipvs::desired as ipvs_desired;
use crate::dataplane::nexthop::{NextHops, Resolution};
use crate::dataplane::port::Ports;
use crate::dataplane::xdp::gate::Numbers;
use crate::health::Event;
use crate::health::pool::{Member, Notice, Past, Pool, PoolRecord};
use crate::health::spec::PoolSpec;
use crate::log_line::LogLine;
use crate::net::address::Address;
use crate::net::ipvs::ServiceKey;
use crate::net::link::Link;

/// The state of one agent, VRRP's own excepted.
pub struct Director {
    config: Arc<Config>,
    pools: Vec<Pool>,
    /// Where the pool of each virtual server is.
    places: HashMap<VirtualServerKey, usize>,
    hops: NextHops,
    links: BTreeMap<u32, Link>,
    /// Interfaces that are gone, and whose numbers may come again; until somebody asks.
    gone: BTreeSet<u32>,
    /// Some may have gone unnoticed.
    doubtful: bool,
    /// What has come of the interfaces that the data plane was to use.
    ports: Ports,
    /// Where the addresses of virtual servers are, or were last.
    addresses: Addresses,
    /// Virtual addresses with `ha_suspend`.
    suspending: BTreeSet<IpAddr>,
    /// Those of them that are on this host.
    here: BTreeSet<IpAddr>,
    /// What has changed of `here`, not yet told.
    address_news: VecDeque<(IpAddr, bool)>,
    /// Whom to tell what, not yet told.
    notices: VecDeque<(VirtualServerKey, Notice)>,
    /// Which instance holds which address, by its place in the configuration.
    owners: BTreeMap<IpAddr, usize>,
    /// Instances that are MASTER, and what that means for `xdp_attach master`.
    masters: Masters,
    /// The gate of each instance.
    gates: Numbers,
    /// Between two configurations: what was served under the first.
    held: Option<Vec<Service>>,
    /// Who carries each virtual server.
    choices: Vec<Choice>,
    /// Why there is no XDP, and why there is no IPVS, as was said last.
    missing: [Option<String>; 2],
    /// Why XDP does not, as it turned out.
    refused: BTreeMap<VirtualServerKey, String>,
    /// What IPVS had under the first of two configurations.
    held_by_ipvs: Vec<ipvs_desired::Service>,
    /// What the kernel's IPVS refuses.
    refused_by_ipvs: BTreeMap<ServiceKey, IpvsRefusal>,
    /// The mark of each group and protocol that has one (`nftables_ipvs`).
    marks: BTreeMap<(String, Protocol), u32>,
}

impl Director {
    /// Everybody is in the pools that does not have to wait for a first check; the lines say what
    /// that means. Every real server is watched. `gates` are those of an earlier agent.
    pub fn new(config: Config, gates: &Numbers) -> (Self, Vec<LogLine>) {
        Self::go_on(config, gates, &[], false)
    }

    /// The same, but pools go on from what an earlier agent knew: all of it, or without `results` only
    /// what was set by hand.
    pub fn go_on(
        config: Config,
        gates: &Numbers,
        records: &[PoolRecord],
        results: bool,
    ) -> (Self, Vec<LogLine>) {
        let records = records.iter();
        let records: HashMap<&str, &PoolRecord> =
            records.map(|it| (it.virtual_server.as_str(), it)).collect();
        let past = |key: &VirtualServerKey| match records.get(key.to_string().as_str()) {
            Some(record) if results => Past::All(record),
            Some(record) => Past::Hands(record),
            None => Past::Unknown,
        };
        let mut hops = NextHops::new();
        let (mut lines, mut notices) = (Vec::new(), VecDeque::new());
        let mut pools = Vec::with_capacity(config.virtual_servers.len());
        for virtual_server in &config.virtual_servers {
            let spec = pool_spec(&config, virtual_server);
            let (pool, change) = Pool::begin(spec, past(&virtual_server.key));
            lines.extend(change.lines);
            notices.extend(addressed(&pool, change.notices));
            pools.push(pool);
            if !choices::may_be_for_xdp(&config, virtual_server) {
                continue;
            }
            for address in servers(virtual_server) {
                hops.watch(address);
            }
            if virtual_server.uses(Forwarding::Nat) {
                hops.keep_gateways();
            }
        }
        let mut director = Self {
            owners: owners(&config),
            suspending: suspending(&config),
            gates: gates.assign(config.vrrp_instances.iter().map(|it| it.name.as_str())),
            held: None,
            config: Arc::new(config),
            places: places(&pools),
            pools,
            hops,
            links: BTreeMap::new(),
            gone: BTreeSet::new(),
            doubtful: false,
            ports: Ports::new(),
            addresses: Addresses::default(),
            here: BTreeSet::new(),
            address_news: VecDeque::new(),
            notices,
            masters: Masters::default(),
            choices: Vec::new(),
            missing: [None, None],
            refused: BTreeMap::new(),
            held_by_ipvs: Vec::new(),
            refused_by_ipvs: BTreeMap::new(),
            marks: BTreeMap::new(),
        };
        director.choose(Ok(()), Err("nobody has asked for it yet"));
        (director, lines)
    }

    /// The configuration.
    pub fn config(&self) -> &Arc<Config> {
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

    /// Whether packets go to servers in tunnels.
    pub fn uses_tunnels(&self) -> bool {
        let mut servers = self.config.virtual_servers.iter();
        servers.any(|server| server.uses(Forwarding::Tun))
    }

    /// What is known of the way to `address`.
    pub fn resolution(&self, address: IpAddr) -> &Resolution {
        self.hops.resolved(address)
    }

    /// A server went up or down; whether the data plane has to hear of it.
    pub fn handle_health(&mut self, event: &Event) -> (bool, Vec<LogLine>) {
        let place = self.places.get(&event.virtual_server);
        let Some(pool) = place.and_then(|place| self.pools.get_mut(*place)) else {
            return (false, Vec::new());
        };
        let change = pool.handle_event(event);
        self.notices.extend(addressed(pool, change.notices));
        (change.members_changed, change.lines)
    }

    /// The next notice about a virtual server or one of its servers.
    pub fn poll_notice(&mut self) -> Option<(VirtualServerKey, Notice)> {
        self.notices.pop_front()
    }

    /// The agent stops: with `omega` servers that are up are told to be down.
    pub fn stop(&mut self) -> Vec<LogLine> {
        let mut lines = Vec::new();
        for pool in &mut self.pools {
            let change = pool.stop();
            lines.extend(change.lines);
            self.notices.extend(addressed(pool, change.notices));
        }
        lines
    }

    /// The next step of a slow start, or an attachment that was kept for too long; whether the data plane has to hear of it.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let mut changed = self.masters.handle_timeout(now);
        for pool in &mut self.pools {
            if pool.poll_timeout().is_some_and(|at| at <= now) {
                changed |= pool.handle_timeout(now).members_changed;
            }
        }
        changed
    }

    /// When to call [`Self::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pools = self.pools.iter().filter_map(Pool::poll_timeout);
        pools.chain(self.masters.poll_timeout()).min()
    }

    /// The gates of the instances.
    pub const fn gates(&self) -> &Numbers {
        &self.gates
    }

    /// An interface is new or has changed; whether the data plane has to hear of it.
    pub fn handle_link(&mut self, link: Link) -> bool {
        let before = self.links.insert(link.index, link.clone());
        before != Some(link)
    }

    /// An interface is gone; whether the data plane has to hear of it.
    pub fn handle_link_gone(&mut self, index: u32) -> bool {
        self.gone.insert(index);
        self.links.remove(&index).is_some()
    }

    /// The interfaces that have gone since this was last asked. One of them may be there again, as
    /// another one with the same number.
    pub fn take_gone(&mut self) -> BTreeSet<u32> {
        std::mem::take(&mut self.gone)
    }

    /// Interfaces may have gone unnoticed, and come again as they were.
    pub const fn doubt_attachments(&mut self) {
        self.doubtful = true;
    }

    /// Whether interfaces may have gone unnoticed since this was last asked.
    pub const fn take_doubt(&mut self) -> bool {
        std::mem::replace(&mut self.doubtful, false)
    }

    /// An address of this host is new; whether the data plane has to hear of it.
    pub fn handle_address(&mut self, address: &Address) -> bool {
        let (ip, index) = (address.address.addr(), address.index);
        if self.suspends(ip) && self.here.insert(ip) {
            self.address_news.push_back((ip, true));
        }
        let ours = |virtual_server: &VirtualServer| virtual_server.key.address() == Some(ip);
        let ours = self.config.virtual_servers.iter().any(ours);
        // The data plane does not care where those of a group are, which only suspend.
        let new = (ours || self.suspends(ip)) && self.addresses.add(ip, index);
        new && ours
    }

    /// An address of this host is gone from an interface; whether the data plane has to hear of it.
    /// Where it was last remains the best guess for where its packets arrive.
    pub fn handle_address_gone(&mut self, address: IpAddr, index: u32) -> bool {
        let changed = self.addresses.remove(address, index);
        if !self.addresses.is_here(address) && self.here.remove(&address) {
            self.address_news.push_back((address, false));
        }
        changed
    }

    /// All addresses of this host.
    pub fn handle_addresses(&mut self, addresses: &[Address]) {
        let now: BTreeSet<(IpAddr, u32)> = addresses
            .iter()
            .map(|it| (it.address.addr(), it.index))
            .collect();
        let before: Vec<(IpAddr, u32)> = self.addresses.iter().collect();
        for (address, index) in before.into_iter().filter(|it| !now.contains(it)) {
            self.handle_address_gone(address, index);
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
        self.suspending.contains(&address)
    }

    /// What has come of [`Self::interfaces`].
    pub fn handle_ports(&mut self, ports: Ports) {
        self.ports = ports;
    }

    /// What [`Self::handle_ports`] was told.
    pub const fn ports(&self) -> &Ports {
        &self.ports
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
        let services = self.carried_by(Carrier::Xdp);
        let services = services.filter_map(|(server, pool)| self.service(server, pool));
        let now = Desired {
            services: services.collect(),
        };
        match &self.held {
            Some(held) => reload::between(&self.without_ipvs(held), now),
            None => now,
        }
    }

    fn service(&self, virtual_server: &VirtualServer, pool: &Pool) -> Option<Service> {
        let key = service_key(virtual_server)?;
        let owner = self.owner(virtual_server);
        let entries = self.entries(virtual_server);
        let known = real_servers(virtual_server);
        Some(Service {
            key,
            scheduler: virtual_server.lb_algo,
            flags: virtual_server.flags,
            ops: virtual_server.ops && !virtual_server.uses(Forwarding::Nat) && key.proto == UDP,
            new_flow_limit: virtual_server.xdp_new_flow_limit,
            source_limit: virtual_server.xdp_source_limit,
            persistence: virtual_server
                .persistence_timeout
                .map(|timeout| Persistence {
                    timeout,
                    mask: virtual_server.persistence_granularity,
                    prefix: virtual_server.persistence_granularity6,
                }),
            gate: owner.map_or(Some(GATE_ALWAYS), |owner| self.gate(owner))?,
            servers: pool
                .members()
                .iter()
                // The kernel puts a new server at the head of its list.
                .rev()
                .filter_map(|member| {
                    let method = method(virtual_server, &known, member);
                    self.server(virtual_server, &entries, member, method)
                })
                .collect(),
        })
    }

    /// A server; `entries`: the interfaces by which the virtual server's packets arrive.
    fn server(
        &self,
        virtual_server: &VirtualServer,
        entries: &BTreeSet<u32>,
        member: &Member,
        method: Forwarding,
    ) -> Option<Server> {
        let stopped = |egress| self.obstacle(method, entries, egress).is_some();
        let path = match self.hops.resolved(member.key.address) {
            Resolution::Unknown(_) => Path::Unknown,
            // The kernel serves what we pass on, on the port of the virtual server.
            Resolution::Local if Some(member.key.port) == port(virtual_server) => Path::Local,
            Resolution::Local => return None,
            Resolution::Via(hop) if stopped(hop.index) => Path::Unknown,
            Resolution::Via(hop) => Path::Via(*hop),
        };
        let mut servers = virtual_server.real_servers.iter();
        let configured = servers.find(|it| it.key == member.key && !member.sorry);
        Some(Server {
            address: member.key.address,
            port: member.key.port,
            method,
            weight: member.weight,
            full_weight: match (member.weight, configured) {
                (0, Some(server)) => server.weight,
                (weight, _) => weight,
            },
            uthreshold: configured.map_or(0, |server| server.uthreshold),
            lthreshold: configured.map_or(0, |server| server.lthreshold),
            sorry: member.sorry,
            path,
        })
    }

    fn gate(&self, instance: usize) -> Option<u16> {
        let instance = self.config.vrrp_instances.get(instance)?;
        self.gates.of(&instance.name)
    }

    /// The instance that holds the address of a virtual server.
    pub fn owner(&self, virtual_server: &VirtualServer) -> Option<usize> {
        self.owners.get(&virtual_server.key.address()?).copied()
    }
}

/// What the pool of a virtual server goes by.
fn pool_spec(config: &Config, virtual_server: &VirtualServer) -> PoolSpec {
    let mut spec = PoolSpec::from(virtual_server);
    spec.rules.rs_init_notifies = config.global_defs.notify.rs_init_notifies;
    spec
}

/// What virtual servers with `ha_suspend` wait for.
fn suspending(config: &Config) -> BTreeSet<IpAddr> {
    let servers = config.virtual_servers.iter();
    servers
        .flat_map(|server| config.suspending(server))
        .collect()
}

/// Where the pool of each virtual server is.
fn places(pools: &[Pool]) -> HashMap<VirtualServerKey, usize> {
    let keys = pools.iter().map(|pool| pool.virtual_server().clone());
    keys.zip(0..).collect()
}

/// Notices with the name of their virtual server.
fn addressed(
    pool: &Pool,
    notices: Vec<Notice>,
) -> impl Iterator<Item = (VirtualServerKey, Notice)> {
    let key = pool.virtual_server().clone();
    let notices = notices.into_iter();
    notices.map(move |notice| (key.clone(), notice))
}

/// The first instance of every virtual address.
fn owners(config: &Config) -> BTreeMap<IpAddr, usize> {
    let mut owners = BTreeMap::new();
    for (index, instance) in config.vrrp_instances.iter().enumerate() {
        let vips = instance
            .virtual_ipaddress
            .iter()
            .chain(&instance.virtual_ipaddress_excluded);
        for vip in vips {
            owners.entry(vip.address.addr()).or_insert(index);
        }
    }
    owners
}

/// The real servers by address and port.
fn real_servers(virtual_server: &VirtualServer) -> BTreeMap<RealServerKey, &RealServer> {
    let servers = virtual_server.real_servers.iter();
    servers.map(|server| (server.key, server)).collect()
}

/// How a member of the pool is reached; `known`: the real servers.
fn method(
    virtual_server: &VirtualServer,
    known: &BTreeMap<RealServerKey, &RealServer>,
    member: &Member,
) -> Forwarding {
    match known.get(&member.key) {
        Some(server) if !member.sorry => virtual_server.method(server),
        Some(_) | None => virtual_server.sorry_method(),
    }
}

/// The addresses of the real servers and the sorry server.
fn servers(virtual_server: &VirtualServer) -> impl Iterator<Item = IpAddr> {
    let sorry = virtual_server.sorry_server.map(|sorry| sorry.address);
    let servers = virtual_server.real_servers.iter();
    servers.map(|server| server.key.address).chain(sorry)
}

/// The addresses of the real servers and the sorry server, with `lvs_method`.
fn methods(virtual_server: &VirtualServer) -> impl Iterator<Item = (IpAddr, Forwarding)> {
    let sorry = virtual_server.sorry_server;
    let sorry = sorry.map(|sorry| (sorry.address, virtual_server.sorry_method()));
    let servers = virtual_server.real_servers.iter();
    servers
        .map(|server| (server.key.address, virtual_server.method(server)))
        .chain(sorry)
}

/// The port of a virtual server.
const fn port(virtual_server: &VirtualServer) -> Option<u16> {
    match &virtual_server.key {
        VirtualServerKey::Address(key) => Some(key.port),
        VirtualServerKey::Fwmark(_) | VirtualServerKey::Group(_) => None,
    }
}

/// The key of a virtual server in the maps; `None`: XDP does not serve it.
pub fn service_key(virtual_server: &VirtualServer) -> Option<Key> {
    let VirtualServerKey::Address(key) = &virtual_server.key else {
        return None;
    };
    let proto = match key.protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
        Protocol::Sctp => return None,
    };
    Some(Key {
        address: key.address,
        port: key.port,
        proto,
    })
}

#[cfg(test)]
mod tests;
