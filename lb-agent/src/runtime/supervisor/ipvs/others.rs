//! What others have in IPVS's tables: what of it keeps XDP away, and the end of all of it
//! (`lvs_flush_on_stop`). What they do to our services is the plane's matter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use tracing::{error, warn};

use crate::config::model::LvsFlushOnStop;
use crate::dataplane::ipvs::key::key;
use crate::net::ipvs::{Change, Ipvs, IpvsError, ServiceKey};
use crate::runtime::director::{Director, Foreign};
use crate::runtime::plane::chain;

/// Services that are in IPVS and that are not `ours` are not for XDP to take, nor is the rest of their
/// addresses; what XDP serves already stays with it. Nothing is loaded to find that out.
pub(in crate::runtime::supervisor) fn note_foreign(
    director: &mut Director,
    ours: &BTreeSet<ServiceKey>,
    with_xdp: &BTreeSet<IpAddr>,
) {
    let table = Ipvs::open_if_loaded().and_then(|ipvs| match ipvs {
        Some(mut ipvs) => ipvs.services(),
        None => Ok(Vec::new()),
    });
    let table = table
        .inspect_err(|error| warn!("{}", chain(error)))
        .unwrap_or_default();
    let keys = table.iter().map(|entry| entry.service.key);
    let mut others = Others::of(keys.filter(|key| !ours.contains(key)));
    others.leave(with_xdp);
    director.note_foreign(|served| others.at(key(served)));
}

/// What others have in the tables, by what is never with both planes.
struct Others(BTreeMap<ServicePlace, BTreeSet<ServiceKey>>);

impl Others {
    fn of(keys: impl Iterator<Item = ServiceKey>) -> Self {
        let mut places: BTreeMap<ServicePlace, BTreeSet<ServiceKey>> = BTreeMap::new();
        for key in keys {
            places.entry(place(key)).or_default().insert(key);
        }
        Self(places)
    }

    /// What XDP serves already nobody stands in the way of.
    fn leave(&mut self, with_xdp: &BTreeSet<IpAddr>) {
        self.0.retain(|place, _| match place {
            ServicePlace::Address(address) => !with_xdp.contains(address),
            ServicePlace::Mark(_) => true,
        });
    }

    /// The service that stands in the way of `key`: the same, else one of its address.
    fn at(&self, key: ServiceKey) -> Option<Foreign> {
        let there = self.0.get(&place(key))?;
        let found = there.get(&key).or_else(|| there.first())?;
        Some(Foreign {
            name: found.to_string(),
            is_same: *found == key,
        })
    }
}

/// What is never with both planes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ServicePlace {
    /// An address, with all its ports.
    Address(IpAddr),
    /// A mark.
    Mark(ServiceKey),
}

const fn place(key: ServiceKey) -> ServicePlace {
    match key {
        ServiceKey::Address { address, .. } => ServicePlace::Address(address),
        ServiceKey::Mark { .. } => ServicePlace::Mark(key),
    }
}

/// `lvs_flush_on_stop` of an agent that has nothing in IPVS: the table is emptied all the same, if
/// there is one.
pub(in crate::runtime::supervisor) fn flush_on_stop(director: &Director) {
    match director.config().global_defs.lvs.lvs_flush_on_stop {
        LvsFlushOnStop::All => {}
        LvsFlushOnStop::No | LvsFlushOnStop::VirtualServers => return,
    }
    let flushed = Ipvs::open_if_loaded().and_then(|ipvs| match ipvs {
        Some(mut ipvs) => ipvs.change(&Change::Flush),
        None => Ok(()),
    });
    match flushed {
        // They went with the module.
        Ok(()) | Err(IpvsError::Unloaded(_)) => {}
        Err(error) => error!("lvs_flush_on_stop: {}", chain(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::ipvs::{Family, Protocol};

    #[test]
    fn the_same_service_is_found_before_another_of_its_address() {
        let tcp = |address: &str, port| ServiceKey::Address {
            protocol: Protocol::Tcp,
            address: address.parse().unwrap(),
            port,
        };
        let others = Others::of([tcp("10.0.0.1", 80), tcp("10.0.0.1", 443)].into_iter());
        let found = |key| others.at(key).map(|it| (it.name, it.is_same));
        let one = |name: &str, is_same| Some((name.to_owned(), is_same));
        assert_eq!(found(tcp("10.0.0.1", 443)), one("TCP 10.0.0.1:443", true));
        assert_eq!(found(tcp("10.0.0.1", 22)), one("TCP 10.0.0.1:80", false));
        assert_eq!(found(tcp("10.0.0.2", 80)), None);
    }

    #[test]
    fn nobody_stands_in_the_way_of_what_xdp_serves_already() {
        let mark = ServiceKey::Mark {
            mark: 6,
            family: Family::V4,
        };
        let address = IpAddr::from([10, 0, 0, 1]);
        let web = ServiceKey::Address {
            protocol: Protocol::Tcp,
            address,
            port: 80,
        };
        let mut others = Others::of([web, mark].into_iter());
        others.leave(&BTreeSet::from([address]));
        assert_eq!(others.at(web), None);
        assert!(others.at(mark).is_some());
    }
}
