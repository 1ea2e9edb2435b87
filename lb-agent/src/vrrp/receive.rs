//! Whether an advert is acceptable (RFC 3768 section 7.1), in keepalived's order, so that both
//! name the same reason for the same packet.
//!
//! Not checked here: that a virtual router of this id exists (the packet is then not for us, see
//! [`super::router`]), and what the advert means for the election ([`super::election`]).

use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

use super::election::Advert;
use super::instance::adver_int_seconds;
use crate::config::model::{Authentication, VrrpInstance};
use crate::wire::ipv4::Packet;
use crate::wire::vrrp::{
    AUTH_AH, AUTH_DATA_LEN, AUTH_NONE, AUTH_PASS, TTL, TYPE_ADVERTISEMENT, VERSION_2, View,
};

/// The least an Ethernet frame carries: shorter packets arrive padded to it.
const ETHERNET_MIN_PAYLOAD: usize = 46;

/// What an instance's adverts must be like, on both routers.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Virtual router id.
    pub vrid: u8,
    /// Advertisement interval on the wire, seconds.
    pub adver_int: u8,
    /// Password, if any.
    pub authentication: Option<Authentication>,
    /// Whether adverts come from peers and not through the multicast group.
    pub unicast: bool,
    /// The advertised addresses, in order.
    pub addresses: Vec<Ipv4Addr>,
}

impl From<&VrrpInstance> for Expected {
    fn from(config: &VrrpInstance) -> Self {
        let addresses = config
            .virtual_ipaddress
            .iter()
            .map(|address| address.address.addr());
        Self {
            vrid: config.virtual_router_id,
            adver_int: adver_int_seconds(config.advert_int),
            authentication: config.authentication.clone(),
            unicast: !config.unicast_peer.is_empty(),
            addresses: addresses
                .filter_map(|address| match address {
                    IpAddr::V4(address) => Some(address),
                    IpAddr::V6(_) => None,
                })
                .collect(),
        }
    }
}

impl Expected {
    /// `auth_type` on the wire.
    pub const fn auth_type(&self) -> u8 {
        match self.authentication {
            None => AUTH_NONE,
            Some(Authentication::Pass(_)) => AUTH_PASS,
        }
    }

    /// The authentication data on the wire: zeros without a password.
    pub const fn auth_data(&self) -> [u8; AUTH_DATA_LEN] {
        match self.authentication {
            None => [0; AUTH_DATA_LEN],
            Some(Authentication::Pass(password)) => password,
        }
    }
}

/// An acceptable advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// What the election needs.
    pub advert: Advert,
    /// Its addresses are not ours. Accepted all the same: RFC 9568 7.1 makes the list a matter
    /// for the log, and to reject it would make two masters of one typing error.
    pub mismatch: Option<Mismatch>,
}

/// How the addresses of an advert differ from ours. Printed behind `(name of the instance) `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// More or fewer.
    #[error("expected {expected} VIPs but received {received} from {from}")]
    Count {
        /// The sender.
        from: Ipv4Addr,
        /// Ours.
        expected: usize,
        /// Theirs.
        received: usize,
    },
    /// One of ours is missing.
    #[error(
        "ip address associated with VRID {vrid} not present in advert from {from}: \
         {address}"
    )]
    Missing {
        /// The sender.
        from: Ipv4Addr,
        /// Virtual router id.
        vrid: u8,
        /// The address of ours that it does not have.
        address: Ipv4Addr,
    },
}

/// Why an advert is not acceptable. Printed behind `(name of the instance) `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// Shorter than it says.
    #[error("vrrp packet from {from} too short, length {received} and expect {expected}")]
    TooShort {
        /// The sender.
        from: Ipv4Addr,
        /// Bytes, IP header included.
        received: usize,
        /// Bytes, IP header included.
        expected: usize,
    },
    /// Longer than it says, beyond what padding explains.
    #[error("vrrp packet from {from} too long, length {received} and expect {expected}")]
    TooLong {
        /// The sender.
        from: Ipv4Addr,
        /// Bytes, IP header included.
        received: usize,
        /// Bytes, IP header included.
        expected: usize,
    },
    /// Forwarded by a router, so not from this link.
    #[error("invalid TTL/HL from {from}. Received {received} and expect 255")]
    Ttl {
        /// The sender.
        from: Ipv4Addr,
        /// Its TTL.
        received: u8,
    },
    /// Another version of the protocol.
    #[error("wrong VRRP version from {from}. Received {received} and expect 2")]
    Version {
        /// The sender.
        from: Ipv4Addr,
        /// Its version.
        received: u8,
    },
    /// An authentication type that does not exist.
    #[error("Invalid auth type from {from}: {received}")]
    UnknownAuthType {
        /// The sender.
        from: Ipv4Addr,
        /// Its type.
        received: u8,
    },
    /// The two sides are configured for different authentication.
    #[error("received a {received} auth from {from}, expecting {expected}!")]
    AuthType {
        /// The sender.
        from: Ipv4Addr,
        /// Its type.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// Another password.
    #[error("received an invalid passwd from {from}!")]
    Password {
        /// The sender.
        from: Ipv4Addr,
    },
    /// The two sides are configured for different intervals.
    #[error("advertisement interval mismatch with {from} mine={expected} sec rcv'd={received} sec")]
    AdverInt {
        /// The sender.
        from: Ipv4Addr,
        /// Its interval, seconds.
        received: u8,
        /// Ours, seconds.
        expected: u8,
    },
    /// Not an advertisement.
    #[error("Invalid packet type from {from}. {received} and expect 1")]
    PacketType {
        /// The sender.
        from: Ipv4Addr,
        /// Its type.
        received: u8,
    },
    /// The IP header's length is not that of the advert.
    #[error("invalid ip length from {from}. {received} and expect {expected}")]
    TotalLength {
        /// The sender.
        from: Ipv4Addr,
        /// What the IP header says.
        received: usize,
        /// Bytes, IP header included.
        expected: usize,
    },
    /// Damaged on the way.
    #[error("Invalid VRRPv2 checksum from {from}")]
    Checksum {
        /// The sender.
        from: Ipv4Addr,
    },
    /// The two sides do not agree on whether they use multicast.
    #[error("Expected {} packet but received {} packet from {from}", cast(*expected_unicast), cast(!*expected_unicast))]
    Cast {
        /// The sender.
        from: Ipv4Addr,
        /// What we are.
        expected_unicast: bool,
    },
}

const fn cast(unicast: bool) -> &'static str {
    if unicast { "unicast" } else { "multicast" }
}

/// Judges an advert: `view` is the payload of `packet`. `check_addresses` false leaves the list
/// of addresses alone (`skip_check_adv_addr`).
pub fn check(
    expected: &Expected,
    packet: &Packet<'_>,
    view: &View<'_>,
    check_addresses: bool,
) -> Result<Received, Rejected> {
    let from = packet.source();
    check_length(packet, view)?;
    if !expected.unicast && packet.ttl() != TTL {
        return Err(Rejected::Ttl {
            from,
            received: packet.ttl(),
        });
    }
    if view.version() != VERSION_2 {
        return Err(Rejected::Version {
            from,
            received: view.version(),
        });
    }
    check_authentication(expected, from, view)?;
    if view.adver_int() != expected.adver_int {
        let (received, expected) = (view.adver_int(), expected.adver_int);
        return Err(Rejected::AdverInt {
            from,
            received,
            expected,
        });
    }
    if view.packet_type() != TYPE_ADVERTISEMENT {
        return Err(Rejected::PacketType {
            from,
            received: view.packet_type(),
        });
    }
    let (received, length) = (usize::from(packet.total_len()), length(packet, view));
    if received != length {
        return Err(Rejected::TotalLength {
            from,
            received,
            expected: length,
        });
    }
    if !view.checksum_fits() {
        return Err(Rejected::Checksum { from });
    }
    if packet.destination().is_multicast() == expected.unicast {
        return Err(Rejected::Cast {
            from,
            expected_unicast: expected.unicast,
        });
    }
    Ok(Received {
        advert: Advert {
            source: IpAddr::V4(from),
            priority: view.priority(),
        },
        mismatch: check_addresses
            .then(|| mismatch(expected, from, view))
            .flatten(),
    })
}

/// Length of the whole packet, as the VRRP header has it.
fn length(packet: &Packet<'_>, view: &View<'_>) -> usize {
    packet.received_len() - packet.payload().len() + view.expected_len()
}

fn check_length(packet: &Packet<'_>, view: &View<'_>) -> Result<(), Rejected> {
    let (from, received) = (packet.source(), packet.received_len());
    let expected = length(packet, view);
    if received < expected {
        return Err(Rejected::TooShort {
            from,
            received,
            expected,
        });
    }
    if received > expected && received > ETHERNET_MIN_PAYLOAD {
        return Err(Rejected::TooLong {
            from,
            received,
            expected,
        });
    }
    Ok(())
}

fn check_authentication(
    expected: &Expected,
    from: Ipv4Addr,
    view: &View<'_>,
) -> Result<(), Rejected> {
    let received = view.auth_type();
    if !matches!(received, AUTH_NONE | AUTH_PASS | AUTH_AH) {
        return Err(Rejected::UnknownAuthType { from, received });
    }
    if received != expected.auth_type() {
        return Err(Rejected::AuthType {
            from,
            received,
            expected: expected.auth_type(),
        });
    }
    match (&expected.authentication, view.auth_data()) {
        (None, _) => Ok(()),
        (Some(Authentication::Pass(ours)), Some(theirs)) if equal(*ours, *theirs) => Ok(()),
        (Some(Authentication::Pass(_)), _) => Err(Rejected::Password { from }),
    }
}

/// Takes the same time wherever the first difference is.
fn equal(ours: [u8; AUTH_DATA_LEN], theirs: [u8; AUTH_DATA_LEN]) -> bool {
    u64::from_ne_bytes(ours) ^ u64::from_ne_bytes(theirs) == 0
}

fn mismatch(expected: &Expected, from: Ipv4Addr, view: &View<'_>) -> Option<Mismatch> {
    let received = usize::from(view.address_count());
    if received != expected.addresses.len() {
        let expected = expected.addresses.len();
        return Some(Mismatch::Count {
            from,
            expected,
            received,
        });
    }
    if view.addresses().eq(expected.addresses.iter().copied()) {
        return None;
    }
    let is_missing = |ours: &&Ipv4Addr| !view.addresses().any(|theirs| theirs == **ours);
    let address = *expected.addresses.iter().find(is_missing)?;
    Some(Mismatch::Missing {
        from,
        vrid: expected.vrid,
        address,
    })
}

#[cfg(test)]
mod tests;
