//! In which order the servers of a service were added. Pure.
//!
//! The kernel puts whoever is added at the head of its list. `sh`, `dh` and `mh` deal their tables out
//! along that list, so two directors choose alike only if their lists are alike, whatever has failed
//! and come back on one of them.

use std::collections::BTreeMap;

use crate::net::ipvs::DestinationKey;

/// The servers of a service, by when they were added.
#[derive(Clone, Debug, Default)]
pub struct Order {
    places: BTreeMap<DestinationKey, u64>,
    next: u64,
}

/// Whether a scheduler's choice goes by the order of the servers (`ip_vs_sh_reassign`,
/// `ip_vs_dh_assign`, `ip_vs_mh_permutate`). With all others it decides between equals at most.
pub fn matters(scheduler: &str) -> bool {
    matches!(scheduler, "sh" | "dh" | "mh")
}

impl Order {
    /// The order of a list of the kernel's, which has at its head who was added last.
    pub fn of_list(list: &[DestinationKey]) -> Self {
        let mut order = Self::default();
        list.iter().rev().for_each(|key| order.add(*key));
        order
    }

    /// One was added; whoever was there stays where it is.
    pub fn add(&mut self, key: DestinationKey) {
        self.places.entry(key).or_insert(self.next);
        self.next += 1;
    }

    /// One was removed.
    pub fn remove(&mut self, key: &DestinationKey) {
        self.places.remove(key);
    }

    /// When one was added: less is earlier.
    pub fn place(&self, key: &DestinationKey) -> Option<u64> {
        self.places.get(key).copied()
    }

    /// All, the first one first.
    pub fn keys(&self) -> Vec<DestinationKey> {
        let mut keys: Vec<_> = self.places.keys().copied().collect();
        keys.sort_by_key(|key| self.place(key));
        keys
    }

    /// Whether those of `before` that are still there stand as they stood.
    pub fn keeps(&self, before: &Self) -> bool {
        let here: Vec<_> = before.keys();
        let places = here.iter().filter_map(|key| self.place(key));
        places.is_sorted()
    }
}

impl PartialEq for Order {
    fn eq(&self, other: &Self) -> bool {
        self.keys() == other.keys()
    }
}

impl Eq for Order {}
