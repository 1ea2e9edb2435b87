//! What names a virtual server, and what it serves.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

use super::{Config, VirtualServer, VirtualServerGroupEntry};

/// Layer-4 protocol of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Protocol {
    /// `TCP`.
    Tcp,
    /// `UDP`, also what a missing `protocol` means.
    Udp,
    /// `SCTP`.
    Sctp,
}

/// `inet`, `inet6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

/// What names a virtual server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(untagged)]
pub enum VirtualServerKey {
    /// `virtual_server IP PORT`.
    Address(AddressKey),
    /// `virtual_server fwmark N`.
    Fwmark(FwmarkKey),
    /// `virtual_server group NAME`.
    Group(GroupKey),
}

/// `virtual_server IP PORT` and its `protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct AddressKey {
    /// Virtual address.
    pub address: IpAddr,
    /// Port; 0: every port.
    pub port: u16,
    /// Protocol.
    pub protocol: Protocol,
}

/// `virtual_server fwmark N`: packets that a firewall has marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct FwmarkKey {
    /// The mark, not 0.
    pub fwmark: u32,
    /// `ip_family`, else that of the real servers.
    pub ip_family: Family,
}

/// `virtual_server group NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct GroupKey {
    /// A name of [`Config::virtual_server_groups`].
    pub group: String,
    /// Protocol.
    pub protocol: Protocol,
}

/// What a data plane has one service for: a virtual server of a group has many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Served {
    /// What is sent to an address and a port.
    Address(AddressKey),
    /// What bears a mark.
    Fwmark(FwmarkKey),
}

/// The most that one virtual server serves: a group may name more addresses than there are.
pub const MAX_SERVED: usize = lb_common::limits::MAX_SERVICES as usize;

impl Protocol {
    /// keepalived's word for it in its log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
        }
    }
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Inet,
            IpAddr::V6(_) => Self::Inet6,
        }
    }
}

impl VirtualServerKey {
    /// The address, if it has one of its own.
    pub const fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(key) => Some(key.address),
            Self::Fwmark(_) | Self::Group(_) => None,
        }
    }

    /// The protocol; a mark has none.
    pub const fn protocol(&self) -> Option<Protocol> {
        match self {
            Self::Address(key) => Some(key.protocol),
            Self::Group(key) => Some(key.protocol),
            Self::Fwmark(_) => None,
        }
    }
}

impl From<AddressKey> for VirtualServerKey {
    fn from(key: AddressKey) -> Self {
        Self::Address(key)
    }
}

/// As keepalived's log names it: `[192.168.0.1]:tcp:80`, `FWM 7`, `[web]:tcp`.
impl fmt::Display for VirtualServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(key) => key.fmt(f),
            Self::Fwmark(key) => key.fmt(f),
            Self::Group(key) => write!(f, "[{}]:{}", key.group, key.protocol.name()),
        }
    }
}

impl fmt::Display for AddressKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "[{}]:{}:{}",
            self.address,
            self.protocol.name(),
            self.port
        )
    }
}

impl fmt::Display for FwmarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FWM {}", self.fwmark)
    }
}

impl Config {
    /// What a virtual server of this configuration serves, in the order of its group.
    pub fn served(&self, server: &VirtualServer) -> Vec<Served> {
        match &server.key {
            VirtualServerKey::Address(key) => vec![Served::Address(*key)],
            VirtualServerKey::Fwmark(key) => vec![Served::Fwmark(*key)],
            VirtualServerKey::Group(key) => {
                let mut groups = self.virtual_server_groups.iter();
                let group = groups.find(|group| group.name == key.group);
                let entries = group.into_iter().flat_map(|group| &group.entries);
                let family = server.family();
                entries
                    .flat_map(|entry| expand(entry, key.protocol, family))
                    .take(MAX_SERVED)
                    .collect()
            }
        }
    }
}

impl Config {
    /// How many services [`Self::served`] would give if there were no [`MAX_SERVED`].
    pub fn would_serve(&self, server: &VirtualServer) -> u128 {
        let group = match &server.key {
            VirtualServerKey::Address(_) | VirtualServerKey::Fwmark(_) => return 1,
            VirtualServerKey::Group(key) => &key.group,
        };
        let mut groups = self.virtual_server_groups.iter();
        let group = groups.find(|it| it.name == *group);
        let entries = group.into_iter().flat_map(|group| &group.entries);
        entries.map(count).fold(0, u128::saturating_add)
    }
}

impl Config {
    /// The addresses that a virtual server with `ha_suspend` waits for; none: it waits for nothing.
    pub fn suspending(&self, server: &VirtualServer) -> BTreeSet<IpAddr> {
        if !server.ha_suspend {
            return BTreeSet::new();
        }
        let address = |served: Served| match served {
            Served::Address(key) => Some(key.address),
            Served::Fwmark(_) => None,
        };
        self.served(server)
            .into_iter()
            .filter_map(address)
            .collect()
    }
}

impl<K> VirtualServer<K> {
    /// The family of its first real server; IPv4 without one.
    pub fn family(&self) -> Family {
        let first = self.real_servers.first();
        first.map_or(Family::Inet, |server| Family::of(server.key.address))
    }
}

/// Every address and port of a line; `family` is that of a mark without one.
fn expand(
    entry: &VirtualServerGroupEntry,
    protocol: Protocol,
    family: Family,
) -> Box<dyn Iterator<Item = Served>> {
    match *entry {
        VirtualServerGroupEntry::Fwmark {
            fwmark,
            family: own,
        } => Box::new(std::iter::once(Served::Fwmark(FwmarkKey {
            fwmark,
            ip_family: own.unwrap_or(family),
        }))),
        VirtualServerGroupEntry::Addresses {
            first,
            last,
            first_port,
            last_port,
        } => {
            let each = move |address| {
                (first_port..=last_port).map(move |port| {
                    Served::Address(AddressKey {
                        address,
                        port,
                        protocol,
                    })
                })
            };
            Box::new(addresses(first, last).flat_map(each))
        }
    }
}

/// How many addresses and ports a line stands for.
fn count(entry: &VirtualServerGroupEntry) -> u128 {
    let (first, last, first_port, last_port) = match *entry {
        VirtualServerGroupEntry::Fwmark { .. } => return 1,
        VirtualServerGroupEntry::Addresses {
            first,
            last,
            first_port,
            last_port,
        } => (first, last, first_port, last_port),
    };
    let between = match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => u32::from(last)
            .checked_sub(u32::from(first))
            .map(u128::from),
        (IpAddr::V6(first), IpAddr::V6(last)) => u128::from(last).checked_sub(u128::from(first)),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => None,
    };
    let ports = last_port.checked_sub(first_port).map(u128::from);
    match (between, ports) {
        (Some(between), Some(ports)) => between
            .saturating_add(1)
            .saturating_mul(ports.saturating_add(1)),
        (Some(_) | None, _) => 0,
    }
}

/// Every address of a range; none if it has two families.
fn addresses(first: IpAddr, last: IpAddr) -> Box<dyn Iterator<Item = IpAddr>> {
    match (first, last) {
        (IpAddr::V4(first), IpAddr::V4(last)) => Box::new(
            (u32::from(first)..=u32::from(last)).map(|address| Ipv4Addr::from(address).into()),
        ),
        (IpAddr::V6(first), IpAddr::V6(last)) => Box::new(
            (u128::from(first)..=u128::from(last)).map(|address| Ipv6Addr::from(address).into()),
        ),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {
            Box::new(std::iter::empty())
        }
    }
}

#[cfg(test)]
mod tests;
