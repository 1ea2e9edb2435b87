//! Where the addresses of virtual servers are. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The interfaces of each address that matters.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    places: BTreeMap<IpAddr, Places>,
}

/// Where one address is. An address may be on several interfaces at a time.
#[derive(Debug, Default)]
struct Places {
    now: BTreeSet<u32>,
    /// Where it was last, if it is nowhere now: the best guess for where its packets arrive.
    last: Option<u32>,
}

impl Addresses {
    /// `address` is on the interface `index`; whether that is new.
    pub(super) fn add(&mut self, address: IpAddr, index: u32) -> bool {
        self.places.entry(address).or_default().now.insert(index)
    }

    /// It is not there any more; whether that is new.
    pub(super) fn remove(&mut self, address: IpAddr, index: u32) -> bool {
        let Some(places) = self.places.get_mut(&address) else {
            return false;
        };
        let was_there = places.now.remove(&index);
        if was_there && places.now.is_empty() {
            places.last = Some(index);
        }
        was_there
    }

    /// Whether `address` is on any interface.
    pub(super) fn is_here(&self, address: IpAddr) -> bool {
        let places = self.places.get(&address);
        places.is_some_and(|places| !places.now.is_empty())
    }

    /// The interfaces that `address` is on, else the one that it was on last.
    pub(super) fn of(&self, address: IpAddr) -> impl Iterator<Item = u32> {
        let places = self.places.get(&address).into_iter();
        places.flat_map(|places| {
            let last = places.last.filter(|_| places.now.is_empty());
            places.now.iter().copied().chain(last)
        })
    }

    /// Every address with every interface that it is on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (IpAddr, u32)> {
        let places = self.places.iter();
        places.flat_map(|(address, places)| places.now.iter().map(|index| (*address, *index)))
    }

    /// Only these addresses matter any more.
    pub(super) fn retain(&mut self, wanted: &BTreeSet<IpAddr>) {
        self.places.retain(|address, _| wanted.contains(address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 100));

    fn of(addresses: &Addresses) -> Vec<u32> {
        addresses.of(VIP).collect()
    }

    #[test]
    fn an_address_is_on_every_interface_that_it_was_not_taken_off() {
        let mut addresses = Addresses::default();
        assert!(addresses.add(VIP, 2) && addresses.add(VIP, 1));
        assert!(!addresses.add(VIP, 2), "nothing new");
        assert_eq!(of(&addresses), [1, 2]);
        assert!(addresses.remove(VIP, 1));
        assert!(!addresses.remove(VIP, 1), "nothing new");
        assert_eq!(of(&addresses), [2]);
        assert!(addresses.is_here(VIP));
    }

    #[test]
    fn where_it_was_last_is_the_best_guess() {
        let mut addresses = Addresses::default();
        addresses.add(VIP, 3);
        addresses.remove(VIP, 3);
        assert_eq!(of(&addresses), [3]);
        assert!(!addresses.is_here(VIP));
        addresses.add(VIP, 4);
        assert_eq!(of(&addresses), [4]);
        addresses.retain(&BTreeSet::new());
        assert_eq!(of(&addresses), [0_u32; 0]);
    }
}
