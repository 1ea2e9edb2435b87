//! What changes in the kernel, as it changes.
//!
//! The kernel drops notifications when nobody reads them in time, and says so once:
//! [`Event::Overrun`]. Whoever keeps a picture then reads the lists again.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::errno::Errno;
use nix::libc::{
    RTM_DELADDR, RTM_DELLINK, RTM_DELNEIGH, RTM_DELROUTE, RTM_DELRULE, RTM_NEWADDR, RTM_NEWLINK,
    RTM_NEWNEIGH, RTM_NEWROUTE, RTM_NEWRULE, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
    RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE, RTNLGRP_LINK,
    RTNLGRP_NEIGH,
};
use nix::sys::socket::{setsockopt, sockopt};
use serde::Serialize;

use super::address::{self, Address};
use super::link::{self, Link};
use super::neighbour::{self, Neighbour};
use super::netlink::frame::{Content, Frame, frames};
use super::netlink::{NetlinkError, receive};

/// Room for notifications that nobody has read yet, bytes: some thousand of them. The default
/// (208 KiB) overruns when a bridge of a thousand ports goes down.
const BACKLOG: usize = 4 * 1024 * 1024;

/// What to be told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Interfaces.
    Link,
    /// IPv4 addresses.
    Ipv4Address,
    /// IPv6 addresses.
    Ipv6Address,
    /// Both neighbour tables.
    Neighbour,
    /// IPv4 routes and routing rules.
    Ipv4Route,
    /// IPv6 routes and routing rules.
    Ipv6Route,
}

impl Group {
    /// Everything.
    pub const ALL: [Self; 6] = [
        Self::Link,
        Self::Ipv4Address,
        Self::Ipv6Address,
        Self::Neighbour,
        Self::Ipv4Route,
        Self::Ipv6Route,
    ];

    const fn memberships(self) -> &'static [u32] {
        match self {
            Self::Link => &[RTNLGRP_LINK],
            Self::Ipv4Address => &[RTNLGRP_IPV4_IFADDR],
            Self::Ipv6Address => &[RTNLGRP_IPV6_IFADDR],
            Self::Neighbour => &[RTNLGRP_NEIGH],
            Self::Ipv4Route => &[RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_RULE],
            Self::Ipv6Route => &[RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_RULE],
        }
    }
}

/// Something changed. `…Gone` and `AddressRemoved` hold what the kernel said last about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Event {
    /// An interface is new or has changed.
    Link(Link),
    /// An interface is gone.
    LinkGone {
        /// Its index; the kernel may give it to a new one later.
        index: u32,
        /// Its name.
        name: String,
    },
    /// An address is new or has changed.
    AddressAdded(Address),
    /// An address is gone.
    AddressRemoved(Address),
    /// A neighbour is new or has changed.
    Neighbour(Neighbour),
    /// The kernel has forgotten a neighbour.
    NeighbourGone(Neighbour),
    /// A route or a routing rule has come, changed or gone: ask again for every route in use.
    RouteChanged,
    /// Notifications were lost: read everything again.
    Overrun,
}

/// A socket that hears notifications. Reading never blocks.
pub struct Monitor {
    socket: Socket,
    datagram: Vec<u8>,
    waiting: VecDeque<Event>,
}

impl Monitor {
    /// Listens to `groups` in the thread's network namespace.
    ///
    /// Open it before reading the first list, so that nothing falls between the two.
    pub fn open(groups: &[Group]) -> Result<Self, NetlinkError> {
        let socket = listen(groups).map_err(|source| NetlinkError::Open {
            protocol: NETLINK_ROUTE,
            source,
        })?;
        Ok(Self {
            socket,
            datagram: Vec::new(),
            waiting: VecDeque::new(),
        })
    }

    /// The next event; `None`: nothing for now, wait until [`Self::as_fd`] is readable.
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` means \"not now\", and more may follow; an iterator would be over"
    )]
    pub fn next(&mut self) -> Result<Option<Event>, NetlinkError> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            if let Err(error) = receive(&self.socket, &mut self.datagram) {
                return match error.raw_os_error().map(Errno::from_raw) {
                    Some(Errno::EAGAIN) => Ok(None),
                    Some(Errno::ENOBUFS) => Ok(Some(Event::Overrun)),
                    _ => Err(NetlinkError::Receive {
                        what: "read the kernel's notifications".into(),
                        source: error,
                    }),
                };
            }
            self.waiting.extend(events(&self.datagram));
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

fn listen(groups: &[Group]) -> io::Result<Socket> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    // Beyond the system's limit only with CAP_NET_ADMIN; less is not fatal, only overruns sooner.
    if setsockopt(&socket, sockopt::RcvBufForce, &BACKLOG).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &BACKLOG)?;
    }
    socket.bind(&SocketAddr::new(0, 0))?;
    socket.set_non_blocking(true)?;
    for membership in groups.iter().flat_map(|group| group.memberships()) {
        socket.add_membership(*membership)?;
    }
    Ok(socket)
}

/// The events of one datagram. A datagram that cannot be read to its end counts as lost.
fn events(datagram: &[u8]) -> impl Iterator<Item = Event> {
    frames(datagram).filter_map(|frame| match frame {
        Ok(frame) => event(&frame),
        Err(_) => Some(Event::Overrun),
    })
}

fn event(frame: &Frame<'_>) -> Option<Event> {
    match frame.content() {
        Content::Object => {}
        Content::Noop | Content::End | Content::Refusal { .. } => return None,
        Content::Malformed(_) => return Some(Event::Overrun),
    }
    match frame.kind {
        RTM_NEWLINK => link::decode(frame.payload).map(Event::Link),
        RTM_DELLINK => link::decode(frame.payload).map(|link| Event::LinkGone {
            index: link.index,
            name: link.name,
        }),
        RTM_NEWADDR => address::decode(frame.payload).map(Event::AddressAdded),
        RTM_DELADDR => address::decode(frame.payload).map(Event::AddressRemoved),
        RTM_NEWNEIGH => neighbour::decode(frame.payload).map(Event::Neighbour),
        RTM_DELNEIGH => neighbour::decode(frame.payload).map(Event::NeighbourGone),
        RTM_NEWROUTE | RTM_DELROUTE | RTM_NEWRULE | RTM_DELRULE => Some(Event::RouteChanged),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
