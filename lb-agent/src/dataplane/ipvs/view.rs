//! The kernel's tables as records for `dump`. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::desired::Desired;
use crate::dataplane::choice::Carrier;
use crate::net::ipvs::{
    DestinationEntry, DestinationKey, Entry, Family, Figures, Forwarding, Granularity, Persistence,
    Protocol, SchedulerFlags, ServiceKey,
};
use crate::observe::model;

/// What the tables do not hold about one of our services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which.
    pub key: ServiceKey,
    /// The VRRP instance that holds the address; `None`: none does.
    pub instance: Option<String>,
    /// Whether packets come here: it is MASTER, or there is none.
    pub armed: bool,
    /// Its sorry servers.
    pub sorry: Vec<DestinationKey>,
}

/// The records of what is desired; `gate`: the instance of a service, and whether packets come here.
pub fn records(
    desired: &Desired,
    gate: impl Fn(ServiceKey) -> (Option<String>, bool),
) -> Vec<Record> {
    let record = |service: &super::desired::Service| {
        let key = service.settings.key;
        let (instance, armed) = gate(key);
        let sorry = service.servers.iter().filter(|server| server.sorry);
        Record {
            key,
            instance,
            armed,
            sorry: sorry.map(|server| server.destination.key).collect(),
        }
    };
    desired.services.iter().map(record).collect()
}

/// Those services of `table` that have a record, in the order of the records.
pub fn services(table: &[Entry], records: &[Record]) -> Vec<model::ServiceView> {
    let entries: BTreeMap<ServiceKey, &Entry> = table
        .iter()
        .map(|entry| (entry.service.service.key, entry))
        .collect();
    let view = |record: &Record| Some(service(entries.get(&record.key)?, record));
    records.iter().filter_map(view).collect()
}

fn service(entry: &Entry, record: &Record) -> model::ServiceView {
    let settings = &entry.service.service;
    let (protocol, endpoint, fwmark) = match settings.key {
        ServiceKey::Address {
            protocol,
            address,
            port,
        } => (
            self::protocol(protocol),
            model::Endpoint { address, port },
            None,
        ),
        ServiceKey::Mark { mark, family } => {
            let address = match family {
                Family::V4 => [0; 4].into(),
                Family::V6 => [0; 16].into(),
            };
            let endpoint = model::Endpoint { address, port: 0 };
            (model::Protocol::Fwm, endpoint, Some(mark))
        }
    };
    let servers = entry.destinations.iter();
    model::ServiceView {
        protocol,
        endpoint,
        fwmark,
        group: None,
        addresses: Vec::new(),
        plane: Carrier::Ipvs,
        scheduler: settings.scheduler.clone().into(),
        scheduler_flags: flags(&settings.scheduler, settings.flags),
        ops: settings.one_packet,
        persistence: settings.persistence.map(persistence),
        persistence_engine: settings.engine.clone(),
        instance: record.instance.clone(),
        armed: record.armed,
        counters: counters(entry.service.statistics.totals),
        rates: Some(counters(entry.service.statistics.rates)),
        servers: servers
            .map(|it| server(it, record.sorry.contains(&it.destination.key)))
            .collect(),
    }
}

/// The names that `ipvsadm` has for the flags of a scheduler.
fn flags(scheduler: &str, flags: SchedulerFlags) -> Vec<String> {
    let names = match scheduler {
        "sh" => ["sh-fallback", "sh-port", "flag-3"],
        "mh" => ["mh-fallback", "mh-port", "flag-3"],
        _ => ["flag-1", "flag-2", "flag-3"],
    };
    let set = [flags.flag_1, flags.flag_2, flags.flag_3];
    let named = names.into_iter().zip(set).filter(|(_, set)| *set);
    named.map(|(name, _)| name.to_owned()).collect()
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

const fn protocol(protocol: Protocol) -> model::Protocol {
    match protocol {
        Protocol::Tcp => model::Protocol::Tcp,
        Protocol::Udp => model::Protocol::Udp,
        // IPVS schedules no other.
        Protocol::Sctp | Protocol::Other(_) => model::Protocol::Sctp,
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
