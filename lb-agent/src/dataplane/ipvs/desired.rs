//! What IPVS should do: services and their servers, in the kernel's own terms.
//!
//! [`super::super::desired::Desired`], which the XDP program is given, says less: it knows TCP and
//! UDP over IPv4 and the schedulers `rr` and `wrr`, and neither marks, flags, engines, thresholds
//! nor the types of tunnels. Whatever it says can be said here, so it converts.

use std::net::IpAddr;

use crate::config::model;
use crate::dataplane::desired as common;
use crate::net::ipvs::{
    Destination, DestinationKey, Forwarding, Granularity, Persistence, Protocol, SchedulerFlags,
    Service as Settings, ServiceKey, Tunnel,
};

/// Everything that IPVS should have of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// Services, each key once.
    pub services: Vec<Service>,
}

/// One virtual server; for IPVS a group is one for each of its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its key and settings.
    pub settings: Settings,
    /// The servers in the pool, each address and port once; may be empty.
    pub servers: Vec<Server>,
}

/// One member of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its address and settings; weight 0: old connections only.
    pub destination: Destination,
    /// It is the sorry server.
    pub sorry: bool,
}

impl From<&common::Desired> for Desired {
    fn from(desired: &common::Desired) -> Self {
        Self {
            services: desired.services.iter().map(Into::into).collect(),
        }
    }
}

impl From<&common::Service> for Service {
    fn from(service: &common::Service) -> Self {
        let persistence = service.persistence.map(|it| Persistence {
            timeout: it.timeout.as_secs().try_into().unwrap_or(u32::MAX),
            granularity: Granularity::Mask(it.mask),
        });
        Self {
            settings: Settings {
                key: ServiceKey::Address {
                    protocol: Protocol::from(u16::from(service.key.proto)),
                    address: service.key.address().into(),
                    port: service.key.port(),
                },
                scheduler: service.scheduler.name().to_owned(),
                flags: SchedulerFlags::default(),
                one_packet: false,
                persistence,
                engine: None,
            },
            servers: service.servers.iter().rev().map(Into::into).collect(),
        }
    }
}

impl From<&common::Server> for Server {
    fn from(server: &common::Server) -> Self {
        let forwarding = match server.method {
            model::Forwarding::Nat => Forwarding::Masquerade,
            model::Forwarding::Dr => Forwarding::Route,
            model::Forwarding::Tun => Forwarding::Tunnel(Tunnel::IpIp),
        };
        Self {
            destination: Destination {
                key: DestinationKey {
                    address: IpAddr::V4(server.address),
                    port: server.port,
                },
                forwarding,
                weight: server.weight,
                upper_threshold: 0,
                lower_threshold: 0,
            },
            sorry: server.sorry,
        }
    }
}

#[cfg(test)]
mod tests;
