//! What others have in IPVS's tables: what of it keeps XDP away, and the end of all of it
//! (`lvs_flush_on_stop`). What they do to our services is the plane's matter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use tracing::{error, warn};

use crate::config::model::{LvsFlushOnStop, Served};
use crate::dataplane::ipvs::key::key;
use crate::net::ipvs::{Change, Ipvs, IpvsError, ServiceKey};
use crate::runtime::director::Director;
use crate::runtime::plane::chain;

/// Services that are in IPVS and that are not `ours` are not for XDP to take, nor is the rest of their
/// addresses; what XDP serves already stays with it. Nothing is loaded to find that out.
pub(in crate::runtime::supervisor) fn note_foreign(
    director: &mut Director,
    ours: &BTreeSet<ServiceKey>,
    with_xdp: &[Served],
) {
    let table = Ipvs::open_if_loaded().and_then(|ipvs| match ipvs {
        Some(mut ipvs) => ipvs.services(),
        None => Ok(Vec::new()),
    });
    let table = table
        .inspect_err(|error| warn!("{}", chain(error)))
        .unwrap_or_default();
    let keys = table.iter().map(|entry| entry.service.key);
    let stays: BTreeSet<ServicePlace> = with_xdp.iter().map(|it| place(key(it))).collect();
    let mut foreign: BTreeMap<ServicePlace, ServiceKey> = BTreeMap::new();
    for key in keys.filter(|key| !ours.contains(key)) {
        foreign.entry(place(key)).or_insert(key);
    }
    foreign.retain(|place, _| !stays.contains(place));
    director.note_foreign(|served| foreign.get(&place(key(served))).map(ToString::to_string));
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
