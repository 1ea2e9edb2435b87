//! Virtual services, as the kernel has them and as its messages carry them. Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::statistics::Statistics;
use crate::net::attribute::{self, Writer, attributes};

/// `IPVS_SVC_ATTR_*`.
mod kind {
    pub(super) const AF: u16 = 1;
    pub(super) const PROTOCOL: u16 = 2;
    pub(super) const ADDR: u16 = 3;
    pub(super) const PORT: u16 = 4;
    pub(super) const FWMARK: u16 = 5;
    pub(super) const SCHED_NAME: u16 = 6;
    pub(super) const FLAGS: u16 = 7;
    pub(super) const TIMEOUT: u16 = 8;
    pub(super) const NETMASK: u16 = 9;
    pub(super) const PE_NAME: u16 = 11;
    pub(super) const STATS64: u16 = 12;
}

/// `IP_VS_SVC_F_*`. `HASHED` (2) is the kernel's own: the service is in its table. Set by us when
/// a service is made, it keeps the service out of the table (`ip_vs_svc_hash`), so it is never
/// sent: keepalived's `hashed` has no effect that one could want.
mod flag {
    pub(super) const PERSISTENT: u32 = 0x01;
    pub(super) const ONE_PACKET: u32 = 0x04;
    pub(super) const SCHED1: u32 = 0x08;
    pub(super) const SCHED2: u32 = 0x10;
    pub(super) const SCHED3: u32 = 0x20;
}

/// A layer-4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// Another, by its number; IPVS schedules none today.
    Other(u16),
}

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What names a virtual service. No two in the kernel have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceKey {
    /// What is sent to this address and port.
    Address {
        /// Protocol.
        protocol: Protocol,
        /// Virtual address.
        address: IpAddr,
        /// Port; 0: every port, which the kernel takes only with persistence.
        port: u16,
    },
    /// What bears this firewall mark (`virtual_server fwmark N`).
    Mark {
        /// The mark, not 0.
        mark: u32,
        /// Family of the packets.
        family: Family,
    },
}

/// A virtual service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What names it.
    pub key: ServiceKey,
    /// Name of its scheduler (`lb_algo`), at most 15 bytes.
    pub scheduler: String,
    /// Flags of its scheduler.
    pub flags: SchedulerFlags,
    /// `ops`: every packet of UDP is scheduled by itself.
    pub one_packet: bool,
    /// `persistence_timeout` and `persistence_granularity`.
    pub persistence: Option<Persistence>,
    /// `persistence_engine`, at most 15 bytes; there is `sip`.
    pub engine: Option<String>,
}

/// Flags of a scheduler. Only `sh` and `mh` have any, and give them these meanings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerFlags {
    /// `flag-1`: `sh-fallback`, `mh-fallback`.
    pub flag_1: bool,
    /// `flag-2`: `sh-port`, `mh-port`.
    pub flag_2: bool,
    /// `flag-3`.
    pub flag_3: bool,
}

/// How long a client keeps its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// Seconds after the end of its last connection.
    pub timeout: u32,
    /// Who counts as one client.
    pub granularity: Granularity,
}

/// Which clients count as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// Those of one IPv4 network with this mask.
    Mask(Ipv4Addr),
    /// Those of one IPv6 network with so many bits, 1–128.
    Prefix(u8),
}

/// A virtual service in the kernel, with what it has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    /// The service.
    pub service: Service,
    /// What it has done.
    pub statistics: Statistics,
}

impl Protocol {
    /// Its number in the IP header.
    pub const fn number(self) -> u16 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Sctp => 132,
            Self::Other(number) => number,
        }
    }
}

impl From<u16> for Protocol {
    fn from(number: u16) -> Self {
        [Self::Tcp, Self::Udp, Self::Sctp]
            .into_iter()
            .find(|protocol| protocol.number() == number)
            .unwrap_or(Self::Other(number))
    }
}

impl Family {
    /// `AF_INET` or `AF_INET6`.
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }

    pub(super) fn from_number(number: u16) -> Option<Self> {
        [Self::V4, Self::V6]
            .into_iter()
            .find(|family| family.number() == number)
    }

    /// The granularity that tells every client from every other.
    pub const fn finest(self) -> Granularity {
        match self {
            Self::V4 => Granularity::Mask(Ipv4Addr::BROADCAST),
            Self::V6 => Granularity::Prefix(128),
        }
    }
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl ServiceKey {
    /// The family of its packets.
    pub fn family(self) -> Family {
        match self {
            Self::Address { address, .. } => address.into(),
            Self::Mark { family, .. } => family,
        }
    }

    /// Writes what names the service.
    pub(super) fn encode(self, attributes: &mut Writer) {
        attributes.u16(kind::AF, self.family().number());
        match self {
            Self::Mark { mark, .. } => {
                attributes.u32(kind::FWMARK, mark);
            }
            Self::Address {
                protocol,
                address,
                port,
            } => {
                attributes
                    .u16(kind::PROTOCOL, protocol.number())
                    .put(kind::ADDR, &octets(address))
                    .be16(kind::PORT, port);
            }
        }
    }
}

impl Service {
    /// Writes the service with all its settings.
    pub(super) fn encode(&self, attributes: &mut Writer) {
        self.key.encode(attributes);
        attributes.string(kind::SCHED_NAME, &self.scheduler);
        if let Some(engine) = &self.engine {
            attributes.string(kind::PE_NAME, engine);
        }
        let mut flags = [0; 8];
        let (values, mask) = flags.split_at_mut(4);
        values.copy_from_slice(&self.flags().to_ne_bytes());
        mask.copy_from_slice(&u32::MAX.to_ne_bytes());
        let granularity = self
            .persistence
            .map_or_else(|| self.key.family().finest(), |it| it.granularity);
        attributes
            .put(kind::FLAGS, &flags)
            .u32(kind::TIMEOUT, self.persistence.map_or(0, |it| it.timeout))
            .put(kind::NETMASK, &granularity.octets());
    }

    fn flags(&self) -> u32 {
        [
            (self.persistence.is_some(), flag::PERSISTENT),
            (self.one_packet, flag::ONE_PACKET),
            (self.flags.flag_1, flag::SCHED1),
            (self.flags.flag_2, flag::SCHED2),
            (self.flags.flag_3, flag::SCHED3),
        ]
        .into_iter()
        .filter_map(|(set, bit)| set.then_some(bit))
        .sum()
    }
}

impl Granularity {
    /// `IPVS_SVC_ATTR_NETMASK`: a mask in network byte order, or a length in the host's.
    fn octets(self) -> [u8; 4] {
        match self {
            Self::Mask(mask) => mask.octets(),
            Self::Prefix(bits) => u32::from(bits).to_ne_bytes(),
        }
    }

    fn decode(family: Family, value: &[u8]) -> Option<Self> {
        match family {
            Family::V4 => Some(Self::Mask(Ipv4Addr::from(*value.first_chunk::<4>()?))),
            Family::V6 => Some(Self::Prefix(attribute::u32(value)?.try_into().ok()?)),
        }
    }
}

/// Reads `IPVS_CMD_ATTR_SERVICE`; `None` if something is missing that every service has.
pub(super) fn decode(bytes: &[u8]) -> Option<ServiceEntry> {
    let value = |wanted: u16| {
        attributes(bytes)
            .find(|(kind, _)| *kind == wanted)
            .map(|(_, value)| value)
    };
    let family = Family::from_number(attribute::u16(value(kind::AF)?)?)?;
    let key = match value(kind::FWMARK) {
        Some(mark) => ServiceKey::Mark {
            mark: attribute::u32(mark)?,
            family,
        },
        None => ServiceKey::Address {
            protocol: attribute::u16(value(kind::PROTOCOL)?)?.into(),
            address: address(family, value(kind::ADDR)?)?,
            port: port(value(kind::PORT)?)?,
        },
    };
    let flags = attribute::u32(value(kind::FLAGS)?)?;
    let has = |bit: u32| flags & bit != 0;
    let persistence = if has(flag::PERSISTENT) {
        Some(Persistence {
            timeout: attribute::u32(value(kind::TIMEOUT)?)?,
            granularity: Granularity::decode(family, value(kind::NETMASK)?)?,
        })
    } else {
        None
    };
    Some(ServiceEntry {
        service: Service {
            key,
            scheduler: attribute::string(value(kind::SCHED_NAME)?),
            flags: SchedulerFlags {
                flag_1: has(flag::SCHED1),
                flag_2: has(flag::SCHED2),
                flag_3: has(flag::SCHED3),
            },
            one_packet: has(flag::ONE_PACKET),
            persistence,
            engine: value(kind::PE_NAME).map(attribute::string),
        },
        statistics: value(kind::STATS64)
            .map(Statistics::decode)
            .unwrap_or_default(),
    })
}

/// `union nf_inet_addr`: 16 bytes, of which an IPv4 address takes the first four.
pub(super) fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            for (place, octet) in octets.iter_mut().zip(address.octets()) {
                *place = octet;
            }
            octets
        }
    }
}

/// An address of `union nf_inet_addr`.
pub(super) fn address(family: Family, value: &[u8]) -> Option<IpAddr> {
    match family {
        Family::V4 => Some(Ipv4Addr::from(*value.first_chunk::<4>()?).into()),
        Family::V6 => Some(Ipv6Addr::from(*value.first_chunk::<16>()?).into()),
    }
}

/// A port in network byte order.
pub(super) fn port(value: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*value.first_chunk()?))
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp => f.write_str("TCP"),
            Self::Udp => f.write_str("UDP"),
            Self::Sctp => f.write_str("SCTP"),
            Self::Other(number) => write!(f, "protocol {number}"),
        }
    }
}

/// `TCP 192.0.2.1:80`, `FWM 7`, `FWM 7 IPv6`.
impl fmt::Display for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Address {
                protocol,
                address,
                port,
            } => write!(f, "{protocol} {}", std::net::SocketAddr::new(address, port)),
            Self::Mark {
                mark,
                family: Family::V4,
            } => write!(f, "FWM {mark}"),
            Self::Mark {
                mark,
                family: Family::V6,
            } => write!(f, "FWM {mark} IPv6"),
        }
    }
}

#[cfg(test)]
mod tests;
