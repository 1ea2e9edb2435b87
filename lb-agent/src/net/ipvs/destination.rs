//! Destinations: the real servers of a virtual service. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::key::{self, Family};
use super::statistics::Statistics;
use crate::net::attribute::{self, Writer, values};

/// `IPVS_DEST_ATTR_*`.
mod kind {
    pub(super) const ADDR: u16 = 1;
    pub(super) const PORT: u16 = 2;
    pub(super) const FWD_METHOD: u16 = 3;
    pub(super) const WEIGHT: u16 = 4;
    pub(super) const U_THRESH: u16 = 5;
    pub(super) const L_THRESH: u16 = 6;
    pub(super) const ACTIVE_CONNS: u16 = 7;
    pub(super) const INACT_CONNS: u16 = 8;
    pub(super) const PERSIST_CONNS: u16 = 9;
    pub(super) const ADDR_FAMILY: u16 = 11;
    pub(super) const STATS64: u16 = 12;
    pub(super) const TUN_TYPE: u16 = 13;
    pub(super) const TUN_PORT: u16 = 14;
    pub(super) const TUN_FLAGS: u16 = 15;
}

/// How many types there are, 0 among them.
const KINDS: usize = kind::TUN_FLAGS as usize + 1;

/// `IP_VS_CONN_F_*`: the forwarding methods.
mod method {
    pub(super) const MASK: u32 = 0x07;
    pub(super) const MASQ: u32 = 0x00;
    pub(super) const LOCALNODE: u32 = 0x01;
    pub(super) const TUNNEL: u32 = 0x02;
    pub(super) const DROUTE: u32 = 0x03;
    pub(super) const BYPASS: u32 = 0x04;
}

/// `IP_VS_CONN_F_TUNNEL_TYPE_*`.
mod tunnel {
    pub(super) const IPIP: u8 = 0;
    pub(super) const GUE: u8 = 1;
    pub(super) const GRE: u8 = 2;
}

/// What names a destination within its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DestinationKey {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// A real server of a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Destination {
    /// What names it.
    pub key: DestinationKey,
    /// How packets get there.
    pub forwarding: Forwarding,
    /// Its weight, at most 2³¹−1; 0: old connections only.
    pub weight: u32,
    /// `uthreshold`: with so many connections it gets no new ones; 0: no limit.
    pub upper_threshold: u32,
    /// `lthreshold`: with fewer it gets new ones again; 0: three quarters of the upper one.
    pub lower_threshold: u32,
}

/// `lb_kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarding {
    /// NAT.
    Masquerade,
    /// DR.
    Route,
    /// TUN.
    Tunnel(Tunnel),
    /// The server is this host. The kernel makes this of any other when it sees the address.
    Local,
    /// Past the servers (`cache_bypass`); nobody sets it from outside.
    Bypass,
}

/// `lb_kind TUN type …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tunnel {
    /// `ipip`: IP in IP, of either family.
    IpIp,
    /// `gue port N`.
    Gue {
        /// UDP port of the server.
        port: u16,
        /// Checksums of the outer header.
        checksum: Checksum,
    },
    /// `gre`.
    Gre {
        /// Checksums of the outer header.
        checksum: Checksum,
    },
}

/// Checksums of a tunnel's outer header: `nocsum`, `csum`, `remcsum`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// None.
    #[default]
    None,
    /// Of the whole packet.
    Full,
    /// Remote checksum offload (GUE).
    Remote,
}

/// A destination in the kernel, with what it has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DestinationEntry {
    /// The destination.
    pub destination: Destination,
    /// Connections in state ESTABLISHED.
    pub active_connections: u32,
    /// Connections in any other state.
    pub inactive_connections: u32,
    /// Remembered clients.
    pub persistent_connections: u32,
    /// What it has done.
    pub statistics: Statistics,
}

impl DestinationKey {
    /// Writes what names the destination.
    pub(super) fn encode(self, attributes: &mut Writer) {
        attributes
            .u16(kind::ADDR_FAMILY, Family::from(self.address).number())
            .put(kind::ADDR, &key::octets(self.address))
            .be16(kind::PORT, self.port);
    }
}

impl Destination {
    /// Writes the destination with all its settings.
    pub(super) fn encode(&self, attributes: &mut Writer) {
        self.key.encode(attributes);
        attributes
            .u32(kind::FWD_METHOD, self.forwarding.number())
            .u32(kind::WEIGHT, self.weight);
        if let Forwarding::Tunnel(tunnel) = self.forwarding {
            tunnel.encode(attributes);
        }
        attributes
            .u32(kind::U_THRESH, self.upper_threshold)
            .u32(kind::L_THRESH, self.lower_threshold);
    }
}

impl Forwarding {
    const fn number(self) -> u32 {
        match self {
            Self::Masquerade => method::MASQ,
            Self::Local => method::LOCALNODE,
            Self::Tunnel(_) => method::TUNNEL,
            Self::Route => method::DROUTE,
            Self::Bypass => method::BYPASS,
        }
    }
}

impl Tunnel {
    fn encode(self, attributes: &mut Writer) {
        let (number, port, checksum) = match self {
            Self::IpIp => (tunnel::IPIP, 0, Checksum::None),
            Self::Gue { port, checksum } => (tunnel::GUE, port, checksum),
            Self::Gre { checksum } => (tunnel::GRE, 0, checksum),
        };
        // IP_VS_TUNNEL_ENCAP_FLAG_*.
        let flags = match checksum {
            Checksum::None => 0,
            Checksum::Full => 1,
            Checksum::Remote => 2,
        };
        attributes
            .u8(kind::TUN_TYPE, number)
            .be16(kind::TUN_PORT, port)
            .u16(kind::TUN_FLAGS, flags);
    }

    /// A type that we do not know is taken for IP in IP, which is what an older kernel than the
    /// attribute does.
    const fn decode(number: u8, port: u16, flags: u16) -> Self {
        let checksum = match flags & 3 {
            0 => Checksum::None,
            1 => Checksum::Full,
            _ => Checksum::Remote,
        };
        match number {
            tunnel::GUE => Self::Gue { port, checksum },
            tunnel::GRE => Self::Gre { checksum },
            _ => Self::IpIp,
        }
    }
}

/// Reads `IPVS_CMD_ATTR_DEST`; `None` if something is missing that every destination has.
/// `of_service` is the family of its service, which destinations had before Linux 3.18.
pub(super) fn decode(of_service: Family, bytes: &[u8]) -> Option<DestinationEntry> {
    let values = values::<KINDS>(bytes);
    let value = |wanted: u16| values.get(usize::from(wanted)).copied().flatten();
    let number = |wanted: u16| value(wanted).and_then(attribute::u32);
    let family = match value(kind::ADDR_FAMILY) {
        Some(family) => Family::from_number(attribute::u16(family)?)?,
        None => of_service,
    };
    let forwarding = match number(kind::FWD_METHOD)? & method::MASK {
        method::MASQ => Forwarding::Masquerade,
        method::LOCALNODE => Forwarding::Local,
        method::DROUTE => Forwarding::Route,
        method::BYPASS => Forwarding::Bypass,
        method::TUNNEL => Forwarding::Tunnel(Tunnel::decode(
            value(kind::TUN_TYPE)
                .and_then(|it| it.first().copied())
                .unwrap_or(tunnel::IPIP),
            value(kind::TUN_PORT).and_then(key::port).unwrap_or(0),
            value(kind::TUN_FLAGS).and_then(attribute::u16).unwrap_or(0),
        )),
        _ => return None,
    };
    Some(DestinationEntry {
        destination: Destination {
            key: DestinationKey {
                address: key::address(family, value(kind::ADDR)?)?,
                port: key::port(value(kind::PORT)?)?,
            },
            forwarding,
            weight: number(kind::WEIGHT)?,
            upper_threshold: number(kind::U_THRESH).unwrap_or(0),
            lower_threshold: number(kind::L_THRESH).unwrap_or(0),
        },
        active_connections: number(kind::ACTIVE_CONNS).unwrap_or(0),
        inactive_connections: number(kind::INACT_CONNS).unwrap_or(0),
        persistent_connections: number(kind::PERSIST_CONNS).unwrap_or(0),
        statistics: value(kind::STATS64)
            .map(Statistics::decode)
            .unwrap_or_default(),
    })
}

/// `10.0.0.1:80`.
impl fmt::Display for DestinationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}

#[cfg(test)]
mod tests;
