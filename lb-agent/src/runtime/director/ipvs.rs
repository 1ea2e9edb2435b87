//! What the kernel's IPVS should do for the virtual servers that it carries. Pure.
//!
//! As with keepalived a BACKUP has its services in the table, too: without the address no packet
//! reaches them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Director;
use super::desired::{method, real_servers};
use crate::config::model::{
    self, Forwarding, FwmarkKey, NftablesIpvs, RealServer, RealServerKey, Served, VirtualServer,
    VirtualServerGroupEntry, VirtualServerKey,
};
use crate::dataplane::choice::Carrier;
use crate::dataplane::ipvs::desired::{Desired, Server, Service};
use crate::dataplane::ipvs::key::{key, protocol};
use crate::dataplane::ipvs::sync;
use crate::dataplane::ipvs::view::{self, Record};
use crate::health::pool::{Member, Pool};
use crate::net::ipvs::{
    self, Destination, DestinationKey, Granularity, Persistence, SchedulerFlags,
    Service as Settings, ServiceKey, SyncDaemon,
};
use crate::net::nft::marks::Mark;

impl Director {
    /// What IPVS should do now. Of two virtual servers that serve the same, the first one counts.
    pub fn desired_of_ipvs(&self) -> Desired {
        let mut seen = BTreeSet::new();
        let mut services = Vec::new();
        for (server, pool) in self.carried_by(Carrier::Ipvs) {
            let servers = Self::destinations(server, pool);
            let served = self.served_by_ipvs(server);
            services.extend(
                served
                    .into_iter()
                    .filter(|key| seen.insert(*key))
                    .map(|key| service(server, key, &servers)),
            );
        }
        // Between two configurations what was served is served until VRRP has followed, also what
        // XDP is to serve: its gate may be shut until then.
        let held = self.held_by_ipvs.iter();
        services.extend(held.filter(|it| seen.insert(it.settings.key)).cloned());
        Desired { services }
    }

    /// The marks that nftables should set for groups (`nftables_ipvs`); `None`: it is off.
    pub fn marks(&self) -> Option<(&NftablesIpvs, Vec<Mark>)> {
        let nftables = self.config.global_defs.lvs.nftables_ipvs.as_ref()?;
        let marks = self.marks.iter().flat_map(|((group, protocol), mark)| {
            let ranges = self.entries_of(group).filter_map(|entry| match entry {
                VirtualServerGroupEntry::Addresses {
                    first,
                    last,
                    first_port,
                    last_port,
                } => Some(Mark {
                    protocol: self::protocol(*protocol).number(),
                    first: *first,
                    last: *last,
                    first_port: *first_port,
                    last_port: *last_port,
                    mark: *mark,
                }),
                VirtualServerGroupEntry::Fwmark { .. } => None,
            });
            ranges.collect::<Vec<_>>()
        });
        let marks = marks.collect();
        Some((nftables, marks))
    }

    /// What the kernel's tables do not hold about our services.
    pub fn records_of_ipvs(&self) -> Vec<Record> {
        view::records(&self.desired_of_ipvs(), |key| match key {
            ServiceKey::Address { address, .. } => self.gate_of(address),
            ServiceKey::Mark { .. } => (None, true),
        })
    }

    /// The instance whose role decides for an address, and whether its packets come here.
    fn gate_of(&self, address: IpAddr) -> (Option<String>, bool) {
        let owner = self.owners.get(&address).copied();
        let instance = owner.and_then(|owner| self.config.vrrp_instances.get(owner));
        let name = instance.map(|instance| instance.name.clone());
        let armed = name.as_ref().is_none_or(|name| self.masters.contains(name));
        (name, armed)
    }

    /// The sync daemons that should run now.
    pub fn sync_daemons(&self) -> Vec<SyncDaemon> {
        let Some(daemon) = &self.config.global_defs.lvs.lvs_sync_daemon else {
            return Vec::new();
        };
        if self.carried_by(Carrier::Ipvs).next().is_none() {
            return Vec::new();
        }
        let mut instances = self.config.vrrp_instances.iter();
        let instance = daemon.instance.as_ref().and_then(|name| {
            let instance = instances.find(|it| it.name == *name)?;
            let vrid = instance.virtual_router_id;
            Some((vrid, self.masters.contains(&instance.name)))
        });
        sync::wanted(daemon, instance)
    }

    /// Gives groups with addresses one mark for each protocol, none that the file names. Who has a mark
    /// keeps it: packets and connections bear it.
    pub(super) fn mark_groups(&mut self) {
        let nftables = self.config.global_defs.lvs.nftables_ipvs.as_ref();
        let first = nftables.map(|it| it.start_fwmark);
        let mut wanted = Vec::new();
        for (server, _) in self.carried_by(Carrier::Ipvs).filter(|_| first.is_some()) {
            if let VirtualServerKey::Group(key) = &server.key
                && self.entries_of(&key.group).any(is_addresses)
            {
                wanted.push((key.group.clone(), key.protocol));
            }
        }
        let first = first.unwrap_or_default();
        let mut used = self.marks_of_the_file();
        self.marks
            .retain(|group, mark| wanted.contains(group) && *mark >= first && !used.contains(mark));
        used.extend(self.marks.values());
        for group in wanted {
            if let Entry::Vacant(entry) = self.marks.entry(group)
                && let Some(mark) = (first..=u32::MAX).find(|mark| !used.contains(mark))
            {
                used.insert(mark);
                entry.insert(mark);
            }
        }
    }

    fn entries_of(&self, group: &str) -> impl Iterator<Item = &VirtualServerGroupEntry> {
        let groups = self.config.virtual_server_groups.iter();
        let mut found = groups.filter(move |it| it.name == group);
        found.next().into_iter().flat_map(|it| &it.entries)
    }

    /// The marks that virtual servers and groups are served by, whoever sets them.
    fn marks_of_the_file(&self) -> BTreeSet<u32> {
        let of_server = |server: &VirtualServer| match &server.key {
            VirtualServerKey::Fwmark(key) => Some(key.fwmark),
            VirtualServerKey::Address(_) | VirtualServerKey::Group(_) => None,
        };
        let of_entry = |entry: &VirtualServerGroupEntry| match entry {
            VirtualServerGroupEntry::Fwmark { fwmark, .. } => Some(*fwmark),
            VirtualServerGroupEntry::Addresses { .. } => None,
        };
        let groups = self.config.virtual_server_groups.iter();
        let entries = groups.flat_map(|it| &it.entries).filter_map(of_entry);
        let servers = self.config.virtual_servers.iter();
        servers.filter_map(of_server).chain(entries).collect()
    }

    /// What IPVS has a service for. A group with a mark of ours has one for each family of its
    /// addresses, however many these are.
    pub(super) fn served_by_ipvs(&self, server: &VirtualServer) -> Vec<ServiceKey> {
        let marked = match &server.key {
            VirtualServerKey::Group(key) => {
                let mark = self.marks.get(&(key.group.clone(), key.protocol));
                mark.map(|mark| (&*key.group, *mark))
            }
            VirtualServerKey::Address(_) | VirtualServerKey::Fwmark(_) => None,
        };
        let Some((group, ours)) = marked else {
            return self.config.served(server).iter().map(key).collect();
        };
        let mut keys = Vec::new();
        for entry in self.entries_of(group) {
            let (mark, family) = match entry {
                VirtualServerGroupEntry::Fwmark { fwmark, family } => {
                    (*fwmark, family.unwrap_or_else(|| server.family()))
                }
                VirtualServerGroupEntry::Addresses { first, .. } => {
                    (ours, model::Family::of(*first))
                }
            };
            let key = key(&Served::Fwmark(FwmarkKey {
                fwmark: mark,
                ip_family: family,
            }));
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The members of the pool, in IPVS's terms, each address and port once.
    fn destinations(server: &VirtualServer, pool: &Pool) -> Vec<Server> {
        let known = real_servers(server);
        let mut seen = BTreeSet::new();
        let members = pool.members().iter();
        members
            .map(|member| destination(server, &known, member))
            .filter(|it| seen.insert(it.destination.key))
            .collect()
    }
}

const fn is_addresses(entry: &VirtualServerGroupEntry) -> bool {
    matches!(entry, VirtualServerGroupEntry::Addresses { .. })
}

fn service(server: &VirtualServer, key: ServiceKey, servers: &[Server]) -> Service {
    let granularity = match key.family() {
        ipvs::Family::V4 => Granularity::Mask(server.persistence_granularity),
        ipvs::Family::V6 => Granularity::Prefix(server.persistence_granularity6),
    };
    let reachable = |it: &&Server| {
        let is_tunnel = matches!(it.destination.forwarding, ipvs::Forwarding::Tunnel(_));
        is_tunnel || ipvs::Family::from(it.destination.key.address) == key.family()
    };
    Service {
        settings: Settings {
            key,
            scheduler: server.lb_algo.name().to_owned(),
            flags: SchedulerFlags {
                flag_1: server.flags.flag_1,
                flag_2: server.flags.flag_2,
                flag_3: server.flags.flag_3,
            },
            one_packet: server.ops,
            persistence: server.persistence_timeout.map(|timeout| Persistence {
                timeout: timeout.as_secs().try_into().unwrap_or(u32::MAX),
                granularity,
            }),
            engine: server.persistence_engine.clone(),
        },
        servers: servers.iter().filter(reachable).copied().collect(),
    }
}

fn destination(
    server: &VirtualServer,
    known: &BTreeMap<RealServerKey, &RealServer>,
    member: &Member,
) -> Server {
    let settings = known.get(&member.key).filter(|_| !member.sorry);
    let forwarding = match method(server, known, member) {
        Forwarding::Nat => ipvs::Forwarding::Masquerade,
        Forwarding::Dr => ipvs::Forwarding::Route,
        Forwarding::Tun => ipvs::Forwarding::Tunnel(tunnel(
            settings.map_or_else(|| server.sorry_tunnel(), |it| server.tunnel_to(it)),
        )),
    };
    Server {
        destination: Destination {
            key: DestinationKey {
                address: member.key.address,
                port: member.key.port,
            },
            forwarding,
            weight: member.weight.min(i32::MAX.cast_unsigned()),
            upper_threshold: settings.map_or(0, |it| it.uthreshold),
            lower_threshold: settings.map_or(0, |it| it.lthreshold),
        },
        sorry: member.sorry,
    }
}

fn tunnel(configured: model::Tunnel) -> ipvs::Tunnel {
    let checksum = |it| match it {
        model::TunnelChecksum::None => ipvs::Checksum::None,
        model::TunnelChecksum::Full => ipvs::Checksum::Full,
        model::TunnelChecksum::Remote => ipvs::Checksum::Remote,
    };
    match configured {
        model::Tunnel::Ipip => ipvs::Tunnel::IpIp,
        model::Tunnel::Gue { port, checksum: it } => ipvs::Tunnel::Gue {
            port,
            checksum: checksum(it),
        },
        model::Tunnel::Gre { checksum: it } => ipvs::Tunnel::Gre {
            checksum: checksum(it),
        },
    }
}

#[cfg(test)]
mod tests;
