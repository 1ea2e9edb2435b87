//! Where a native program meets the frames of an interface that has no native XDP of its own: VLANs and
//! macvlans have their frames from an interface below them, whose driver runs it. Pure.
//!
//! A VLAN's frames are there with their tags (`lb_common::vlan`), as long as the card does not take them
//! off, and leave with tags that a program of the device map puts on. A macvlan is told from the
//! interface below by its Ethernet address; the program knows those of virtual routers (`use_vmac`).
//! Bridges have their frames from many ports; they keep generic mode.

use std::collections::BTreeMap;

use lb_common::vlan::{MOST_TAGS, Tag};

use crate::net::link::{Link, LinkKind};

/// Interfaces below each other that are followed at most.
const DEEPEST: usize = 4;

/// Where a native program meets the frames of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Native {
    /// In its own driver.
    Itself,
    /// In the driver of an interface below.
    Below(Below),
    /// Nowhere; the reason.
    Nowhere(String),
}

/// The interface whose driver has the frames of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// That interface.
    pub link: Link,
    /// Tags of the frames, the outer one first.
    pub tags: [Tag; MOST_TAGS],
    /// Where the program sees them arrive: that interface, of a bond its ports.
    pub arrivals: Vec<Link>,
    /// Why what arrives cannot be told from the frames of others there, if it cannot.
    pub confused: Option<String>,
}

impl Below {
    /// Whether its frames have tags.
    pub fn is_tagged(&self) -> bool {
        self.tags[0].exists()
    }

    /// What it is, for the operator: `VLAN 10 of eth0`, `VLAN 10.20 of eth0`, `a macvlan of eth0`.
    pub fn what(&self) -> String {
        let ids = self.tags.iter().filter(|tag| tag.exists());
        let ids: Vec<String> = ids.map(|tag| tag.id().to_string()).collect();
        if ids.is_empty() {
            format!("a macvlan of {}", self.link.name)
        } else {
            format!("VLAN {} of {}", ids.join("."), self.link.name)
        }
    }
}

/// Where a native program meets the frames of `link`.
pub fn native(link: &Link, links: &BTreeMap<u32, Link>) -> Native {
    match descend(link, links) {
        Ok((base, _)) if base.index == link.index => Native::Itself,
        Ok((base, tags)) => Native::Below(Below {
            arrivals: arrivals(base, links),
            confused: confused(link, base, &tags),
            link: base.clone(),
            tags: placed(&tags),
        }),
        Err(why) => Native::Nowhere(why),
    }
}

/// The interface at the bottom, and the tags on the way, the outer one first.
fn descend<'a>(
    link: &'a Link,
    links: &'a BTreeMap<u32, Link>,
) -> Result<(&'a Link, Vec<Tag>), String> {
    let mut at = link;
    let mut tags = Vec::new();
    for _ in 0..DEEPEST {
        let name = &at.name;
        let none = "where the kernel has no native XDP";
        let (parent, what) = match at.kind {
            LinkKind::Vlan {
                parent,
                id,
                ether_type,
            } => {
                tags.insert(0, Tag::new(ether_type, id));
                (parent, "a VLAN")
            }
            LinkKind::Macvlan { parent } => (parent, "a macvlan"),
            LinkKind::Bridge => return Err(format!("{name} is a bridge, {none}")),
            LinkKind::Ethernet
            | LinkKind::Loopback
            | LinkKind::Bond
            | LinkKind::Ipvlan { .. }
            | LinkKind::Veth
            | LinkKind::Vrf { .. }
            | LinkKind::Other(_) => return Ok((at, tags)),
        };
        if tags.len() > MOST_TAGS {
            return Err(format!(
                "{} has more than {MOST_TAGS} VLAN tags, {none}",
                link.name
            ));
        }
        at = links.get(&parent).ok_or_else(|| {
            format!("{name} is {what} of an interface that is not in this namespace, {none}")
        })?;
    }
    Err(format!("{} has too many interfaces below it", link.name))
}

/// Where the program says that frames of `base` arrive: on a bond it runs in the drivers of the ports.
fn arrivals(base: &Link, links: &BTreeMap<u32, Link>) -> Vec<Link> {
    if base.kind != LinkKind::Bond {
        return vec![base.clone()];
    }
    let ports = links.values().filter(|it| it.master == Some(base.index));
    ports.cloned().collect()
}

/// Why the frames of `link` cannot be told from those of others on `base`.
fn confused(link: &Link, base: &Link, tags: &[Tag]) -> Option<String> {
    if link.mac == base.mac || is_virtual_router(link.mac) {
        return None;
    }
    let (name, below) = (&link.name, &base.name);
    let what = if tags.is_empty() { "macvlan" } else { "VLAN" };
    Some(format!(
        "{name} is a {what} of {below} with another Ethernet address than {below}, where the kernel has \
         no native XDP"
    ))
}

/// Whether an Ethernet address is a virtual router's (RFC 9568 7.3), which the program takes everywhere.
const fn is_virtual_router(mac: [u8; 6]) -> bool {
    matches!(mac, [0, 0, 0x5e, 0, 1 | 2, _])
}

fn placed(tags: &[Tag]) -> [Tag; MOST_TAGS] {
    let mut places = [Tag::NONE; MOST_TAGS];
    for (place, tag) in places.iter_mut().zip(tags) {
        *place = *tag;
    }
    places
}

#[cfg(test)]
mod tests;
