//! Which server an operator means. Pure.
//!
//! A virtual server is `ADDRESS:PORT`, `[IPV6]:PORT`, with `/tcp` or `/udp` behind it where the
//! protocol is in doubt, `fwmark:N`, `group:NAME`, or as the log has it: `[ADDRESS]:tcp:PORT`,
//! `FWM 7`, `[NAME]:tcp`. A real server is written as an address is; its port may be left out where
//! the address says enough.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::config::model::{AddressKey, Protocol, RealServerKey, VirtualServer, VirtualServerKey};
use crate::health::name::ServiceName;

/// Names that are listed when none fits.
const LISTED: usize = 8;

/// Nobody knows what is meant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// It is no name.
    #[error("`{text}` is no {what}: write ADDRESS:PORT, [IPV6]:PORT or {example}")]
    Syntax {
        /// What was given.
        text: String,
        /// What it should be.
        what: &'static str,
        /// As the log has it.
        example: &'static str,
    },
    /// It is not configured.
    #[error("there is no {what} {text}; there {known}")]
    Unknown {
        /// What was given.
        text: String,
        /// What it should be.
        what: String,
        /// Those that there are.
        known: String,
    },
    /// It could be several.
    #[error("{text} may be {candidates}: say which")]
    Ambiguous {
        /// What was given.
        text: String,
        /// All of them.
        candidates: String,
    },
}

/// What is known of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Written {
    address: IpAddr,
    port: Option<u16>,
    protocol: Option<Protocol>,
}

/// The virtual server that `text` names.
pub fn virtual_server<'a>(
    servers: &'a [VirtualServer],
    text: &str,
) -> Result<&'a VirtualServer, TargetError> {
    let written = parse(text).filter(|written| written.port.is_some());
    let meant = |server: &&VirtualServer| means(text, written.as_ref(), &server.key);
    let found: Vec<&VirtualServer> = servers.iter().filter(meant).collect();
    let named = ["fwmark:", "group:"]
        .iter()
        .any(|kind| text.starts_with(kind));
    if found.is_empty() && written.is_none() && !named {
        return Err(TargetError::Syntax {
            text: text.to_owned(),
            what: "virtual server",
            example: "[ADDRESS]:tcp:PORT, fwmark:N, group:NAME",
        });
    }
    let name = |server: &VirtualServer| server.key.to_string();
    one(
        text,
        &found,
        "virtual server".to_owned(),
        name,
        servers.iter(),
    )
}

/// The real server of `of` that `text` names.
pub fn real_server(of: &VirtualServer, text: &str) -> Result<RealServerKey, TargetError> {
    let written = parse(text).ok_or_else(|| TargetError::Syntax {
        text: text.to_owned(),
        what: "real server",
        example: "[ADDRESS]:tcp:PORT",
    })?;
    let keys: Vec<RealServerKey> = of.real_servers.iter().map(|server| server.key).collect();
    let meant = |key: &&RealServerKey| written.means_real(key, of.key.protocol());
    let found: Vec<&RealServerKey> = keys.iter().filter(meant).collect();
    let name = |key: &RealServerKey| ServiceName::of_real_server(&of.key, key).to_string();
    let what = format!("real server of virtual server {} called", of.key);
    one(text, &found, what, name, keys.iter()).copied()
}

fn one<'a, T>(
    text: &str,
    found: &[&'a T],
    what: String,
    name: impl Fn(&T) -> String,
    all: impl Iterator<Item = &'a T>,
) -> Result<&'a T, TargetError> {
    match found {
        [one] => Ok(one),
        [] => Err(TargetError::Unknown {
            text: text.to_owned(),
            what,
            known: list(all.map(name).collect()),
        }),
        several => Err(TargetError::Ambiguous {
            text: text.to_owned(),
            candidates: several
                .iter()
                .map(|it| name(it))
                .collect::<Vec<_>>()
                .join(" or "),
        }),
    }
}

fn list(names: Vec<String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let shown: Vec<String> = names.into_iter().take(LISTED).collect();
    match (shown.as_slice(), more) {
        ([], _) => "are none".to_owned(),
        ([one], 0) => format!("is {one}"),
        (some, 0) => format!("are {}", some.join(", ")),
        (some, more) => format!("are {} and {more} more", some.join(", ")),
    }
}

/// Whether `text`, of which `written` is the address, may name this virtual server.
fn means(text: &str, written: Option<&Written>, key: &VirtualServerKey) -> bool {
    let as_logged = || text == key.to_string();
    match key {
        VirtualServerKey::Address(key) => written.is_some_and(|it| it.means_virtual(key)),
        VirtualServerKey::Fwmark(mark) => {
            let number = text.strip_prefix("fwmark:").and_then(|it| it.parse().ok());
            number == Some(mark.fwmark) || as_logged()
        }
        VirtualServerKey::Group(group) => {
            text.strip_prefix("group:") == Some(group.group.as_str()) || as_logged()
        }
    }
}

impl Written {
    fn means_virtual(&self, key: &AddressKey) -> bool {
        let protocol = self.protocol.unwrap_or(key.protocol);
        (self.address, self.port, protocol) == (key.address, Some(key.port), key.protocol)
    }

    /// `protocol` is the virtual server's; a mark has none.
    fn means_real(&self, key: &RealServerKey, protocol: Option<Protocol>) -> bool {
        self.address == key.address
            && self.port.is_none_or(|port| port == key.port)
            && (self.protocol.is_none() || self.protocol == protocol)
    }
}

fn parse(text: &str) -> Option<Written> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, name)) => (rest, Some(protocol(name)?)),
        None => (text, None),
    };
    if let Ok(address) = rest.parse::<SocketAddr>() {
        return Some(Written {
            address: address.ip(),
            port: Some(address.port()),
            protocol,
        });
    }
    if let Ok(address) = rest.parse::<IpAddr>() {
        return Some(Written {
            address,
            port: None,
            protocol,
        });
    }
    as_logged(rest).filter(|_| protocol.is_none())
}

/// `[10.0.0.2]:tcp:80`
fn as_logged(text: &str) -> Option<Written> {
    let (address, rest) = text.strip_prefix('[')?.split_once("]:")?;
    let (name, port) = rest.split_once(':')?;
    Some(Written {
        address: address.parse().ok()?,
        port: Some(port.parse().ok()?),
        protocol: Some(protocol(name)?),
    })
}

fn protocol(name: &str) -> Option<Protocol> {
    match name.to_ascii_lowercase().as_str() {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        _other => None,
    }
}

#[cfg(test)]
mod tests;
