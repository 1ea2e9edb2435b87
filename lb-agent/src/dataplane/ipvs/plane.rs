//! IPVS in operation: a connection to it and the picture of its tables.
//!
//! It carries out; what is desired comes from elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::desired::{Desired, Server, Service};
use super::drift::{self, Drift};
use super::installed::{self, Installed};
use super::plan::{leftovers, plan};
use crate::net::ipvs::{
    Change, Destination, Entry, Info, Ipvs, IpvsError, Refused, ServiceKey, SyncDaemon, Timeouts,
};

/// How often a plan is made anew when some of it was refused: the first one may have been made
/// from an old picture.
const ATTEMPTS: u32 = 2;

/// The IPVS data plane of one agent. It belongs to the network namespace of the thread that has
/// opened it.
pub struct Plane {
    ipvs: Ipvs,
    installed: Installed,
    /// What was there before it was ours, as it was, until [`Self::keep`].
    adopted: Option<BTreeMap<ServiceKey, installed::Service>>,
    /// What of that an earlier agent of ours has left.
    inherited: BTreeSet<ServiceKey>,
    /// The module was unloaded and is there again.
    anew: bool,
}

/// What came of bringing the tables to what is desired.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Services that were there before they were ours.
    pub adopted: Vec<ServiceKey>,
    /// What the kernel has refused; everything else is as desired.
    pub refused: Vec<Refusal>,
}

/// Something that the kernel has refused.
#[derive(Debug)]
pub struct Refusal {
    /// The service that it is about; `None`: about none.
    pub service: Option<ServiceKey>,
    /// Whether there is no such service now.
    pub whole: bool,
    /// Why, and what to do.
    pub error: IpvsError,
}

impl Plane {
    /// Connects, loading the module if need be, and looks at what is there.
    pub fn open() -> Result<Self, IpvsError> {
        let mut ipvs = Ipvs::open()?;
        let mut installed = Installed::default();
        installed.read(&ipvs.table()?);
        Ok(Self {
            ipvs,
            installed,
            adopted: Some(BTreeMap::new()),
            inherited: BTreeSet::new(),
            anew: false,
        })
    }

    /// An earlier agent has left these; those that are there are ours.
    pub fn inherit(&mut self, keys: &[ServiceKey]) {
        let there = keys.iter().copied();
        let there: Vec<_> = there
            .filter(|key| self.installed.services.contains_key(key))
            .collect();
        self.installed.ours.extend(&there);
        self.note_adopted(&there);
        self.inherited.extend(there);
    }

    /// The services that are ours; some may be gone, because somebody has removed them.
    pub const fn ours(&self) -> &BTreeSet<ServiceKey> {
        &self.installed.ours
    }

    /// Those of ours that are there.
    pub fn left(&self) -> Vec<ServiceKey> {
        leftovers(&self.installed).collect()
    }

    /// What IPVS says of itself.
    pub fn info(&mut self) -> Result<Info, IpvsError> {
        self.ipvs.info()
    }

    /// How long connections without packets are remembered.
    pub fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        self.ipvs.timeouts()
    }

    /// Brings the tables to what is desired. Without a difference the kernel is not asked.
    ///
    /// An error means that it is not known what has been done; the next call finds out.
    pub fn apply(&mut self, desired: &Desired) -> Result<Outcome, IpvsError> {
        let mut outcome = Outcome::default();
        self.installed.forget_gone(desired);
        for attempt in 1..=ATTEMPTS {
            let new = self.installed.claim(desired);
            self.note_adopted(&new);
            outcome.adopted.extend(new);
            let changes = plan(desired, &self.installed);
            outcome.refused = match self.attempt(&changes) {
                // There again meanwhile, and empty.
                Err(IpvsError::Unloaded(_)) if self.anew && attempt < ATTEMPTS => continue,
                outcome => outcome?,
            };
            if outcome.refused.is_empty() {
                break;
            }
            self.look()?;
        }
        Ok(outcome)
    }

    fn note_adopted(&mut self, keys: &[ServiceKey]) {
        let there = &self.installed.services;
        if let Some(adopted) = &mut self.adopted {
            let was = |key| Some((key, there.get(&key)?.clone()));
            adopted.extend(keys.iter().copied().filter_map(was));
        }
    }

    /// The agent runs: what it has adopted is its own from here on.
    pub fn keep(&mut self) {
        self.adopted = None;
    }

    /// The agent does not run after all: what it has made goes, and what it has adopted is again as
    /// it was. What an earlier agent has left stays ours.
    pub fn give_back(&mut self) -> Result<Vec<IpvsError>, IpvsError> {
        let adopted = self.adopted.take().unwrap_or_default();
        let theirs = adopted.keys().filter(|key| !self.inherited.contains(*key));
        let theirs: Vec<ServiceKey> = theirs.copied().collect();
        let server = |destination: Destination| Server {
            destination,
            sorry: false,
        };
        let service = |it: installed::Service| Service {
            servers: in_order(&it).map(server).collect(),
            settings: it.settings,
        };
        let services = adopted.into_values().map(service).collect();
        let outcome = self.apply(&Desired { services });
        for key in &theirs {
            self.installed.ours.remove(key);
        }
        Ok(errors(outcome?.refused))
    }

    /// The sync daemons that run, whoever has started them.
    pub fn daemons(&mut self) -> Result<Vec<SyncDaemon>, IpvsError> {
        self.ipvs.daemons()
    }

    /// Looks at the tables; gives what others have done to our services. The next
    /// [`Self::apply`] puts it right.
    ///
    /// When the module was unloaded and is there again, its tables are empty, which is nobody's
    /// change of a service: [`Self::take_anew`].
    pub fn look(&mut self) -> Result<Vec<Drift>, IpvsError> {
        let table = match self.ipvs.table() {
            Err(IpvsError::Unloaded(why)) => {
                let Some(again) = Ipvs::open_if_loaded()? else {
                    return Err(IpvsError::Unloaded(why));
                };
                self.ipvs = again;
                self.anew = true;
                self.ipvs.table()?
            }
            table => table?,
        };
        let before = self.installed.clone();
        self.installed.read(&table);
        if self.anew {
            return Ok(Vec::new());
        }
        Ok(drift::drift(&before, &self.installed))
    }

    /// Whether our services are there with their settings: one question, however many servers they
    /// have. What else others have done, [`Self::look`] finds.
    pub fn glance(&mut self) -> Result<bool, IpvsError> {
        let services = self.ipvs.services()?;
        Ok(drift::are_there(&self.installed, &services))
    }

    /// Whether the module has been unloaded and loaded since this was last asked: what was set once
    /// has to be set again.
    pub const fn take_anew(&mut self) -> bool {
        std::mem::replace(&mut self.anew, false)
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

    /// Empties the tables, whoever has filled them (`lvs_flush`, `lvs_flush_on_stop`): nothing is
    /// left to give back.
    pub fn flush(&mut self) -> Result<(), IpvsError> {
        self.change(&Change::Flush)?;
        self.adopted = self.adopted.take().map(|_| BTreeMap::new());
        self.inherited.clear();
        Ok(())
    }

    fn carry_out(&mut self, changes: &[Change]) -> Result<Vec<IpvsError>, IpvsError> {
        Ok(errors(self.attempt(changes)?))
    }

    /// Carries out `changes` and notes those that have been; gives why the others have not.
    fn attempt(&mut self, changes: &[Change]) -> Result<Vec<Refusal>, IpvsError> {
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

/// The servers of a service, the first that was added first.
fn in_order(service: &installed::Service) -> impl Iterator<Item = Destination> {
    let keys = service.order.keys().into_iter();
    keys.filter_map(|key| service.servers.get(&key).copied())
}

/// Leaves out what follows from another refusal: no server can be added to a service that the
/// kernel does not take.
fn causes(changes: &[Change], refused: Vec<Refused>) -> Vec<Refusal> {
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
    let refusal = |it: Refused| {
        let service = changes.get(it.number).and_then(Change::service);
        Refusal {
            service,
            whole: service.is_some_and(|key| missing.contains(&key)),
            error: it.error,
        }
    };
    let causes = refused.into_iter().filter(|it| !follows(it));
    causes.map(refusal).collect()
}

fn errors(refused: Vec<Refusal>) -> Vec<IpvsError> {
    refused.into_iter().map(|it| it.error).collect()
}
