//! Virtual services, as the kernel has them and as its messages carry them. Pure.

use std::net::Ipv4Addr;

use super::key::{self, Family, ServiceKey};
use super::statistics::Statistics;
use crate::net::attribute::{self, Writer, values};

/// `IPVS_SVC_ATTR_*`.
pub(super) mod kind {
    pub(in super::super) const AF: u16 = 1;
    pub(in super::super) const PROTOCOL: u16 = 2;
    pub(in super::super) const ADDR: u16 = 3;
    pub(in super::super) const PORT: u16 = 4;
    pub(in super::super) const FWMARK: u16 = 5;
    pub(in super::super) const SCHED_NAME: u16 = 6;
    pub(in super::super) const FLAGS: u16 = 7;
    pub(in super::super) const TIMEOUT: u16 = 8;
    pub(in super::super) const NETMASK: u16 = 9;
    pub(in super::super) const PE_NAME: u16 = 11;
    pub(in super::super) const STATS64: u16 = 12;
}

/// How many types there are, 0 among them.
const KINDS: usize = kind::STATS64 as usize + 1;

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
    let values = values::<KINDS>(bytes);
    let value = |wanted: u16| values.get(usize::from(wanted)).copied().flatten();
    let family = Family::from_number(attribute::u16(value(kind::AF)?)?)?;
    let key = match value(kind::FWMARK) {
        Some(mark) => ServiceKey::Mark {
            mark: attribute::u32(mark)?,
            family,
        },
        None => ServiceKey::Address {
            protocol: attribute::u16(value(kind::PROTOCOL)?)?.into(),
            address: key::address(family, value(kind::ADDR)?)?,
            port: key::port(value(kind::PORT)?)?,
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

#[cfg(test)]
mod tests;
