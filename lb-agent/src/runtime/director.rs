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
mod desired;
mod hand;
mod interfaces;
mod ipvs;
mod outcomes;
mod reload;
mod surroundings;
mod tunnels;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use lb_common::service::{SCTP, TCP, UDP};

use self::addresses::Addresses;
use self::attach::Masters;
pub use self::choices::{Foreign, asks_for_ipvs};
pub use self::outcomes::IpvsRefusal;
use crate::config::model::{Config, Forwarding, Protocol, Served, VirtualServer, VirtualServerKey};
use crate::dataplane::choice::Choice;
use crate::dataplane::desired::Service;
use crate::dataplane::installed::Key;
use crate::dataplane::ipvs::desired as ipvs_desired;
use crate::dataplane::nexthop::{NextHops, Resolution};
use crate::dataplane::port::Ports;
use crate::dataplane::xdp::gate::Numbers;
use crate::health::Event;
use crate::health::pool::{Notice, Past, Pool, PoolRecord};
use crate::health::spec::PoolSpec;
use crate::log_line::LogLine;
use crate::net::ipvs::ServiceKey;
use crate::net::link::Link;

/// The state of one agent, VRRP's own excepted.
pub struct Director {
    config: Arc<Config>,
    pools: Vec<Pool>,
    /// The places of those whose members the checks have changed, until somebody asks.
    moved: BTreeSet<usize>,
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
    /// What XDP would serve of each virtual server.
    keys: Vec<Vec<Key>>,
    /// The addresses of all virtual servers.
    virtual_addresses: BTreeSet<IpAddr>,
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
        Self::go_on(config, gates, &[], None)
    }

    /// The same, but pools go on from what an earlier agent knew: all of it if its results count now, which
    /// is at `results`, else only what was set by hand.
    pub fn go_on(
        config: Config,
        gates: &Numbers,
        records: &[PoolRecord],
        results: Option<Instant>,
    ) -> (Self, Vec<LogLine>) {
        let records = records.iter();
        let records: HashMap<&str, &PoolRecord> =
            records.map(|it| (it.virtual_server.as_str(), it)).collect();
        let past = |key: &VirtualServerKey| match (records.get(key.to_string().as_str()), results) {
            (Some(record), Some(now)) => Past::All(record, now),
            (Some(record), None) => Past::Hands(record),
            (None, _) => Past::Unknown,
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
            keys: keys(&config),
            virtual_addresses: virtual_addresses(&config),
            gates: gates.assign(config.vrrp_instances.iter().map(|it| it.name.as_str())),
            held: None,
            config: Arc::new(config),
            places: places(&pools),
            pools,
            moved: BTreeSet::new(),
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
        let pool = place.and_then(|place| Some((*place, self.pools.get_mut(*place)?)));
        let Some((place, pool)) = pool else {
            return (false, Vec::new());
        };
        let change = pool.handle_event(event);
        if change.members_changed {
            self.moved.insert(place);
        }
        self.notices.extend(addressed(pool, change.notices));
        (change.members_changed, change.lines)
    }

    /// The places of the pools whose members the checks have changed since the last time.
    pub fn take_moved(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.moved)
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

    /// The instance that holds an address.
    fn owner(&self, address: IpAddr) -> Option<usize> {
        self.owners.get(&address).copied()
    }

    /// What XDP would serve of a virtual server.
    fn keys(&self, virtual_server: &VirtualServer) -> &[Key] {
        let place = self.places.get(&virtual_server.key);
        place
            .and_then(|place| self.keys.get(*place))
            .map_or(&[], Vec::as_slice)
    }

    /// Its addresses, each once where they stand one behind another.
    fn addresses_with(&self, virtual_server: &VirtualServer) -> impl Iterator<Item = IpAddr> {
        let keys = self.keys(virtual_server);
        let runs = keys.chunk_by(|one, next| one.address == next.address);
        runs.filter_map(|run| Some(run.first()?.address))
    }

    /// Its port, if it has one for all of its addresses.
    fn port(&self, virtual_server: &VirtualServer) -> Option<u16> {
        let mut ports = self.keys(virtual_server).iter().map(|key| key.port);
        let first = ports.next()?;
        ports.all(|port| port == first).then_some(first)
    }
}

/// What XDP would serve of each virtual server of a configuration: of two that serve the same, the first one
/// counts, as with IPVS.
fn keys(config: &Config) -> Vec<Vec<Key>> {
    let mut seen = BTreeSet::new();
    let servers = config.virtual_servers.iter();
    let keys = servers.map(|server| {
        let served = config.served(server).into_iter();
        let keys = served.filter_map(|served| key_of(&served));
        keys.filter(|key| seen.insert(*key)).collect()
    });
    keys.collect()
}

/// The addresses of all virtual servers, whoever carries them.
fn virtual_addresses(config: &Config) -> BTreeSet<IpAddr> {
    let served = config
        .virtual_servers
        .iter()
        .flat_map(|it| config.served(it));
    let addresses = served.filter_map(|served| match served {
        Served::Address(key) => Some(key.address),
        Served::Fwmark(_) => None,
    });
    addresses.collect()
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

/// What the maps know an address and port by; `None`: XDP does not serve it.
const fn key_of(served: &Served) -> Option<Key> {
    let Served::Address(key) = served else {
        return None;
    };
    let proto = match key.protocol {
        Protocol::Tcp => TCP,
        Protocol::Udp => UDP,
        Protocol::Sctp => SCTP,
    };
    Some(Key {
        address: key.address,
        port: key.port,
        proto,
    })
}

#[cfg(test)]
mod tests;
