//! Reading the maps: for adoption, for `dump`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

use bytemuck::Zeroable as _;
use lb_common::address6;
use lb_common::affinity::Affinity;
use lb_common::backend::{Backend, flags};
use lb_common::control::Control;
use lb_common::flow::{BUSY, FREE, FlowEntry};
use lb_common::limits::MAX_AFFINITIES;
use lb_common::policy::Policy;
use lb_common::service::{ServiceEntry, ServiceInfo, address4};
use lb_common::stats::{Reason, Traffic};

use super::{Maps, MapsError};
use crate::dataplane::installed::{Addresses, Installed, Key, Service};

/// A flow of either family.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// What the table says of it. Of IPv6 its key holds a part of the client's address.
    pub entry: FlowEntry,
    /// Address of the client.
    pub client: IpAddr,
}

/// A client that `persistence_timeout` remembers.
#[derive(Clone, Copy, Debug)]
pub struct Template {
    /// Number of the pool.
    pub pool: u32,
    /// Its address, as far as `persistence_granularity` goes.
    pub client: IpAddr,
    /// Its server, and since when.
    pub value: Affinity,
}

impl Maps {
    /// The control page.
    pub fn read_control(&self) -> Control {
        self.control.get(0).unwrap_or_else(Control::zeroed)
    }

    /// What another agent has left, as the plan wants to see it.
    pub fn installed(&self) -> Result<Installed, MapsError> {
        let mut installed = Installed::default();
        for (key, entry) in self.entries() {
            let info = self.info(entry.id)?;
            if let Entry::Vacant(place) = installed.pools.entry(entry.pool) {
                place.insert(self.policy(entry.pool)?);
                let schedule = self.schedules.get(entry.pool);
                installed.schedules.insert(entry.pool, schedule);
            }
            installed.services.insert(key, Service { entry, info });
        }
        installed.backends = self.backends_ever_used().collect();
        installed.thresholds = self.thresholds();
        // Which addresses made the bits cannot be seen; the first plan writes the filter anew.
        installed.filter = Addresses::default();
        Ok(installed)
    }

    /// What the program looks up, of both families.
    fn entries(&self) -> impl Iterator<Item = (Key, ServiceEntry)> {
        let v4 = self.services4.iter();
        v4.map(|(key, entry)| (Key::from(key), entry))
            .chain(self.services6.iter())
    }

    /// Zeroes the counters of slots that nobody uses: an agent was killed between freeing a slot and
    /// adding its counters to its service's, and the next server there would be given them.
    pub fn clear_left_traffic(&mut self) -> Result<(), MapsError> {
        let free = self.backends_ever_used();
        let free = free.filter(|(_, backend)| !backend.has(flags::IN_USE));
        for (slot, _) in free.collect::<Vec<_>>() {
            if self.traffic(slot)? != Traffic::default() {
                self.clear_traffic(slot)?;
            }
            self.clear_load(slot);
        }
        Ok(())
    }

    fn backends_ever_used(&self) -> impl Iterator<Item = (u32, Backend)> {
        (1_u32..)
            .zip((1..self.backends.len()).filter_map(|slot| self.backends.get(slot)))
            .map(|(slot, mut backend)| {
                // How often the hop has changed is between the writer and the program.
                backend.flags &= !flags::TURN;
                (slot, backend)
            })
            .filter(|(_, backend)| *backend != Backend::zeroed())
    }

    /// The clients that `persistence_timeout` remembers. Reading disturbs nothing: the kernel does
    /// not count it as a use.
    pub fn affinities(&self) -> impl Iterator<Item = Template> {
        // An entry that goes meanwhile makes the kernel begin anew.
        let v4 = self.affinity4.iter().take(MAX_AFFINITIES as usize);
        let v6 = self.affinity6.iter().take(MAX_AFFINITIES as usize);
        let v4 = v4.filter_map(Result::ok).map(|(key, value)| Template {
            pool: key.0.pool,
            client: address4(key.0.client).into(),
            value: value.0,
        });
        let v6 = v6.filter_map(Result::ok).map(|(key, value)| Template {
            pool: u32::try_from(key.0.pool).unwrap_or(0),
            client: address6::address(key.0.client).into(),
            value: value.0,
        });
        v4.chain(v6)
    }

    /// The interfaces that packets can be redirected to.
    pub fn egress(&self) -> Vec<u32> {
        self.egress.keys().filter_map(Result::ok).collect()
    }

    /// The slots in use.
    pub fn backends(&self) -> impl Iterator<Item = (u32, Backend)> {
        self.backends_ever_used()
            .filter(|(_, backend)| backend.has(flags::IN_USE))
    }

    /// The services that the program looks up, in the order of their keys.
    pub fn services(&self) -> BTreeMap<Key, ServiceEntry> {
        self.entries().collect()
    }

    fn info(&self, id: u16) -> Result<ServiceInfo, MapsError> {
        let info = self.service_info.get(&u32::from(id), 0);
        info.map(|info| info.0)
            .map_err(MapsError::read("SERVICE_INFO"))
    }

    /// How new flows of a pool are treated.
    pub fn policy(&self, pool: u16) -> Result<Policy, MapsError> {
        let policy = self.policies.get(&u32::from(pool), 0);
        policy
            .map(|policy| policy.0)
            .map_err(MapsError::read("POLICIES"))
    }

    /// What the server of `slot` has carried, over all CPUs.
    pub fn traffic(&self, slot: u32) -> Result<Traffic, MapsError> {
        let cpus = self
            .backend_stats
            .get(&slot, 0)
            .map_err(MapsError::read("BACKEND_STATS"))?;
        let mut total = Traffic::default();
        for cpu in cpus.iter() {
            total.add(&cpu.0);
        }
        Ok(total)
    }

    /// What removed servers of a pool have carried.
    pub fn retired(&self, pool: u16) -> Result<Traffic, MapsError> {
        let retired = self.retired_stats.get(&u32::from(pool), 0);
        retired
            .map(|traffic| traffic.0)
            .map_err(MapsError::read("RETIRED_STATS"))
    }

    /// How often a packet was not forwarded for `reason`, over all CPUs.
    pub fn reason(&self, reason: Reason) -> Result<u64, MapsError> {
        let cpus = self
            .reasons
            .get(&(reason as u32), 0)
            .map_err(MapsError::read("REASONS"))?;
        Ok(cpus.iter().sum())
    }

    /// Every entry of the flow table that holds a flow, timed out or not.
    pub fn flows(&self) -> impl Iterator<Item = Flow> {
        self.flows_of(true)
    }

    /// The same, without those of IPv6 if nobody wants them: they are half as much to read again.
    pub(super) fn flows_of(&self, with_v6: bool) -> impl Iterator<Item = Flow> {
        let v4 = (0..self.flows4.len())
            .filter_map(|bucket| self.flows4.get(bucket))
            .flat_map(|bucket| bucket.ways)
            .map(|entry| Flow {
                entry,
                client: entry.client().into(),
            });
        let v6 = (0..if with_v6 { self.flows6.len() } else { 0 })
            .filter_map(|bucket| self.flows6.get(bucket))
            .flat_map(|bucket| bucket.ways)
            .map(|entry| Flow {
                entry: entry.flow,
                client: entry.client().into(),
            });
        v4.chain(v6)
            .filter(|flow| flow.entry.key != FREE && flow.entry.key != BUSY)
    }

    /// Room for flows: of IPv4, and of IPv6.
    pub fn flow_capacity(&self) -> [usize; 2] {
        [self.flows4.len(), self.flows6.len()].map(|buckets| buckets * lb_common::flow::WAYS)
    }
}
