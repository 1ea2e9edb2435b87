//! A service as the records of the maps.

use std::collections::BTreeSet;

use lb_common::service::{ServiceEntry, ServiceInfo, scheduler};

use crate::config::model::{Forwarding, Scheduler};
use crate::dataplane::desired::{Desired, Service};
use crate::dataplane::installed::{Addresses, Key};
use crate::dataplane::xdp::clock::Ticks;

/// The addresses and servers that may be ours.
pub(super) fn filter(desired: &Desired) -> Addresses {
    let destinations: BTreeSet<_> = desired
        .services
        .iter()
        .map(|service| service.key.address())
        .collect();
    let servers: BTreeSet<_> = desired
        .services
        .iter()
        .flat_map(|service| service.servers.iter().map(|it| (service.key.proto, it)))
        .filter(|(_, server)| server.method == Forwarding::Nat)
        .map(|(proto, server)| Key {
            address: server.address,
            port: server.port,
            proto,
        })
        .collect();
    Addresses {
        destinations: destinations.into_iter().collect(),
        servers: servers.into_iter().collect(),
    }
}

/// What a packet needs to know of a service.
pub(super) fn entry(service: &Service, id: u16, ticks: Ticks) -> ServiceEntry {
    ServiceEntry {
        id,
        gate: service.gate,
        affinity_ticks: service
            .persistence
            .map_or(0, |persistence| ticks.of(persistence.timeout)),
    }
}

/// What people want to know of a service.
pub(super) fn info(service: &Service) -> ServiceInfo {
    ServiceInfo {
        key: service.key,
        scheduler: match service.scheduler {
            Scheduler::Rr => scheduler::RR,
            // As `dataplane::schedule` has it.
            Scheduler::Wrr
            | Scheduler::Lc
            | Scheduler::Wlc
            | Scheduler::Lblc
            | Scheduler::Lblcr
            | Scheduler::Sh
            | Scheduler::Dh
            | Scheduler::Mh
            | Scheduler::Sed
            | Scheduler::Nq
            | Scheduler::Fo
            | Scheduler::Ovf
            | Scheduler::Twos => scheduler::WRR,
        },
        pad: [0; 3],
        persistence_timeout: service.persistence.map_or(0, |persistence| {
            u32::try_from(persistence.timeout.as_secs()).unwrap_or(u32::MAX)
        }),
        persistence_granularity: service.persistence.map_or(u32::MAX, |persistence| {
            u32::from_ne_bytes(persistence.mask.octets())
        }),
        gate: service.gate,
        pad2: 0,
    }
}
