//! The kernel's tables as records for `dump`. Pure.
//!
//! The records know services by TCP or UDP, address and port: those by SCTP or by mark have none
//! yet.

use std::collections::BTreeSet;

use super::desired::Desired;
use crate::net::ipvs::{
    DestinationEntry, DestinationKey, Entry, Figures, Forwarding, Granularity, Persistence,
    Protocol, ServiceKey,
};
use crate::observe::model;

/// What the tables do not hold about a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The VRRP instance that holds the address; `None`: none does.
    pub instance: Option<String>,
    /// Whether packets come here: it is MASTER, or there is none.
    pub armed: bool,
}

/// The services of `table`, and which of their servers are sorry ones.
pub fn services(
    table: &[Entry],
    desired: &Desired,
    gate: impl Fn(ServiceKey) -> Gate,
) -> Vec<model::ServiceView> {
    let sorry: Sorry = desired
        .services
        .iter()
        .flat_map(|service| service.servers.iter().map(|it| (service.settings.key, it)))
        .filter(|(_, server)| server.sorry)
        .map(|(key, server)| (key, server.destination.key))
        .collect();
    let view = |entry: &Entry| service(entry, &sorry, gate(entry.service.service.key));
    table.iter().filter_map(view).collect()
}

/// The sorry servers, each with its service.
type Sorry = BTreeSet<(ServiceKey, DestinationKey)>;

fn service(entry: &Entry, sorry: &Sorry, gate: Gate) -> Option<model::ServiceView> {
    let settings = &entry.service.service;
    let (protocol, endpoint) = match settings.key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => (self::protocol(protocol)?, model::Endpoint { address, port }),
        ServiceKey::Mark { .. } => return None,
    };
    let servers = entry.destinations.iter();
    Some(model::ServiceView {
        protocol,
        endpoint,
        scheduler: settings.scheduler.clone().into(),
        persistence: settings.persistence.map(persistence),
        instance: gate.instance,
        armed: gate.armed,
        counters: counters(entry.service.statistics.totals),
        rates: Some(counters(entry.service.statistics.rates)),
        servers: servers
            .map(|it| server(it, sorry.contains(&(settings.key, it.destination.key))))
            .collect(),
    })
}

fn server(entry: &DestinationEntry, sorry: bool) -> model::ServerView {
    let destination = &entry.destination;
    model::ServerView {
        endpoint: model::Endpoint {
            address: destination.key.address,
            port: destination.key.port,
        },
        method: match destination.forwarding {
            Forwarding::Masquerade => model::Method::Masq,
            Forwarding::Tunnel(_) => model::Method::Tunnel,
            Forwarding::Local => model::Method::Local,
            Forwarding::Route | Forwarding::Bypass => model::Method::Route,
        },
        weight: destination.weight,
        sorry,
        active_connections: entry.active_connections.into(),
        inactive_connections: entry.inactive_connections.into(),
        counters: counters(entry.statistics.totals),
        rates: Some(counters(entry.statistics.rates)),
    }
}

const fn protocol(protocol: Protocol) -> Option<model::Protocol> {
    match protocol {
        Protocol::Tcp => Some(model::Protocol::Tcp),
        Protocol::Udp => Some(model::Protocol::Udp),
        Protocol::Sctp | Protocol::Other(_) => None,
    }
}

const fn persistence(persistence: Persistence) -> model::PersistenceView {
    model::PersistenceView {
        timeout_seconds: persistence.timeout,
        granularity: match persistence.granularity {
            Granularity::Mask(mask) => model::Granularity::Mask(mask),
            Granularity::Prefix(bits) => model::Granularity::Prefix(bits),
        },
    }
}

const fn counters(figures: Figures) -> model::Counters {
    model::Counters {
        conns: figures.conns,
        in_packets: figures.in_packets,
        out_packets: figures.out_packets,
        in_bytes: figures.in_bytes,
        out_bytes: figures.out_bytes,
    }
}

#[cfg(test)]
mod tests;
