//! The neighbour tables (ARP and neighbour discovery): which Ethernet address a next hop has.
//!
//! When to look and when to ask again is `dataplane::nexthop`'s matter.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState as WireState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;
use nix::libc::{
    AF_INET, AF_INET6, NDA_DST, NDA_LLADDR, NUD_DELAY, NUD_FAILED, NUD_INCOMPLETE, NUD_NOARP,
    NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE, NUD_STALE,
};
use serde::Serialize;

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};

/// An entry of the neighbour tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// The interface it is reached by.
    pub index: u32,
    /// Its IP address.
    pub address: IpAddr,
    /// Its Ethernet address; `None` while it is not known. A failed entry may still show its
    /// last one: ask [`Neighbour::usable_mac`].
    pub mac: Option<[u8; 6]>,
    /// How sure the kernel is.
    pub state: NeighbourState,
}

/// How sure the kernel is of a neighbour (`NUD_*`; RFC 4861 section 7.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum NeighbourState {
    /// Not asked yet.
    None,
    /// Asked, no answer yet.
    Incomplete,
    /// It answered lately.
    Reachable,
    /// It has been silent for a while; nobody asks until somebody sends to it.
    Stale,
    /// Somebody sent to it; the kernel waits for a sign of life before it asks.
    Delay,
    /// Being asked whether it is still there.
    Probe,
    /// It does not answer.
    Failed,
    /// It needs no resolution.
    NoArp,
    /// Set by the operator.
    Permanent,
}

impl NeighbourState {
    /// Whether the kernel itself would send to the Ethernet address (`NUD_VALID` in
    /// include/net/neighbour.h).
    pub const fn is_valid(self) -> bool {
        match self {
            Self::Reachable
            | Self::Stale
            | Self::Delay
            | Self::Probe
            | Self::NoArp
            | Self::Permanent => true,
            Self::None | Self::Incomplete | Self::Failed => false,
        }
    }

    const fn from_bits(bits: u16) -> Self {
        match bits {
            NUD_INCOMPLETE => Self::Incomplete,
            NUD_REACHABLE => Self::Reachable,
            NUD_STALE => Self::Stale,
            NUD_DELAY => Self::Delay,
            NUD_PROBE => Self::Probe,
            NUD_FAILED => Self::Failed,
            NUD_NOARP => Self::NoArp,
            NUD_PERMANENT => Self::Permanent,
            _ => Self::None,
        }
    }
}

impl Neighbour {
    /// The Ethernet address, if the kernel itself would send to it.
    pub fn usable_mac(&self) -> Option<[u8; 6]> {
        self.mac.filter(|_| self.state.is_valid())
    }
}

/// Every entry of both families.
pub fn list(connection: &mut Connection) -> Result<Vec<Neighbour>, NetlinkError> {
    let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    connection.dump(&request, &"list the neighbours", |_, payload| {
        decode(payload)
    })
}

/// The entry of one address; `None` if the kernel has none.
pub fn get(
    connection: &mut Connection,
    index: u32,
    address: IpAddr,
) -> Result<Option<Neighbour>, NetlinkError> {
    let request = RouteNetlinkMessage::GetNeighbour(message(index, address));
    let what = format_args!("look up neighbour {address} of interface number {index}");
    match connection.query(request, &what, |_, payload| decode(payload)) {
        Ok(neighbour) => Ok(Some(neighbour)),
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the kernel ask for `address` now, and returns without waiting for the answer: that
/// comes over the monitor.
///
/// An unknown or failed neighbour is asked for by broadcast (ARP) or multicast (ND), a known one
/// at its Ethernet address, which stays in use meanwhile. Entries that need no resolution are
/// left alone.
///
/// `NTF_USE` is the kernel's "as if somebody sent to it" (`neigh_add` in net/core/neighbour.c):
/// it asks at once where no address is known. A known one would only be asked 5 s later and, while
/// REACHABLE, not at all; setting `NUD_PROBE` asks at once.
pub fn probe(connection: &mut Connection, index: u32, address: IpAddr) -> Result<(), NetlinkError> {
    let mut request = message(index, address);
    let flags = match get(connection, index, address)?.map(|neighbour| neighbour.state) {
        Some(NeighbourState::Permanent | NeighbourState::NoArp) => return Ok(()),
        Some(
            NeighbourState::Reachable
            | NeighbourState::Stale
            | NeighbourState::Delay
            | NeighbourState::Probe,
        ) => {
            request.header.state = WireState::Probe;
            NLM_F_REPLACE
        }
        Some(NeighbourState::None | NeighbourState::Incomplete | NeighbourState::Failed) | None => {
            request.header.flags = NeighbourFlags::Use;
            NLM_F_CREATE
        }
    };
    connection.execute(
        RouteNetlinkMessage::NewNeighbour(request),
        flags,
        &format_args!("ask for neighbour {address} on interface number {index}"),
    )
}

fn message(index: u32, address: IpAddr) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.ifindex = index;
    message
        .attributes
        .push(NeighbourAttribute::Destination(address.into()));
    message
}

/// `struct ndmsg` and its attributes; `None` for entries of bridges (`AF_BRIDGE`).
///
/// ```text
///  family (1) pad (3) index (4) state (2) flags (1) type (1)
/// ```
pub(super) fn decode(payload: &[u8]) -> Option<Neighbour> {
    let (header, rest) = payload.split_at_checked(12)?;
    if ![AF_INET, AF_INET6].contains(&i32::from(*header.first()?)) {
        return None;
    }
    let (mut address, mut mac) = (None, None);
    for (kind, value) in attributes(rest) {
        match kind {
            NDA_DST => address = attribute::address(value),
            NDA_LLADDR => mac = attribute::mac(value),
            _ => {}
        }
    }
    Some(Neighbour {
        index: attribute::u32(header.get(4..)?)?,
        address: address?,
        mac,
        state: NeighbourState::from_bits(attribute::u16(header.get(8..)?)?),
    })
}

#[cfg(test)]
mod tests;
