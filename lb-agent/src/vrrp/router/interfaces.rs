//! The interfaces of this machine, as the kernel told of them last.

use std::collections::{BTreeMap, BTreeSet};

use crate::net::link::Link;

/// Interfaces by name and by index.
#[derive(Debug, Default)]
pub struct Interfaces {
    links: BTreeMap<u32, Link>,
    /// Those that forward IPv6.
    routers: BTreeSet<u32>,
}

impl Interfaces {
    /// The interface of this name.
    pub fn by_name(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    /// The interface of this index.
    pub fn by_index(&self, index: u32) -> Option<&Link> {
        self.links.get(&index)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    /// An interface is new or has changed.
    pub fn insert(&mut self, link: Link) {
        self.links.insert(link.index, link);
    }

    /// Whether an interface forwards IPv6, as was found when it came.
    pub fn is_router(&self, index: u32) -> bool {
        self.routers.contains(&index)
    }

    /// Whether one of the interfaces has this address.
    pub fn has_mac(&self, mac: [u8; 6]) -> bool {
        self.links.values().any(|link| link.mac == mac)
    }

    /// Whether an interface forwards IPv6 was found out.
    pub fn set_router(&mut self, index: u32, is_router: bool) {
        if is_router {
            self.routers.insert(index);
        } else {
            self.routers.remove(&index);
        }
    }

    /// An interface is gone.
    pub fn remove(&mut self, index: u32) {
        self.links.remove(&index);
        self.routers.remove(&index);
    }

    /// The interface that cannot exist any more beside `link`: of the same index under another
    /// name, or of the same name with another index.
    pub fn displaced_by(&self, link: &Link) -> Option<Link> {
        self.links
            .values()
            .find(|other| (other.index == link.index) != (other.name == link.name))
            .cloned()
    }

    /// Interfaces that we know and that are not among `links`: index and name.
    pub fn missing_from(&self, links: &[Link]) -> Vec<(u32, String)> {
        self.links
            .values()
            .filter(|known| !links.iter().any(|link| link.index == known.index))
            .map(|known| (known.index, known.name.clone()))
            .collect()
    }
}
