//! How log lines and listings name a service: `[10.0.0.2]:tcp:80`.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::config::model::{Protocol, RealServerKey, VirtualServerKey};

/// Address, protocol and port of a real server, written as keepalived writes them. Virtual servers
/// are named by their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceName {
    address: IpAddr,
    /// `None`: its virtual server is for a mark.
    protocol: Option<Protocol>,
    port: u16,
}

impl ServiceName {
    /// The name of a real server, or of the sorry server, of `virtual_server`: it takes the
    /// protocol from there.
    #[must_use]
    pub fn of_real_server(virtual_server: &VirtualServerKey, key: &RealServerKey) -> Self {
        Self {
            address: key.address,
            protocol: virtual_server.protocol(),
            port: key.port,
        }
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = self.protocol.map_or("none", Protocol::name);
        write!(f, "[{}]:{protocol}:{}", self.address, self.port)
    }
}

/// Whom a checker's lines are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A real server, whatever virtual servers it is of.
    Server(ServiceName),
    /// A real server of one virtual server: keepalived names both where a script is run, and where an echo
    /// request fails.
    Pair {
        /// The real server.
        real_server: ServiceName,
        /// Its virtual server.
        virtual_server: VirtualServerKey,
    },
}

impl Subject {
    /// The real server alone.
    #[must_use]
    pub const fn real_server(&self) -> &ServiceName {
        match self {
            Self::Server(real_server) | Self::Pair { real_server, .. } => real_server,
        }
    }

    /// Both, in the words of `PING_CHECK`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Server(real_server) => real_server.to_string(),
            Self::Pair {
                real_server,
                virtual_server,
            } => format!("{real_server} of {virtual_server}"),
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(name) => name.fmt(f),
            Self::Pair {
                real_server,
                virtual_server,
            } => write!(f, "{real_server} VS {virtual_server}"),
        }
    }
}

impl Serialize for ServiceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
