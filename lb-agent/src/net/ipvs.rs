//! The kernel's own load balancer, IPVS, over generic netlink (family "IPVS",
//! `include/uapi/linux/ip_vs.h`).
//!
//! [`Ipvs`] reads the kernel's tables and carries out [`Change`]s, many with one system call. What
//! a table should hold, and which of what it holds is ours, is decided in `dataplane::ipvs`.
//!
//! The scheduler of a service is a module of its own; the kernel loads it when a service asks for
//! it. The tables belong to the network namespace that [`Ipvs`] was opened in.

mod change;
mod daemon;
mod destination;
mod error;
#[cfg(test)]
mod golden;
mod key;
mod module;
mod service;
mod statistics;

use std::fmt;
use std::path::Path;

use netlink_sys::protocols::NETLINK_GENERIC;

pub use self::change::{Change, Timeouts};
pub use self::daemon::{Role, SyncDaemon};
pub use self::destination::{
    Checksum, Destination, DestinationEntry, DestinationKey, Forwarding, Tunnel,
};
pub use self::error::IpvsError;
pub use self::key::{Family, Protocol, ServiceKey};
pub use self::module::load;
pub use self::service::{Granularity, Persistence, SchedulerFlags, Service, ServiceEntry};
pub use self::statistics::{Figures, Statistics};

use self::change::{command, kind, pieces};
use super::attribute::{self, Writer, attributes};
use super::generic::{self, Message};
use super::netlink::Connection;

/// `IPVS_GENL_NAME`.
const FAMILY: &str = "IPVS";

/// Where the kernel shows the tables for people, as long as the module is there.
const TABLE: &str = "/proc/net/ip_vs";

/// A connection to IPVS.
pub struct Ipvs {
    connection: Connection,
    family: u16,
}

/// What IPVS says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Its version; 1.2.1 since 2008.
    pub version: Version,
    /// Buckets of the connection table.
    pub table_size: u32,
}

/// `1.2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(u32);

/// A service in the kernel, with its servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The service.
    pub service: ServiceEntry,
    /// Its servers, in the kernel's order.
    pub destinations: Vec<DestinationEntry>,
}

/// A change that the kernel has refused.
#[derive(Debug)]
pub struct Refused {
    /// Its place among those that were asked for.
    pub number: usize,
    /// Why.
    pub error: IpvsError,
}

impl Ipvs {
    /// Opens a connection, loading the module if it is not there.
    pub fn open() -> Result<Self, IpvsError> {
        let mut connection = Connection::with_protocol(NETLINK_GENERIC)?;
        if let Some(family) = generic::family(&mut connection, FAMILY)? {
            return Ok(Self { connection, family });
        }
        let loaded = load(&[]);
        match (generic::family(&mut connection, FAMILY)?, loaded) {
            (Some(family), _) => Ok(Self { connection, family }),
            (None, Err(reason)) => Err(IpvsError::Missing { reason }),
            (None, Ok(())) => Err(IpvsError::Missing {
                reason: "the module is loaded, but does not answer".to_owned(),
            }),
        }
    }

    /// Whether the module is there.
    pub fn is_loaded() -> bool {
        Path::new(TABLE).exists()
    }

    /// Opens a connection if the module is there already; loads nothing. Asked for a family that it
    /// does not know, the kernel would start modprobe itself, and wait for it (`ctrl_getfamily`).
    pub fn open_if_loaded() -> Result<Option<Self>, IpvsError> {
        if !Self::is_loaded() {
            return Ok(None);
        }
        let mut connection = Connection::with_protocol(NETLINK_GENERIC)?;
        let family = generic::family(&mut connection, FAMILY)?;
        Ok(family.map(|family| Self { connection, family }))
    }

    /// What IPVS says of itself.
    pub fn info(&mut self) -> Result<Info, IpvsError> {
        let request = self.request(command::GET_INFO, Writer::default());
        let what = "ask IPVS for its version";
        let info = self.connection.query(request, &what, |_, message| {
            // IPVS_INFO_ATTR_*.
            Some(Info {
                version: Version(attribute::u32(find(message, 1)?)?),
                table_size: attribute::u32(find(message, 2)?)?,
            })
        });
        info.map_err(IpvsError::asked)
    }

    /// Every service, in the kernel's order: one request.
    pub fn services(&mut self) -> Result<Vec<ServiceEntry>, IpvsError> {
        let request = self.request(command::GET_SERVICE, Writer::default());
        let what = "list IPVS's services";
        let services = self.connection.dump(&request, &what, |_, message| {
            service::decode(find(message, kind::SERVICE)?)
        });
        services.map_err(IpvsError::asked)
    }

    /// Every service with its servers, in the kernel's order: a request more for each service.
    pub fn table(&mut self) -> Result<Vec<Entry>, IpvsError> {
        let services = self.services()?;
        let entry = |service: ServiceEntry| {
            let destinations = self.destinations(service.service.key)?;
            Ok(Entry {
                service,
                destinations,
            })
        };
        services.into_iter().map(entry).collect()
    }

    /// The servers of a service; none if there is no such service.
    fn destinations(&mut self, key: ServiceKey) -> Result<Vec<DestinationEntry>, IpvsError> {
        let mut attributes = Writer::default();
        attributes.nested(kind::SERVICE, &change::named(key));
        let request = self.request(command::GET_DEST, attributes);
        let what = format_args!("list the servers of virtual service {key} in IPVS");
        let servers = self.connection.dump(&request, &what, |_, message| {
            destination::decode(key.family(), find(message, kind::DEST)?)
        });
        servers.map_err(IpvsError::asked)
    }

    /// How long connections without packets are remembered.
    pub fn timeouts(&mut self) -> Result<Timeouts, IpvsError> {
        let request = self.request(command::GET_CONFIG, Writer::default());
        let what = "ask IPVS for its timeouts";
        let timeouts = self.connection.query(request, &what, |_, message| {
            let seconds = |wanted| attribute::u32(find(message, wanted)?);
            Some(Timeouts {
                tcp: seconds(kind::TIMEOUT_TCP)?,
                tcp_fin: seconds(kind::TIMEOUT_TCP_FIN)?,
                udp: seconds(kind::TIMEOUT_UDP)?,
            })
        });
        timeouts.map_err(IpvsError::asked)
    }

    /// The sync daemons that run.
    pub fn daemons(&mut self) -> Result<Vec<SyncDaemon>, IpvsError> {
        let request = self.request(command::GET_DAEMON, Writer::default());
        let what = "list IPVS's sync daemons";
        let daemons = self.connection.dump(&request, &what, |_, message| {
            daemon::decode(find(message, kind::DAEMON)?)
        });
        daemons.map_err(IpvsError::asked)
    }

    /// Carries out one change.
    pub fn change(&mut self, change: &Change) -> Result<(), IpvsError> {
        let mut refused = self.change_all(std::slice::from_ref(change))?;
        refused.pop().map_or(Ok(()), |it| Err(it.error))
    }

    /// Carries out changes in their order, and gives those that the kernel has refused: the others
    /// are done. An error means that it is not known which are done; [`IpvsError::Unloaded`], that
    /// this connection is of no use any more.
    ///
    /// A server that is taken out and added again right after is out for one system call.
    pub fn change_all(&mut self, changes: &[Change]) -> Result<Vec<Refused>, IpvsError> {
        let mut refused = Vec::new();
        let mut done = 0;
        for piece in pieces(changes) {
            let some = self.change_some(piece)?;
            refused.extend(some.into_iter().map(|it| Refused {
                number: done + it.number,
                error: it.error,
            }));
            done += piece.len();
        }
        Ok(refused)
    }

    fn change_some(&mut self, changes: &[Change]) -> Result<Vec<Refused>, IpvsError> {
        let family = self.family;
        let messages = changes.iter().map(|change| change.message(family));
        let describe = |number: usize| {
            changes
                .get(number)
                .map_or_else(String::new, ToString::to_string)
        };
        let refused = self.connection.execute_all(messages, &describe)?;
        let mut explained = Vec::with_capacity(refused.len());
        for (number, error) in refused {
            let Some(change) = changes.get(number) else {
                continue;
            };
            if IpvsError::is_unloaded(change, &error) {
                return Err(IpvsError::Unloaded(error));
            }
            let error = IpvsError::refused(change, error);
            explained.push(Refused { number, error });
        }
        Ok(explained)
    }

    fn request(&self, command: u8, attributes: Writer) -> Message {
        change::message(self.family, command, attributes)
    }
}

/// The attribute `wanted` of an answer.
fn find(message: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(generic::payload(message)?)
        .find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, major, minor, patch] = self.0.to_be_bytes();
        write!(f, "{major}.{minor}.{patch}")
    }
}
