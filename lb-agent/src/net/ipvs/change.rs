//! What one can ask IPVS to change, and the messages for it. Pure.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::daemon::{Role, SyncDaemon};
use super::destination::{Destination, DestinationKey};
use super::key::ServiceKey;
use super::service::Service;
use crate::net::attribute::Writer;
use crate::net::generic::Message;
use crate::net::netlink::TOGETHER;

/// `IPVS_CMD_*`.
pub(super) mod command {
    pub(in super::super) const NEW_SERVICE: u8 = 1;
    pub(in super::super) const SET_SERVICE: u8 = 2;
    pub(in super::super) const DEL_SERVICE: u8 = 3;
    pub(in super::super) const GET_SERVICE: u8 = 4;
    pub(in super::super) const NEW_DEST: u8 = 5;
    pub(in super::super) const SET_DEST: u8 = 6;
    pub(in super::super) const DEL_DEST: u8 = 7;
    pub(in super::super) const GET_DEST: u8 = 8;
    pub(in super::super) const NEW_DAEMON: u8 = 9;
    pub(in super::super) const DEL_DAEMON: u8 = 10;
    pub(in super::super) const GET_DAEMON: u8 = 11;
    pub(in super::super) const SET_CONFIG: u8 = 12;
    pub(in super::super) const GET_CONFIG: u8 = 13;
    pub(in super::super) const GET_INFO: u8 = 15;
    pub(in super::super) const ZERO: u8 = 16;
    pub(in super::super) const FLUSH: u8 = 17;
}

/// `IPVS_CMD_ATTR_*`.
pub(super) mod kind {
    pub(in super::super) const SERVICE: u16 = 1;
    pub(in super::super) const DEST: u16 = 2;
    pub(in super::super) const DAEMON: u16 = 3;
    pub(in super::super) const TIMEOUT_TCP: u16 = 4;
    pub(in super::super) const TIMEOUT_TCP_FIN: u16 = 5;
    pub(in super::super) const TIMEOUT_UDP: u16 = 6;
}

/// `IPVS_GENL_VERSION`.
const VERSION: u8 = 1;

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Makes a service, without servers.
    NewService(Service),
    /// Changes the settings of a service.
    SetService(Service),
    /// Takes a service out, with its servers.
    DeleteService(ServiceKey),
    /// Makes a server in a service.
    NewDestination(ServiceKey, Destination),
    /// Changes the settings of a server; its connections stay.
    SetDestination(ServiceKey, Destination),
    /// Takes a server out. What becomes of its connections is the sysctl's matter:
    /// `net.ipv4.vs.expire_nodest_conn`.
    DeleteDestination(ServiceKey, DestinationKey),
    /// Starts a sync daemon.
    StartDaemon(SyncDaemon),
    /// Stops a sync daemon.
    StopDaemon(Role),
    /// Sets how long connections without packets are remembered.
    SetTimeouts(Timeouts),
    /// Sets the counters of a service and its servers to zero; of all without a key.
    Zero(Option<ServiceKey>),
    /// Takes everything out, whoever made it.
    Flush,
}

/// How long connections without packets are remembered (`lvs_timeouts`), seconds; 0 in a change:
/// as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Of TCP, established.
    pub tcp: u32,
    /// Of TCP, after a FIN.
    pub tcp_fin: u32,
    /// Of UDP.
    pub udp: u32,
}

/// `changes` in pieces that each go out with one system call. None ends between a server that is taken
/// out and the same one added again.
pub(super) fn pieces(mut changes: &[Change]) -> impl Iterator<Item = &[Change]> {
    std::iter::from_fn(move || {
        let most = changes.len().min(TOGETHER);
        let (piece, later) = changes.split_at(most);
        let is_torn = is_put_back(piece.last()?, later.first());
        let (piece, later) = changes.split_at(most - usize::from(is_torn));
        changes = later;
        Some(piece)
    })
}

/// Whether `next` adds the server again that `change` takes out.
fn is_put_back(change: &Change, next: Option<&Change>) -> bool {
    matches!(
        (change, next),
        (Change::DeleteDestination(service, server), Some(Change::NewDestination(same, again)))
            if service == same && *server == again.key
    )
}

impl Change {
    /// The service that it is about, if it is about one.
    pub const fn service(&self) -> Option<ServiceKey> {
        match self {
            Self::NewService(service) | Self::SetService(service) => Some(service.key),
            Self::DeleteService(key)
            | Self::NewDestination(key, _)
            | Self::SetDestination(key, _)
            | Self::DeleteDestination(key, _) => Some(*key),
            Self::Zero(key) => *key,
            Self::StartDaemon(_) | Self::StopDaemon(_) | Self::SetTimeouts(_) | Self::Flush => None,
        }
    }

    /// The message to the family with this number.
    pub(super) fn message(&self, family: u16) -> Message {
        let mut attributes = Writer::default();
        let command = self.encode(&mut attributes);
        message(family, command, attributes)
    }

    /// Writes the attributes; gives the command.
    fn encode(&self, attributes: &mut Writer) -> u8 {
        let mut inner = Writer::default();
        match self {
            Self::NewService(service) => {
                service.encode(&mut inner);
                attributes.nested(kind::SERVICE, &inner);
                command::NEW_SERVICE
            }
            Self::SetService(service) => {
                service.encode(&mut inner);
                attributes.nested(kind::SERVICE, &inner);
                command::SET_SERVICE
            }
            Self::DeleteService(key) => {
                attributes.nested(kind::SERVICE, &named(*key));
                command::DEL_SERVICE
            }
            Self::NewDestination(key, destination) => {
                destination.encode(&mut inner);
                attributes
                    .nested(kind::SERVICE, &named(*key))
                    .nested(kind::DEST, &inner);
                command::NEW_DEST
            }
            Self::SetDestination(key, destination) => {
                destination.encode(&mut inner);
                attributes
                    .nested(kind::SERVICE, &named(*key))
                    .nested(kind::DEST, &inner);
                command::SET_DEST
            }
            Self::DeleteDestination(key, destination) => {
                destination.encode(&mut inner);
                attributes
                    .nested(kind::SERVICE, &named(*key))
                    .nested(kind::DEST, &inner);
                command::DEL_DEST
            }
            Self::StartDaemon(daemon) => {
                daemon.encode(&mut inner);
                attributes.nested(kind::DAEMON, &inner);
                command::NEW_DAEMON
            }
            Self::StopDaemon(role) => {
                role.encode(&mut inner);
                attributes.nested(kind::DAEMON, &inner);
                command::DEL_DAEMON
            }
            Self::SetTimeouts(timeouts) => {
                attributes
                    .u32(kind::TIMEOUT_TCP, timeouts.tcp)
                    .u32(kind::TIMEOUT_TCP_FIN, timeouts.tcp_fin)
                    .u32(kind::TIMEOUT_UDP, timeouts.udp);
                command::SET_CONFIG
            }
            Self::Zero(key) => {
                if let Some(key) = key {
                    attributes.nested(kind::SERVICE, &named(*key));
                }
                command::ZERO
            }
            Self::Flush => command::FLUSH,
        }
    }
}

/// A message of IPVS.
pub(super) fn message(family: u16, command: u8, attributes: Writer) -> Message {
    Message {
        family,
        command,
        version: VERSION,
        attributes,
    }
}

/// What names a service.
pub(super) fn named(key: ServiceKey) -> Writer {
    let mut attributes = Writer::default();
    key.encode(&mut attributes);
    attributes
}

/// Completes "cannot …".
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NewService(service) => write!(f, "add virtual service {} to IPVS", service.key),
            Self::SetService(service) => {
                write!(f, "change virtual service {} in IPVS", service.key)
            }
            Self::DeleteService(key) => write!(f, "remove virtual service {key} from IPVS"),
            Self::NewDestination(key, to) => {
                write!(f, "add server {} to virtual service {key} in IPVS", to.key)
            }
            Self::SetDestination(key, to) => {
                write!(
                    f,
                    "change server {} of virtual service {key} in IPVS",
                    to.key
                )
            }
            Self::DeleteDestination(key, to) => {
                write!(f, "remove server {to} from virtual service {key} in IPVS")
            }
            Self::StartDaemon(daemon) => write!(
                f,
                "start IPVS's sync daemon ({}) on {}",
                daemon.role, daemon.interface
            ),
            Self::StopDaemon(role) => write!(f, "stop IPVS's sync daemon ({role})"),
            Self::SetTimeouts(_) => write!(f, "set IPVS's timeouts"),
            Self::Zero(None) => write!(f, "zero IPVS's counters"),
            Self::Zero(Some(key)) => {
                write!(f, "zero the counters of virtual service {key} in IPVS")
            }
            Self::Flush => write!(f, "empty IPVS's tables"),
        }
    }
}

#[cfg(test)]
mod tests;
