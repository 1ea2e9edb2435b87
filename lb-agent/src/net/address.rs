//! Addresses of interfaces: list, add, remove.
//!
//! Which addresses belong on which interface, and when, is not decided here.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressMessage, AddressScope};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use nix::libc::{AF_INET, AF_INET6, IFA_ADDRESS, IFA_BROADCAST, IFA_LABEL, IFA_LOCAL};
use serde::Serialize;

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};

/// An address of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Address {
    /// The interface.
    pub index: u32,
    /// The address itself with its prefix length, host bits kept.
    pub address: IpNet,
    /// The label, IPv4 only, at most 15 bytes; the kernel gives the interface's name where there
    /// is none.
    pub label: Option<String>,
    /// `RT_SCOPE_*`: 0 global, 200 site, 253 link, 254 host.
    pub scope: u8,
    /// The broadcast address, IPv4 only.
    pub broadcast: Option<Ipv4Addr>,
}

/// What [`add`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there because of us.
    New,
    /// The interface had it, with this prefix length, before.
    AlreadyThere,
}

/// What [`remove`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It was there and is gone.
    Gone,
    /// The interface did not have it, or is itself gone.
    WasNotThere,
}

/// Every address of every interface of the namespace, of both families.
pub fn list(connection: &mut Connection) -> Result<Vec<Address>, NetlinkError> {
    let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    connection.dump(&request, &"list the addresses", |_, payload| {
        decode(payload)
    })
}

/// Gives an interface an address, for ever (no lifetime).
pub fn add(connection: &mut Connection, address: &Address) -> Result<Added, NetlinkError> {
    let request = RouteNetlinkMessage::NewAddress(encode(address));
    let what = format_args!(
        "add {} to interface number {}",
        address.address, address.index
    );
    match connection.execute(request, NLM_F_CREATE | NLM_F_EXCL, &what) {
        Ok(()) => Ok(Added::New),
        Err(error) if error.errno() == Some(Errno::EEXIST) => Ok(Added::AlreadyThere),
        Err(error) => Err(error),
    }
}

/// Takes an address from an interface. Only the interface, the address, its prefix length and a
/// label, if given, choose the address.
pub fn remove(connection: &mut Connection, address: &Address) -> Result<Removed, NetlinkError> {
    let request = RouteNetlinkMessage::DelAddress(encode(address));
    let what = format_args!(
        "remove {} from interface number {}",
        address.address, address.index
    );
    match connection.execute(request, 0, &what) {
        Ok(()) => Ok(Removed::Gone),
        Err(error) => match error.errno() {
            Some(Errno::EADDRNOTAVAIL | Errno::ENODEV) => Ok(Removed::WasNotThere),
            _ => Err(error),
        },
    }
}

fn encode(address: &Address) -> AddressMessage {
    let ip = address.address.addr();
    let mut message = AddressMessage::default();
    message.header.family = match ip {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.prefix_len = address.address.prefix_len();
    message.header.scope = AddressScope::from(address.scope);
    message.header.index = address.index;
    message.attributes.push(AddressAttribute::Local(ip));
    message.attributes.push(AddressAttribute::Address(ip));
    // Neither exists in IPv6, and the kernel ignores them there.
    message
        .attributes
        .extend(address.label.clone().map(AddressAttribute::Label));
    message
        .attributes
        .extend(address.broadcast.map(AddressAttribute::Broadcast));
    message
}

/// `struct ifaddrmsg` and its attributes; `None` if it is no IP address.
///
/// ```text
///  family (1) prefix length (1) flags (1) scope (1) index (4)
/// ```
pub(super) fn decode(payload: &[u8]) -> Option<Address> {
    let (header, rest) = payload.split_at_checked(8)?;
    let [family, prefix_len, _, scope] = *header.first_chunk()?;
    if ![AF_INET, AF_INET6].contains(&i32::from(family)) {
        return None;
    }
    let (mut local, mut peer, mut label, mut broadcast) = (None, None, None, None);
    for (kind, value) in attributes(rest) {
        match kind {
            IFA_LOCAL => local = attribute::address(value),
            // The other end of a point-to-point link, else the same as IFA_LOCAL; IPv6 sends
            // only this one.
            IFA_ADDRESS => peer = attribute::address(value),
            IFA_LABEL => label = Some(attribute::string(value)),
            IFA_BROADCAST => broadcast = attribute::address(value),
            _ => {}
        }
    }
    Some(Address {
        index: attribute::u32(header.get(4..)?)?,
        address: IpNet::new(local.or(peer)?, prefix_len).ok()?,
        label,
        scope,
        broadcast: match broadcast {
            Some(IpAddr::V4(broadcast)) => Some(broadcast),
            Some(IpAddr::V6(_)) | None => None,
        },
    })
}

#[cfg(test)]
mod tests;
