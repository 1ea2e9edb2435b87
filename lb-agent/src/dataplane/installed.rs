//! What is installed: a picture of the maps, kept in step with every operation.
//!
//! It is read from the maps once, when an agent adopts what another has left (`xdp::Maps`), and
//! from then on follows [`Operation`]s. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use lb_common::address6;
use lb_common::backend::Backend;
use lb_common::filter::AddressFilter;
use lb_common::policy::Policy;
use lb_common::service::{ServiceEntry, ServiceInfo, ServiceKey4, ServiceKey6};

use super::plan::Operation;
use super::schedule::Table;

/// A picture of the maps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Services by key: address, port and protocol in the order of the numbers.
    pub services: BTreeMap<Key, Service>,
    /// `POLICIES`, by pool: what the services of one virtual server have in common.
    pub pools: BTreeMap<u16, Policy>,
    /// `SCHEDULES`, by pool.
    pub schedules: BTreeMap<u16, Table>,
    /// How many connections the servers may have, by slot, where there is a limit.
    pub thresholds: BTreeMap<u32, Thresholds>,
    /// Slots that have ever been used, 0 excepted; a free one keeps its generation.
    pub backends: BTreeMap<u32, Backend>,
    /// Addresses and servers that may be ours.
    pub filter: Addresses,
}

/// One service in the maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// Value in `SERVICES4` or `SERVICES6`.
    pub entry: ServiceEntry,
    /// Value in `SERVICE_INFO`.
    pub info: ServiceInfo,
}

/// How many connections a server may have; 0: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// `uthreshold`
    pub upper: u32,
    /// `lthreshold`
    pub lower: u32,
}

/// A [`ServiceKey4`] or [`ServiceKey6`], with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Address.
    pub address: IpAddr,
    /// Port, host byte order.
    pub port: u16,
    /// Protocol number.
    pub proto: u8,
}

impl From<ServiceKey4> for Key {
    fn from(key: ServiceKey4) -> Self {
        Self {
            address: key.address().into(),
            port: key.port(),
            proto: key.proto,
        }
    }
}

impl From<ServiceKey6> for Key {
    fn from(key: ServiceKey6) -> Self {
        Self {
            address: key.address(),
            port: key.port(),
            proto: key.proto,
        }
    }
}

impl Key {
    /// The key of IPv4, unless it is of IPv6.
    pub const fn v4(&self) -> Option<ServiceKey4> {
        match self.address {
            IpAddr::V4(address) => Some(ServiceKey4::new(address, self.port, self.proto)),
            IpAddr::V6(_) => None,
        }
    }

    /// The key of IPv6; an IPv4 address is mapped.
    pub const fn v6(&self) -> ServiceKey6 {
        ServiceKey6::new(self.address, self.port, self.proto)
    }
}

/// What the filter lets through, each list sorted and without repetition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Virtual addresses.
    pub destinations: Vec<IpAddr>,
    /// Real servers in NAT mode.
    pub servers: Vec<Key>,
}

impl Addresses {
    /// What either of the two lets through.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            destinations: merge(&self.destinations, &other.destinations),
            servers: merge(&self.servers, &other.servers),
        }
    }

    /// The bitmap for the program.
    pub fn filter(&self) -> AddressFilter {
        let mut filter = AddressFilter::empty();
        for address in &self.destinations {
            match address {
                IpAddr::V4(address) => {
                    filter.add_destination(u32::from_ne_bytes(address.octets()));
                }
                IpAddr::V6(address) => filter.add_destination6(address6::words(*address)),
            }
        }
        for server in &self.servers {
            match server.v4() {
                Some(server) => filter.add_server(&server),
                None => filter.add_server6(&server.v6()),
            }
        }
        filter
    }
}

impl Installed {
    /// Notes that `operation` has been carried out.
    pub fn record(&mut self, operation: &Operation) {
        match operation {
            Operation::WriteBackend { slot, backend } => {
                self.backends.insert(*slot, *backend);
            }
            Operation::RetireBackend { slot, backend } => {
                self.backends.insert(*slot, *backend);
                self.thresholds.remove(slot);
            }
            Operation::SetThresholds { slot, thresholds } => {
                if *thresholds == Thresholds::default() {
                    self.thresholds.remove(slot);
                } else {
                    self.thresholds.insert(*slot, *thresholds);
                }
            }
            Operation::SetSchedule { pool, table } => {
                self.schedules.insert(*pool, table.clone());
            }
            Operation::SetPool { policy, is_new: _ } => {
                self.pools.insert(policy.pool, *policy);
            }
            Operation::RemovePool { pool } => {
                self.pools.remove(pool);
            }
            Operation::SetService { key, entry, info } => {
                let (entry, info) = (*entry, *info);
                self.services.insert(*key, Service { entry, info });
            }
            Operation::RemoveService { key, id: _ } => {
                self.services.remove(key);
            }
            Operation::SetFilter(addresses) => self.filter.clone_from(addresses),
        }
    }
}

/// What is in either of two lists, in order.
fn merge<T: Copy + Ord>(ours: &[T], theirs: &[T]) -> Vec<T> {
    let both: BTreeSet<_> = ours.iter().chain(theirs).copied().collect();
    both.into_iter().collect()
}

#[cfg(test)]
mod tests;
