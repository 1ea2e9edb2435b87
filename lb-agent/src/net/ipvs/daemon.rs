//! The sync daemon, which tells connections to the other director (`lvs_sync_daemon`). Pure.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::net::attribute::{self, Writer, values};

/// `IPVS_DAEMON_ATTR_*`.
mod kind {
    pub(super) const STATE: u16 = 1;
    pub(super) const MCAST_IFN: u16 = 2;
    pub(super) const SYNC_ID: u16 = 3;
    pub(super) const SYNC_MAXLEN: u16 = 4;
    pub(super) const MCAST_GROUP: u16 = 5;
    pub(super) const MCAST_GROUP6: u16 = 6;
    pub(super) const MCAST_PORT: u16 = 7;
    pub(super) const MCAST_TTL: u16 = 8;
}

/// How many types there are, 0 among them.
const KINDS: usize = kind::MCAST_TTL as usize + 1;

/// What a sync daemon does. One of each can run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Tells.
    Master,
    /// Listens.
    Backup,
}

/// A sync daemon. What is `None` is left to the kernel, which says what it has chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncDaemon {
    /// What it does.
    pub role: Role,
    /// The interface, at most 15 bytes.
    pub interface: String,
    /// Which daemons belong together, 0–255; a backup of 0 listens to all.
    pub sync_id: u8,
    /// Longest message, bytes of UDP payload, 1–65 507; by default what the interface's MTU has
    /// room for.
    pub max_length: Option<u16>,
    /// Multicast group; by default 224.0.0.81.
    pub group: Option<IpAddr>,
    /// UDP port; by default 8848.
    pub port: Option<u16>,
    /// TTL or hop limit; by default 1.
    pub ttl: Option<u8>,
}

impl Role {
    /// `IP_VS_STATE_*`.
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Master => 1,
            Self::Backup => 2,
        }
    }

    /// Writes whose end is wanted.
    pub(super) fn encode(self, attributes: &mut Writer) {
        attributes.u32(kind::STATE, self.number());
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Master => "master",
            Self::Backup => "backup",
        })
    }
}

impl SyncDaemon {
    /// Writes the daemon with all its settings.
    pub(super) fn encode(&self, attributes: &mut Writer) {
        self.role.encode(attributes);
        attributes
            .string(kind::MCAST_IFN, &self.interface)
            .u32(kind::SYNC_ID, self.sync_id.into());
        if let Some(length) = self.max_length {
            attributes.u16(kind::SYNC_MAXLEN, length);
        }
        if let Some(port) = self.port {
            attributes.u16(kind::MCAST_PORT, port);
        }
        if let Some(ttl) = self.ttl {
            attributes.u8(kind::MCAST_TTL, ttl);
        }
        match self.group {
            Some(IpAddr::V4(group)) => {
                attributes.put(kind::MCAST_GROUP, &group.octets());
            }
            Some(IpAddr::V6(group)) => {
                attributes.put(kind::MCAST_GROUP6, &group.octets());
            }
            None => {}
        }
    }
}

/// Reads `IPVS_CMD_ATTR_DAEMON`; `None` if something is missing that every daemon has.
pub(super) fn decode(bytes: &[u8]) -> Option<SyncDaemon> {
    let values = values::<KINDS>(bytes);
    let value = |wanted: u16| values.get(usize::from(wanted)).copied().flatten();
    let state = attribute::u32(value(kind::STATE)?)?;
    let group = |value: &[u8]| Some(IpAddr::from(Ipv4Addr::from(*value.first_chunk::<4>()?)));
    let group6 = |value: &[u8]| Some(IpAddr::from(Ipv6Addr::from(*value.first_chunk::<16>()?)));
    Some(SyncDaemon {
        role: [Role::Master, Role::Backup]
            .into_iter()
            .find(|role| role.number() == state)?,
        interface: attribute::string(value(kind::MCAST_IFN)?),
        sync_id: attribute::u32(value(kind::SYNC_ID)?)?.try_into().ok()?,
        max_length: value(kind::SYNC_MAXLEN).and_then(attribute::u16),
        group: value(kind::MCAST_GROUP)
            .and_then(group)
            .or_else(|| value(kind::MCAST_GROUP6).and_then(group6)),
        port: value(kind::MCAST_PORT).and_then(attribute::u16),
        ttl: value(kind::MCAST_TTL).and_then(|it| it.first().copied()),
    })
}

#[cfg(test)]
mod tests;
