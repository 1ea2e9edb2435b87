//! What is served, in IPVS's terms. Pure.

use crate::config::model::{self, Served};
use crate::net::ipvs::{Family, Protocol, ServiceKey};

/// The key of a service.
pub fn key(served: &Served) -> ServiceKey {
    match served {
        Served::Address(it) => ServiceKey::Address {
            protocol: protocol(it.protocol),
            address: it.address,
            port: it.port,
        },
        Served::Fwmark(it) => ServiceKey::Mark {
            mark: it.fwmark,
            family: match it.ip_family {
                model::Family::Inet => Family::V4,
                model::Family::Inet6 => Family::V6,
            },
        },
    }
}

/// The protocol of a service.
pub const fn protocol(protocol: model::Protocol) -> Protocol {
    match protocol {
        model::Protocol::Tcp => Protocol::Tcp,
        model::Protocol::Udp => Protocol::Udp,
        model::Protocol::Sctp => Protocol::Sctp,
    }
}
