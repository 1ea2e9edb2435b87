//! `encap` of a route: what a packet gets around it.

use std::net::IpAddr;

use serde::Serialize;

/// `encap …`, in the words of ip-route(8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Encap {
    /// `ip`: for a tunnel interface that takes where to from the route.
    Ip(TunnelKey),
    /// `ip6`: the same over IPv6.
    Ip6(TunnelKey),
    /// `mpls`.
    Mpls {
        /// Labels of 20 bits, the outermost first; never empty.
        labels: Vec<u32>,
        /// `ttl`; `None`: that of the packet.
        ttl: Option<u8>,
    },
    /// `ila`: identifier-locator addressing; the locator takes the place of the first half of the
    /// destination.
    Ila(u64),
}

/// Where a tunnel interface sends a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TunnelKey {
    /// `id`: the tunnel's (a VNI, a GRE key).
    pub id: Option<u64>,
    /// `dst`: the other end.
    pub dst: Option<IpAddr>,
    /// `src`: our end.
    pub src: Option<IpAddr>,
    /// `tos`, with IPv6 `tc`.
    pub tos: Option<u8>,
    /// `ttl`, with IPv6 `hoplimit`.
    pub ttl: Option<u8>,
}
