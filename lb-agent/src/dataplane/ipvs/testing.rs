//! Services and servers for the tests of this folder.

use std::net::Ipv4Addr;

use super::desired::{Desired, Server, Service};
use crate::net::ipvs::{
    Destination, DestinationKey, Family, Forwarding, SchedulerFlags, Service as Settings,
    ServiceKey,
};

/// The service of a mark.
pub(super) fn key(mark: u32) -> ServiceKey {
    ServiceKey::Mark {
        mark,
        family: Family::V4,
    }
}

/// The server 10.0.0.`last`, port 80.
pub(super) fn server(last: u8, weight: u32) -> Destination {
    Destination {
        key: DestinationKey {
            address: Ipv4Addr::new(10, 0, 0, last).into(),
            port: 80,
        },
        forwarding: Forwarding::Route,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

/// A service of a mark with servers.
pub(super) fn service(mark: u32, scheduler: &str, servers: &[Destination]) -> Service {
    let server = |destination: &Destination| Server {
        destination: *destination,
        sorry: false,
    };
    Service {
        settings: Settings {
            key: key(mark),
            scheduler: scheduler.to_owned(),
            flags: SchedulerFlags::default(),
            one_packet: false,
            persistence: None,
            engine: None,
        },
        servers: servers.iter().map(server).collect(),
    }
}

/// These services and no others.
pub(super) fn desired(services: impl IntoIterator<Item = Service>) -> Desired {
    Desired {
        services: services.into_iter().collect(),
    }
}
