//! Addresses of interfaces: list, add, remove.
//!
//! Which addresses belong on which interface, and when, is not decided here.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use nix::errno::Errno;
use nix::libc::{
    AF_INET, AF_INET6, IFA_ADDRESS, IFA_BROADCAST, IFA_CACHEINFO, IFA_F_DADFAILED,
    IFA_F_DEPRECATED, IFA_F_TENTATIVE, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, RTM_DELADDR, RTM_NEWADDR,
};
use serde::Serialize;

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};
use super::request::Request;

/// `INFINITY_LIFE_TIME` of `struct ifa_cacheinfo`.
const FOR_EVER: u32 = u32::MAX;

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
    /// The other end of a point-to-point link, with the prefix length that counts then. Only
    /// written, never read.
    pub peer: Option<IpNet>,
    /// `IFA_F_*` to add it with. Only written, never read.
    pub flags: u32,
    /// How long it may be chosen as a source; `None`: for ever. Only written, never read.
    pub preferred_lft: Option<Duration>,
    /// IPv6: not to be used yet, or never, since somebody else may have it. Only read.
    pub tentative: bool,
    /// Not to be chosen as a source any more, as with `preferred_lft 0`. Only read.
    pub deprecated: bool,
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
    let request = encode(RTM_NEWADDR, address);
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
    let request = encode(RTM_DELADDR, address);
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

fn encode(kind: u16, address: &Address) -> Request {
    let ip = address.address.addr();
    let family = match ip {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    };
    let other = address.peer.unwrap_or(address.address);
    let [i0, i1, i2, i3] = address.index.to_ne_bytes();
    let family = u8::try_from(family).unwrap_or_default();
    let header = [family, other.prefix_len(), 0, address.scope, i0, i1, i2, i3];
    let request = Request::new(kind, &header)
        .with_address(IFA_LOCAL, ip)
        .with_address(IFA_ADDRESS, other.addr());
    // Neither exists in IPv6, and the kernel ignores them there.
    let request = match &address.label {
        Some(label) => request.with_string(IFA_LABEL, label),
        None => request,
    };
    let broadcast = address.broadcast.map(|broadcast| broadcast.octets());
    let flags = (address.flags != 0).then(|| address.flags.to_ne_bytes());
    request
        .with_some(IFA_BROADCAST, broadcast)
        .with_some(IFA_FLAGS, flags)
        .with_some(IFA_CACHEINFO, address.preferred_lft.map(lifetimes))
}

/// `struct ifa_cacheinfo`: preferred, valid (seconds), created, updated.
fn lifetimes(preferred: Duration) -> Vec<u8> {
    let preferred = u32::try_from(preferred.as_secs()).unwrap_or(FOR_EVER);
    let words = [preferred, FOR_EVER, 0, 0];
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// `struct ifaddrmsg` and its attributes; `None` if it is no IP address.
///
/// ```text
///  family (1) prefix length (1) flags (1) scope (1) index (4)
/// ```
pub(super) fn decode(payload: &[u8]) -> Option<Address> {
    let (header, rest) = payload.split_at_checked(8)?;
    let [family, prefix_len, flags, scope] = *header.first_chunk()?;
    let mut flags = u32::from(flags);
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
            // The same as the header's, and those beyond 8 bits.
            IFA_FLAGS => flags = attribute::u32(value).unwrap_or(flags),
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
        tentative: flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED) != 0,
        deprecated: flags & IFA_F_DEPRECATED != 0,
        ..Address::default()
    })
}

#[cfg(test)]
mod tests;
