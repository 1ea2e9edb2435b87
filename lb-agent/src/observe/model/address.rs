//! Who talks to whom: protocols, endpoints, Ethernet addresses.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize, Serializer};

use crate::config::model::VirtualServerKey;

/// Layer-4 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// None: packets with a firewall mark.
    Fwm,
}

impl Protocol {
    /// The name as in `ipvsadm`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
            Self::Sctp => "SCTP",
            Self::Fwm => "FWM",
        }
    }
}

/// An address and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
}

/// That of a virtual server; one for a mark or a group has none of its own.
impl From<&VirtualServerKey> for Option<Endpoint> {
    fn from(key: &VirtualServerKey) -> Self {
        match key {
            VirtualServerKey::Address(key) => Some(Endpoint {
                address: key.address,
                port: key.port,
            }),
            VirtualServerKey::Fwmark(_) | VirtualServerKey::Group(_) => None,
        }
    }
}

/// `192.0.2.1:80` or `[2001:db8::1]:80`.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = std::net::SocketAddr::new(self.address, self.port).to_string();
        f.pad(&text)
    }
}

/// An Ethernet address, `02:00:00:00:00:01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = self.0.map(|octet| format!("{octet:02x}"));
        f.write_str(&octets.join(":"))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let octets: Option<Vec<u8>> = text
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16).ok())
            .collect();
        octets
            .and_then(|octets| octets.try_into().ok())
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no Ethernet address")))
    }
}
