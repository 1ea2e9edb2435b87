//! What is known of the way to a real server.

use std::net::IpAddr;

use serde::Serialize;

use crate::net::link::Link;
use crate::net::neighbour::Neighbour;
use crate::net::route::Route;

/// What is known of the way to a real server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Resolution {
    /// Its packets are dropped, because …
    Unknown(Reason),
    /// The address is one of this host.
    Local,
    /// Its packets can be sent.
    Via(Hop),
}

/// How a packet is sent to a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hop {
    /// The interface it leaves by.
    pub index: u32,
    /// Ethernet address of that interface.
    pub src_mac: [u8; 6],
    /// Ethernet address of the router, or of the server itself.
    pub dst_mac: [u8; 6],
    /// The largest IP packet, bytes: the interface's MTU, the route's, or what a router on the path
    /// has said, the smallest one.
    pub mtu: u32,
    /// The source address the kernel would choose; the outer source of a tunnel.
    pub source: Option<IpAddr>,
}

impl Hop {
    /// Whether there is a source for a tunnel to this address. One that holds on its link only is none to
    /// a server elsewhere: the first router discards it (RFC 4291 2.5.6).
    pub fn is_from(&self, server: IpAddr) -> bool {
        match (self.source, server) {
            (Some(IpAddr::V4(_)), IpAddr::V4(_)) => true,
            (Some(IpAddr::V6(source)), IpAddr::V6(server)) => {
                !source.is_unicast_link_local() || server.is_unicast_link_local()
            }
            (Some(IpAddr::V4(_)), IpAddr::V6(_))
            | (Some(IpAddr::V6(_)), IpAddr::V4(_))
            | (None, _) => false,
        }
    }
}

/// Why the way to a real server is not known. Completes the sentence "… cannot be reached:".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum Reason {
    /// The kernel has not been asked yet.
    #[error("the route is not known yet")]
    RouteNotAsked,
    /// In the kernel's words.
    #[error("{0}")]
    NoRoute(String),
    /// The route names an interface that is not there.
    #[error("the interface of the route (number {index}) is gone")]
    LinkGone {
        /// Its index.
        index: u32,
    },
    /// Taken down, or without a carrier.
    #[error("interface {name} is down")]
    LinkDown {
        /// Its name.
        name: String,
    },
    /// XDP sends Ethernet frames.
    #[error("interface {name} has no Ethernet address")]
    NotEthernet {
        /// Its name.
        name: String,
    },
    /// Asked for, no answer yet.
    #[error("{next_hop} on {name} is being asked for its Ethernet address")]
    Asking {
        /// The router or the server itself.
        next_hop: IpAddr,
        /// The interface.
        name: String,
    },
    /// Asked for in vain; it is asked again and again.
    #[error("{next_hop} on {name} does not answer when asked for its Ethernet address")]
    NoAnswer {
        /// The router or the server itself.
        next_hop: IpAddr,
        /// The interface.
        name: String,
    },
}

/// The way by `route`, whose hop is `next_hop`; `failed`: it was asked for in vain.
pub(super) fn through(
    route: &Route,
    next_hop: IpAddr,
    link: Option<&Link>,
    neighbour: Option<&Neighbour>,
    failed: bool,
) -> Resolution {
    let Some(link) = link else {
        return Resolution::Unknown(Reason::LinkGone { index: route.index });
    };
    let name = link.name.clone();
    if !link.up {
        return Resolution::Unknown(Reason::LinkDown { name });
    }
    if link.mac == [0; 6] {
        return Resolution::Unknown(Reason::NotEthernet { name });
    }
    match neighbour.and_then(Neighbour::usable_mac) {
        Some(dst_mac) => Resolution::Via(Hop {
            index: link.index,
            src_mac: link.mac,
            dst_mac,
            mtu: route.mtu.unwrap_or(link.mtu).min(link.mtu),
            source: route.source,
        }),
        None if failed => Resolution::Unknown(Reason::NoAnswer { next_hop, name }),
        None => Resolution::Unknown(Reason::Asking { next_hop, name }),
    }
}
