//! IPVS in operation: a connection to it and the picture of its tables.
//!
//! It carries out; what is desired comes from elsewhere.

use std::collections::BTreeSet;

use super::desired::Desired;
use super::drift::{Drift, drift};
use super::installed::Installed;
use super::plan::{leftovers, plan};
use crate::net::ipvs::{Change, Entry, Info, Ipvs, IpvsError, Refused, ServiceKey, SyncDaemon};

/// How often a plan is made anew when some of it was refused: the first one may have been made
/// from an old picture.
const ATTEMPTS: u32 = 2;

/// The IPVS data plane of one agent. It belongs to the network namespace of the thread that has
/// opened it.
pub struct Plane {
    ipvs: Ipvs,
    installed: Installed,
}

/// What came of bringing the tables to what is desired.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Services that were there before they were ours.
    pub adopted: Vec<ServiceKey>,
    /// What the kernel has refused; everything else is as desired.
    pub refused: Vec<IpvsError>,
}

impl Plane {
    /// Connects, loading the module if need be, and looks at what is there. With `flush`
    /// (`lvs_flush`) the tables are emptied, whoever has filled them.
    pub fn open(flush: bool) -> Result<Self, IpvsError> {
        let mut ipvs = Ipvs::open()?;
        if flush {
            ipvs.change(&Change::Flush)?;
        }
        let mut installed = Installed::default();
        installed.read(&ipvs.table()?);
        Ok(Self { ipvs, installed })
    }

    /// An earlier agent has left these; those that are there are ours.
    pub fn inherit(&mut self, keys: &[ServiceKey]) {
        let there = keys
            .iter()
            .filter(|key| self.installed.services.contains_key(*key));
        self.installed.ours.extend(there);
    }

    /// What IPVS says of itself.
    pub fn info(&mut self) -> Result<Info, IpvsError> {
        self.ipvs.info()
    }

    /// Brings the tables to what is desired. Without a difference the kernel is not asked.
    ///
    /// An error means that it is not known what has been done; the next call finds out.
    pub fn apply(&mut self, desired: &Desired) -> Result<Outcome, IpvsError> {
        let mut outcome = Outcome::default();
        for _ in 0..ATTEMPTS {
            outcome.adopted.extend(self.installed.claim(desired));
            let changes = plan(desired, &self.installed);
            outcome.refused = self.carry_out(&changes)?;
            if outcome.refused.is_empty() {
                break;
            }
            self.look()?;
        }
        Ok(outcome)
    }

    /// Takes out those of our services that are not desired any more, and nothing else.
    pub fn retire(&mut self, desired: &Desired) -> Result<Vec<IpvsError>, IpvsError> {
        let wanted: BTreeSet<ServiceKey> = desired
            .services
            .iter()
            .map(|service| service.settings.key)
            .collect();
        let changes: Vec<_> = leftovers(&self.installed)
            .filter(|key| !wanted.contains(key))
            .map(Change::DeleteService)
            .collect();
        self.carry_out(&changes)
    }

    /// The sync daemons that run, whoever has started them.
    pub fn daemons(&mut self) -> Result<Vec<SyncDaemon>, IpvsError> {
        self.ipvs.daemons()
    }

    /// Looks at the tables; gives what others have done to our services. The next
    /// [`Self::apply`] puts it right.
    pub fn look(&mut self) -> Result<Vec<Drift>, IpvsError> {
        let table = self.ipvs.table()?;
        let before = self.installed.clone();
        self.installed.read(&table);
        Ok(drift(&before, &self.installed))
    }

    /// Our services with what they have done, in the kernel's order.
    pub fn table(&mut self) -> Result<Vec<Entry>, IpvsError> {
        let mut table = self.ipvs.table()?;
        table.retain(|entry| self.installed.ours.contains(&entry.service.service.key));
        Ok(table)
    }

    /// Removes our services.
    pub fn clear(&mut self) -> Result<Vec<IpvsError>, IpvsError> {
        let changes: Vec<_> = leftovers(&self.installed)
            .map(Change::DeleteService)
            .collect();
        self.carry_out(&changes)
    }

    /// Carries out what no [`Desired`] speaks of: sync daemons, timeouts, counters.
    pub fn change(&mut self, change: &Change) -> Result<(), IpvsError> {
        self.ipvs.change(change)?;
        self.installed.record(change);
        Ok(())
    }

    /// Empties the tables, whoever has filled them (`lvs_flush_on_stop`).
    pub fn flush(&mut self) -> Result<(), IpvsError> {
        self.change(&Change::Flush)
    }

    /// Carries out `changes` and notes those that have been; gives why the others have not.
    fn carry_out(&mut self, changes: &[Change]) -> Result<Vec<IpvsError>, IpvsError> {
        let refused = match self.ipvs.change_all(changes) {
            Ok(refused) => refused,
            Err(error) => {
                // Some may have been done.
                self.look()?;
                return Err(error);
            }
        };
        let mut numbers = refused.iter().map(|it| it.number).peekable();
        for (number, change) in changes.iter().enumerate() {
            if numbers.next_if_eq(&number).is_none() {
                self.installed.record(change);
            }
        }
        Ok(causes(changes, refused))
    }
}

/// Leaves out what follows from another refusal: no server can be added to a service that the
/// kernel does not take.
fn causes(changes: &[Change], refused: Vec<Refused>) -> Vec<IpvsError> {
    let mut missing = BTreeSet::new();
    for it in &refused {
        if let Some(Change::NewService(settings)) = changes.get(it.number) {
            missing.insert(settings.key);
        }
    }
    let follows = |it: &Refused| {
        matches!(changes.get(it.number),
            Some(Change::NewDestination(key, _)) if missing.contains(key))
    };
    let causes = refused.into_iter().filter(|it| !follows(it));
    causes.map(|it| it.error).collect()
}
