//! The filter `--vip ADDR[:PORT]`.

use std::fmt;
use std::net::{AddrParseError, IpAddr, SocketAddr};
use std::str::FromStr;

use super::model::{
    AddressesView, BackendView, Checks, ConnectionView, Endpoint, InstanceView, ServiceView,
};

/// One virtual address, with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vip {
    /// The address.
    pub address: IpAddr,
    /// The port; `None`: any.
    pub port: Option<u16>,
}

/// What stands behind `--vip` is no virtual address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no virtual address; write 192.0.2.1, 192.0.2.1:80, 2001:db8::1 or [2001:db8::1]:80"
)]
pub struct VipError {
    text: String,
    source: AddrParseError,
}

impl FromStr for Vip {
    type Err = VipError;

    fn from_str(text: &str) -> Result<Self, VipError> {
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(Self {
                address: socket.ip(),
                port: Some(socket.port()),
            });
        }
        let bare = text
            .strip_prefix('[')
            .and_then(|text| text.strip_suffix(']'))
            .unwrap_or(text);
        bare.parse()
            .map(|address| Self {
                address,
                port: None,
            })
            .map_err(|source| VipError {
                text: text.into(),
                source,
            })
    }
}

/// As it is typed.
impl fmt::Display for Vip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
            None => self.address.fmt(f),
        }
    }
}

impl Vip {
    /// Whether `endpoint` is meant.
    pub fn matches(&self, endpoint: &Endpoint) -> bool {
        self.address == endpoint.address && self.port.is_none_or(|port| port == endpoint.port)
    }

    /// Whether this virtual server is meant.
    pub fn matches_service(&self, service: &ServiceView) -> bool {
        let is_among = |line: &AddressesView| {
            let ports = line.first_port..=line.last_port;
            (line.first..=line.last).contains(&self.address)
                && self.port.is_none_or(|port| ports.contains(&port))
        };
        self.matches(&service.endpoint) || service.addresses.iter().any(is_among)
    }

    /// The checks of what is meant; `None`: they are not known.
    pub fn of_checks(&self, checks: Checks) -> Option<Checks> {
        match checks {
            Checks::Known(mut list) => {
                list.retain(|check| check.address.is_some_and(|it| self.matches(&it)));
                Some(Checks::Known(list))
            }
            Checks::Unknown(_) => None,
        }
    }

    /// Whether the flow goes to what is meant.
    pub fn matches_connection(&self, connection: &ConnectionView) -> bool {
        self.matches(&connection.r#virtual)
    }

    /// Whether the slot serves what is meant.
    pub fn matches_backend(&self, backend: &BackendView) -> bool {
        self.matches(&backend.r#virtual)
    }

    /// Whether the instance carries the address; ports do not matter to VRRP.
    pub fn matches_instance(&self, instance: &InstanceView) -> bool {
        let mut addresses = instance.virtual_ipaddress.iter();
        addresses.any(|carried| carried.addr() == self.address)
    }
}

#[cfg(test)]
mod tests;
