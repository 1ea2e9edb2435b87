//! A service as the records of the maps.

use std::net::IpAddr;

use lb_common::flow::TICK_SHIFT;
use lb_common::policy::{Policy, flags};
use lb_common::service::{ServiceEntry, ServiceInfo, scheduler};

use crate::config::model::{Forwarding, Scheduler};
use crate::dataplane::desired::{Desired, Service};
use crate::dataplane::installed::{Addresses, Key};
use crate::dataplane::xdp::clock::Ticks;

/// The addresses and servers that may be ours.
pub(super) fn filter(desired: &Desired) -> Addresses {
    let keys = desired.services.iter().flat_map(Service::keys);
    let destinations = keys.map(|key| key.address);
    let servers = desired
        .services
        .iter()
        .flat_map(|service| service.servers.iter().map(|it| (service.key.proto, it)))
        .filter(|(_, server)| server.method == Forwarding::Nat)
        .map(|(proto, server)| Key {
            address: server.address,
            port: server.port,
            proto,
        });
    Addresses {
        destinations: in_order(destinations),
        servers: in_order(servers),
    }
}

/// Each once, sorted.
fn in_order<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a packet needs to know of one address and port of a virtual server.
pub(super) fn entry(service: &Service, gate: u16, id: u16, pool: u16) -> ServiceEntry {
    ServiceEntry {
        id,
        pool,
        gate,
        persistent: service.persistence.is_some().into(),
    }
}

/// What a reply needs to know of it.
pub(super) const fn info(key: Key, gate: u16, pool: u16) -> ServiceInfo {
    ServiceInfo {
        key: key.v6(),
        pool,
        gate,
        pad: 0,
    }
}

/// How new flows of a virtual server are treated.
pub(super) fn policy(service: &Service, pool: u16, ticks: Ticks) -> Policy {
    let is_hashed = matches!(service.scheduler, Scheduler::Sh | Scheduler::Mh);
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    let (active_cost, inactive_cost, more_cost) = costs(service.scheduler);
    Policy {
        scheduler: number(service.scheduler),
        flags: flag(is_hashed && service.flags.flag_1, flags::FALLBACK)
            | flag(is_hashed && service.flags.flag_2, flags::PORT)
            | flag(service.is_counted(), flags::COUNTED)
            | flag(service.ops, flags::OPS)
            | flag(service.scheduler == Scheduler::Nq, flags::IDLE_FIRST)
            | flag(service.scheduler == Scheduler::Ovf, flags::OVERFLOWS),
        pool,
        new_flows: in_a_tick(service.new_flow_limit, ticks),
        source_flows: service.source_limit,
        active_cost,
        inactive_cost,
        more_cost,
        affinity_ticks: service
            .persistence
            .map_or(0, |persistence| ticks.of(persistence.timeout)),
        granularity: match (service.key.address, service.persistence) {
            (_, None) => u32::MAX,
            (IpAddr::V4(_), Some(it)) => u32::from_ne_bytes(it.mask.octets()),
            (IpAddr::V6(_), Some(it)) => it.prefix.into(),
        },
        persistence_timeout: service.persistence.map_or(0, |persistence| {
            u32::try_from(persistence.timeout.as_secs()).unwrap_or(u32::MAX)
        }),
    }
}

/// What an active connection, an inactive one and the new one cost where servers are compared:
/// `ip_vs_dest_conn_overhead` and its like.
const fn costs(scheduler: Scheduler) -> (u16, u8, u8) {
    match scheduler {
        Scheduler::Lc | Scheduler::Wlc | Scheduler::Lblc | Scheduler::Lblcr => (256, 1, 0),
        Scheduler::Sed | Scheduler::Nq => (1, 0, 1),
        // These take the first server that will do, if it comes to that.
        Scheduler::Fo
        | Scheduler::Ovf
        | Scheduler::Rr
        | Scheduler::Wrr
        | Scheduler::Twos
        | Scheduler::Sh
        | Scheduler::Dh
        | Scheduler::Mh => (0, 0, 0),
    }
}

/// What is allowed in a second, for one tick: at least one.
fn in_a_tick(limit: u32, ticks: Ticks) -> u32 {
    let share = (u64::from(limit) << TICK_SHIFT) / u64::from(ticks.hertz()).max(1);
    match limit {
        0 => 0,
        _ => u32::try_from(share).unwrap_or(u32::MAX).max(1),
    }
}

/// The number of a scheduler in the maps.
const fn number(scheduler: Scheduler) -> u8 {
    match scheduler {
        Scheduler::Rr => scheduler::RR,
        Scheduler::Wrr => scheduler::WRR,
        Scheduler::Lc => scheduler::LC,
        Scheduler::Wlc => scheduler::WLC,
        Scheduler::Sed => scheduler::SED,
        Scheduler::Nq => scheduler::NQ,
        Scheduler::Sh => scheduler::SH,
        Scheduler::Dh => scheduler::DH,
        Scheduler::Mh => scheduler::MH,
        Scheduler::Lblc => scheduler::LBLC,
        Scheduler::Lblcr => scheduler::LBLCR,
        Scheduler::Fo => scheduler::FO,
        Scheduler::Ovf => scheduler::OVF,
        Scheduler::Twos => scheduler::TWOS,
    }
}
