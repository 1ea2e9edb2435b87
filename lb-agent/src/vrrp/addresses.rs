//! The virtual addresses of one instance: which of them are set, and whether by us.
//!
//! When they are to be set is [`super::instance`]'s decision. An address that was there before is
//! never removed: whoever set it may need it.

use std::net::IpAddr;

use tracing::{error, warn};

use super::effects::Kernel;
use super::router::Interfaces;
use super::settings::{VirtualAddress, VirtualRouter};
use crate::net::address::{Added, Address, Removed};

mod resolve;

use resolve::resolve;

/// All virtual addresses of an instance: those advertised, then the excluded ones.
#[derive(Debug)]
pub struct Addresses {
    instance: String,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    config: VirtualAddress,
    standing: Standing,
    /// Somebody has removed it, and it could not be put back.
    lost: bool,
    /// What keeps it from being set, as it was said last.
    trouble: Option<String>,
}

/// What became of an address that somebody has removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is none of ours, or stands.
    Nothing,
    /// The one at this place is back.
    Back(usize),
    /// It is gone: it is not to be put back, or could not be.
    Gone,
}

/// Whether an address is set.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Standing {
    /// It is not.
    Absent,
    /// By us, exactly so.
    Ours(Address),
    /// It was there already.
    Foreign,
}

impl Addresses {
    /// The addresses of `config`, none of them set.
    pub fn new(config: &VirtualRouter) -> Self {
        Self::of(&config.name, config.addresses().cloned())
    }

    /// These addresses of somebody, none of them set.
    pub fn of(owner: &str, addresses: impl IntoIterator<Item = VirtualAddress>) -> Self {
        Self {
            instance: owner.to_owned(),
            entries: addresses
                .into_iter()
                .map(|config| Entry {
                    config,
                    standing: Standing::Absent,
                    lost: false,
                    trouble: None,
                })
                .collect(),
        }
    }

    /// The address at a place, as [`super::instance::Action::Announce`] counts them.
    pub fn get(&self, place: usize) -> Option<&VirtualAddress> {
        self.entries.get(place).map(|entry| &entry.config)
    }

    /// Every address, and whether it is set.
    pub fn iter(&self) -> impl Iterator<Item = (&VirtualAddress, bool)> {
        self.entries
            .iter()
            .map(|entry| (&entry.config, entry.standing != Standing::Absent))
    }

    /// Other addresses from now on. Those that stay as they are keep their standing; those of ours
    /// that go are removed. Whether there is one that is not set.
    pub fn replace(
        &mut self,
        addresses: impl IntoIterator<Item = VirtualAddress>,
        kernel: &mut impl Kernel,
    ) -> bool {
        let next = Self::of(&self.instance, addresses);
        let mut gone = std::mem::replace(self, next);
        for entry in &mut self.entries {
            let same = |old: &Entry| old.config == entry.config;
            if let Some(place) = gone.entries.iter().position(same) {
                *entry = gone.entries.swap_remove(place);
            }
        }
        gone.remove(kernel);
        self.iter().any(|(_, set)| !set)
    }

    /// Sets every address that is not set. What cannot be set is said once, and left for the next
    /// call.
    pub fn add(&mut self, kernel: &mut impl Kernel, interfaces: &Interfaces) {
        let owner = &self.instance;
        for entry in &mut self.entries {
            if entry.standing != Standing::Absent {
                continue;
            }
            let VirtualAddress { address, dev, .. } = &entry.config;
            let Some(resolved) = resolve(&entry.config, interfaces) else {
                let why = format!("cannot add {address} to {dev}: no such interface");
                entry.complain(owner, why);
                continue;
            };
            match kernel.add_address(&resolved) {
                Ok(Added::New) => {
                    if entry.lost {
                        warn!("({owner}) {address}, which somebody removed from {dev}, is back");
                    }
                    entry.standing = Standing::Ours(resolved);
                    entry.trouble = None;
                }
                Ok(Added::AlreadyThere) => {
                    warn!("({owner}) {address} is on {dev} already; it will stay there");
                    entry.standing = Standing::Foreign;
                    entry.trouble = None;
                }
                Err(error) => entry.complain(owner, error.to_string()),
            }
        }
    }

    /// Whether one of them is not set although its interface `is_there` and somebody minds.
    pub fn lacks(&self, is_there: impl Fn(&str) -> bool) -> bool {
        self.entries.iter().any(|entry| {
            entry.standing == Standing::Absent
                && !entry.config.no_track
                && is_there(&entry.config.dev)
        })
    }

    /// Those that we have set and that are not among the `present` ones.
    pub fn missing_from(&self, present: &[Address]) -> Vec<Address> {
        let stands = |ours: &Address| present.iter().any(|it| is_same(it, ours));
        let entries = self.entries.iter();
        let ours = entries.filter_map(|entry| match &entry.standing {
            Standing::Ours(ours) if !stands(ours) => Some(ours.clone()),
            Standing::Ours(_) | Standing::Absent | Standing::Foreign => None,
        });
        ours.collect()
    }

    /// Whether the one at this place had been removed by somebody; it is asked once.
    pub fn take_lost(&mut self, place: usize) -> bool {
        let entry = self.entries.get_mut(place);
        entry.is_some_and(|entry| std::mem::take(&mut entry.lost))
    }

    /// Removes what [`Self::add`] has set.
    pub fn remove(&mut self, kernel: &mut impl Kernel) {
        for entry in &mut self.entries {
            (entry.lost, entry.trouble) = (false, None);
            match std::mem::replace(&mut entry.standing, Standing::Absent) {
                Standing::Ours(address) => {
                    if let Err(error) = kernel.remove_address(&address) {
                        error!("({}) {error}", self.instance);
                        // Still there, still ours: the next transition tries again.
                        entry.standing = Standing::Ours(address);
                    }
                }
                Standing::Absent | Standing::Foreign => {}
            }
        }
    }

    /// Removes what somebody who was killed has left, before anything else: two routers would
    /// answer for the address. Not the address the adverts are sent from: an owner's virtual
    /// address is its own.
    pub fn remove_residual(
        &self,
        kernel: &mut impl Kernel,
        interfaces: &Interfaces,
        source: Option<IpAddr>,
    ) {
        for entry in &self.entries {
            if source.is_some_and(|source| entry.config.address.addr() == source) {
                continue;
            }
            let Some(address) = resolve(&entry.config, interfaces) else {
                continue;
            };
            // Whatever label it was given: the kernel compares it.
            match kernel.remove_address(&Address {
                label: None,
                ..address
            }) {
                // Whose it was nobody can tell: an address has no owner.
                Ok(Removed::Gone) => warn!(
                    "({}) {} was on {} already, from an earlier run or set by hand; removed: only \
                     the MASTER has it",
                    self.instance, entry.config.address, entry.config.dev
                ),
                Ok(Removed::WasNotThere) => {}
                Err(error) => error!("({}) {error}", self.instance),
            }
        }
    }

    /// Somebody has removed an address. If it is one of ours that should be there, it is put back.
    pub fn restore(&mut self, kernel: &mut impl Kernel, removed: &Address) -> Restored {
        let owner = &self.instance;
        for (place, entry) in self.entries.iter_mut().enumerate() {
            let Standing::Ours(ours) = &entry.standing else {
                continue;
            };
            if !is_same(ours, removed) {
                continue;
            }
            if entry.config.no_track {
                entry.standing = Standing::Absent;
                return Restored::Gone;
            }
            match kernel.add_address(ours) {
                Ok(Added::New) => {
                    let VirtualAddress { address, dev, .. } = &entry.config;
                    warn!("({owner}) somebody removed {address} from {dev}; put back");
                    return Restored::Back(place);
                }
                // The news was of an earlier removal, our own.
                Ok(Added::AlreadyThere) => return Restored::Nothing,
                Err(error) => {
                    entry.complain(owner, error.to_string());
                    entry.standing = Standing::Absent;
                    entry.lost = true;
                    return Restored::Gone;
                }
            }
        }
        Restored::Nothing
    }

    /// Somebody has removed an address that should not be there any more.
    pub fn let_go(&mut self, removed: &Address) {
        for entry in &mut self.entries {
            if matches!(&entry.standing, Standing::Ours(ours) if is_same(ours, removed)) {
                entry.standing = Standing::Absent;
            }
        }
    }

    /// An interface is gone, and its addresses with it.
    pub fn forget(&mut self, index: u32) {
        for entry in &mut self.entries {
            if matches!(&entry.standing, Standing::Ours(ours) if ours.index == index) {
                entry.standing = Standing::Absent;
            }
        }
    }
}

impl Entry {
    /// Says why it is not set, unless that was said.
    fn complain(&mut self, owner: &str, why: String) {
        if self.trouble.as_ref() != Some(&why) {
            error!("({owner}) {why}");
            self.trouble = Some(why);
        }
    }
}

/// Whether both are the same address of the same interface.
fn is_same(one: &Address, other: &Address) -> bool {
    one.index == other.index && one.address.addr() == other.address.addr()
}
