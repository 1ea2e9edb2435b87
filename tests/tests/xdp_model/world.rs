//! Configurations that change at random, and the clients that live through them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lb_agent::config::model::{Forwarding, Scheduler, Tunnel, TunnelChecksum};
use lb_agent::dataplane::desired::{Desired, Path, Persistence, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_common::filter::AddressFilter;
use lb_common::service::ServiceKey4;

use crate::frame::{Endpoint, SCTP, TCP, UDP, v4};
use crate::model::{Table, key_of};
use crate::network::{Network, REACHABLE, UNREACHABLE};
use crate::random::Random;

/// Gates in use; 0 is the one of no instance.
pub(crate) const GATES: usize = 4;

/// Ports of clients.
const CLIENT_PORTS: [u16; 6] = [1024, 40_000, 40_001, 40_002, 50_000, 65_535];

/// Virtual addresses end in one of these.
const VIRTUAL: [u8; 4] = [10, 11, 12, 13];

/// What is configured, and who uses it.
pub(crate) struct World {
    services: BTreeMap<(Endpoint, u8), Service>,
    pub(crate) clients: Vec<Endpoint>,
    pub(crate) secret: u64,
}

impl World {
    pub(crate) fn new(random: &mut Random) -> Self {
        let secret = random.number();
        let addresses = REACHABLE
            .iter()
            .chain(&UNREACHABLE)
            .copied()
            .map(Ipv4Addr::from);
        // A virtual address as a client: of a director that asks its own service.
        let addresses = addresses
            .chain([virtual_address(VIRTUAL[0])])
            .chain(mistakable(random));
        let mut clients: Vec<Endpoint> = addresses
            .flat_map(|address| CLIENT_PORTS.map(|port| Endpoint { address, port }))
            .collect();
        let neighbours: Vec<Endpoint> = clients
            .iter()
            .take(3)
            .map(|client| bucket_mate(*client, secret, random))
            .collect();
        clients.extend(neighbours);
        Self {
            services: BTreeMap::new(),
            clients,
            secret,
        }
    }

    /// What the agent is to do now.
    pub(crate) fn desired(&self) -> Desired {
        Desired {
            services: self.services.values().cloned().collect(),
        }
    }

    /// Every service there is or could be.
    pub(crate) fn some_service(random: &mut Random) -> (Endpoint, u8) {
        let address = virtual_address(random.pick(&VIRTUAL));
        let port = random.pick(&[80, 443, 53, 0]);
        (
            Endpoint { address, port },
            random.pick(&[TCP, TCP, UDP, SCTP]),
        )
    }

    /// A service there is.
    pub(crate) fn service(&self, random: &mut Random) -> Option<&Service> {
        let at = random.below(self.services.len().max(1));
        self.services.values().nth(at)
    }

    /// The servers whose replies are ours.
    pub(crate) fn nat_servers(&self) -> Vec<(Endpoint, u8)> {
        let of = |service: &Service| {
            let proto = service.key.proto;
            let nat = |server: &Server| server.method == Forwarding::Nat;
            let servers = service.servers.clone().into_iter().filter(nat);
            servers.map(move |it| {
                (
                    Endpoint {
                        address: v4(it.address),
                        port: it.port,
                    },
                    proto,
                )
            })
        };
        self.services.values().flat_map(of).collect()
    }

    /// Changes a thing or two.
    pub(crate) fn change(&mut self, network: &Network, random: &mut Random) {
        for _ in 0..=random.below(6) {
            if random.chance(25) {
                self.regroup(random);
            }
            let key = Self::some_service(random);
            let first = self.first_of(key).unwrap_or(key);
            if random.chance(15) {
                self.services.remove(&first);
                continue;
            }
            let service = self.services.entry(first).or_insert_with(|| {
                Service::new(ServiceKey4::new(key.0.address, key.0.port, key.1))
            });
            change_service(service, random);
            for _ in 0..random.below(5) {
                change_servers(&mut service.servers, network, random);
            }
            without_nat_of_all_ports(service);
        }
    }

    /// The virtual server that serves an address and port.
    fn first_of(&self, key: (Endpoint, u8)) -> Option<(Endpoint, u8)> {
        let mut services = self.services.iter();
        let serves = |service: &Service| service.keys().any(|it| key_of(it) == key);
        services.find(|(_, it)| serves(it)).map(|(first, _)| *first)
    }

    /// An address and port joins a group or leaves it, or two become one.
    fn regroup(&mut self, random: &mut Random) {
        let at = random.below(self.services.len().max(1));
        let Some(first) = self.services.keys().nth(at).copied() else {
            return;
        };
        let Some(service) = self.services.remove(&first) else {
            return;
        };
        let mut served: Vec<(Key, u16)> = service.served().collect();
        let place = random.below(served.len());
        match random.below(3) {
            0 => {
                let alone = served.remove(place);
                if random.chance(50) {
                    self.put(service.of(vec![alone]));
                }
            }
            1 => {
                let (endpoint, _) = Self::some_service(random);
                let key = (endpoint, first.1);
                let is_free = served.iter().all(|(it, _)| key_of(*it) != key);
                if is_free && self.first_of(key).is_none() {
                    let key = ServiceKey4::new(endpoint.address, endpoint.port, first.1);
                    served.insert(place, (key.into(), random.below(GATES) as u16));
                }
            }
            _ => {
                let other = self
                    .services
                    .keys()
                    .find(|(_, protocol)| *protocol == first.1);
                if let Some(other) = other.copied().and_then(|it| self.services.remove(&it)) {
                    served.extend(other.served());
                }
            }
        }
        self.put(service.of(served));
    }

    fn put(&mut self, service: Option<Service>) {
        if let Some(mut service) = service {
            without_nat_of_all_ports(&mut service);
            self.services.insert(key_of(service.key), service);
        }
    }
}

/// In NAT mode a server has one port.
fn without_nat_of_all_ports(service: &mut Service) {
    if service.keys().any(|key| key.port == 0) {
        for server in &mut service.servers {
            if server.method == Forwarding::Nat {
                server.method = Forwarding::Dr;
            }
        }
    }
}

fn change_service(service: &mut Service, random: &mut Random) {
    if random.chance(30) {
        // `twos` draws lots of its own.
        let foreseeable = Scheduler::ALL.map(|it| {
            if it == Scheduler::Twos {
                Scheduler::Wrr
            } else {
                it
            }
        });
        service.scheduler = random.pick(&foreseeable);
        service.flags.flag_1 = random.chance(50);
        service.flags.flag_2 = random.chance(50);
        service.ops = service.key.proto == UDP && random.chance(20);
    }
    if random.chance(20) {
        service.new_flow_limit = random.pick(&[0, 0, 1, 20]);
        service.source_limit = random.pick(&[0, 0, 1, 3]);
    }
    if random.chance(30) {
        service.gate = random.below(GATES) as u16;
    }
    if random.chance(30) {
        let bits = random.pick(&[32, 24, 12, 0_u8]);
        service.persistence = random.chance(50).then(|| Persistence {
            timeout: Duration::from_secs(random.pick(&[1, 6, 30])),
            mask: Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0)),
            // As many of those 32 bits that an image has of its address.
            prefix: 32 + bits,
        });
    }
}

fn change_servers(servers: &mut Vec<Server>, network: &Network, random: &mut Random) {
    let at = random.below(servers.len() + 1);
    match random.below(11) {
        0 if at < servers.len() => drop(servers.remove(at)),
        1 if at < servers.len() => servers[at].weight = random.pick(&[0, 1, 2, 3, 7, 250]),
        2 if at < servers.len() => {
            servers[at].full_weight = random.pick(&[1, 2, 3, 7, 250]);
            servers[at].uthreshold = random.pick(&[0, 0, 1, 3, 8]);
            servers[at].lthreshold = random.pick(&[0, 0, 1, 2]);
        }
        3 | 4 if at < servers.len() => servers[at].path = path(network, random),
        5 if at < servers.len() => servers[at].method = method(random),
        6 if at < servers.len() => servers[at].tunnel = tunnel(random),
        _ => {
            let address = Ipv4Addr::new(10, 0, 0, 11 + random.below(6) as u8);
            let port = random.pick(&[80, 443, 8080]);
            if servers.len() < 6
                && !servers
                    .iter()
                    .any(|it| it.address == address && it.port == port)
            {
                servers.push(Server {
                    method: method(random),
                    tunnel: tunnel(random),
                    weight: random.pick(&[0, 1, 1, 2, 3, 10]),
                    full_weight: random.pick(&[1, 1, 2, 3, 10]),
                    sorry: random.chance(10),
                    path: path(network, random),
                    ..Server::new(address, port)
                });
            }
        }
    }
}

fn method(random: &mut Random) -> Forwarding {
    random.pick(&[
        Forwarding::Dr,
        Forwarding::Tun,
        Forwarding::Nat,
        Forwarding::Nat,
    ])
}

/// Most are plain ones.
fn tunnel(random: &mut Random) -> Tunnel {
    let checksum = random.pick(&[
        TunnelChecksum::None,
        TunnelChecksum::Full,
        TunnelChecksum::Remote,
    ]);
    let port = random.pick(&[6080, 1, 65_535]);
    let gue = Tunnel::Gue { port, checksum };
    random.pick(&[Tunnel::Ipip, Tunnel::Ipip, Tunnel::Gre { checksum }, gue])
}

fn path(network: &Network, random: &mut Random) -> Path {
    if random.chance(20) {
        return random.pick(&[Path::Unknown, Path::Local]);
    }
    let interface = random.pick(&[network.front, network.back, network.back, network.aside]);
    Path::Via(Hop {
        index: interface.index,
        mtu: random.pick(&[1500, 1500, 1400, 576]),
        src_mac: interface.mac,
        dst_mac: [0x02, 0, 0, 0xdd, random.byte(), random.byte()],
        source: Some(IpAddr::from([10, 0, 0, random.pick(&[1, 2])])),
    })
}

/// The virtual address that ends in `last`.
fn virtual_address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 51, 100, last)
}

/// Clients that the filter takes for virtual addresses.
pub(crate) fn mistakable(random: &mut Random) -> Vec<Ipv4Addr> {
    let mut filter = AddressFilter::empty();
    for last in VIRTUAL {
        filter.add_destination(u32::from_ne_bytes(virtual_address(last).octets()));
    }
    let mut found = Vec::new();
    while found.len() < 3 {
        let address = far_away(random);
        if filter.may_be_destination(u32::from_ne_bytes(address.octets())) {
            found.push(address);
        }
    }
    found
}

/// Another client whose flows share the first bucket of `client`.
pub(crate) fn bucket_mate(client: Endpoint, secret: u64, random: &mut Random) -> Endpoint {
    resident(bucket_of(client, secret), secret, random)
}

/// A client whose flows have this bucket as their first.
pub(crate) fn resident(bucket: u32, secret: u64, random: &mut Random) -> Endpoint {
    loop {
        let client = Endpoint {
            address: far_away(random),
            port: random.short(),
        };
        if bucket_of(client, secret) == bucket {
            return client;
        }
    }
}

/// The first bucket of a client's flows.
pub(crate) fn bucket_of(client: Endpoint, secret: u64) -> u32 {
    let [first, ..] = buckets_of(client, secret);
    first
}

/// All buckets of a client's flows.
pub(crate) fn buckets_of(client: Endpoint, secret: u64) -> [u32; 3] {
    let table = Table {
        secret,
        ..Table::default()
    };
    table.buckets_of(client)
}

/// An address behind the gateway.
fn far_away(random: &mut Random) -> Ipv4Addr {
    let [b, c, d] = [random.byte(), random.byte(), random.byte()];
    Ipv4Addr::new(172, 16 | b & 0x0f, c, d)
}
