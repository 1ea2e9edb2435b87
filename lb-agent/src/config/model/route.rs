//! Lines of `virtual_routes` and `static_routes`.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use super::{Encap, Family};

/// A route, in the words of ip-route(8).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Route {
    /// What it leads to; `None`: `default`.
    pub to: Option<IpNet>,
    /// `unicast`, `blackhole`, …
    pub kind: RouteKind,
    /// `add`, `append`, `prepend`.
    pub placing: Placing,
    /// `inet`, `inet6`; `None`: as the addresses say.
    pub family: Option<Family>,
    /// `from`: the source that it is for (IPv6).
    pub from: Option<IpNet>,
    /// `src`: preferred source address.
    pub src: Option<IpAddr>,
    /// `via` (`gw`), and `dev` (`oif`); empty for a route that leads nowhere, several for
    /// `nexthop` and the old `or`.
    pub nexthops: Vec<NextHop>,
    /// `table`, by number; `None`: main.
    pub table: Option<u32>,
    /// `metric` (`priority`, `preference`).
    pub metric: Option<u32>,
    /// `scope`, as the kernel's number.
    pub scope: Option<u8>,
    /// `tos` (`dsfield`).
    pub tos: Option<u8>,
    /// `protocol`, as the kernel's number; `None`: keepalived's, 18.
    pub protocol: Option<u8>,
    /// `realms`.
    pub realms: Option<(u16, u16)>,
    /// `pref low|medium|high` of IPv6, as the kernel's number.
    pub pref: Option<u8>,
    /// `expires` (IPv6).
    pub expires: Option<Duration>,
    /// `ttl-propagate` of MPLS.
    pub ttl_propagate: Option<bool>,
    /// Metrics.
    pub metrics: RouteMetrics,
    /// `encap` (`as`).
    pub encap: Option<Encap>,
    /// `vrf`: the VRF device whose table it is in.
    pub vrf: Option<String>,
    /// `no_track`: its removal by somebody else does not matter.
    pub no_track: bool,
    /// `track_group` of a static route.
    pub track_group: Option<String>,
}

/// The type of a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RouteKind {
    /// To somewhere.
    #[default]
    Unicast,
    /// To this host.
    Local,
    /// To all of a network.
    Broadcast,
    /// As unicast, but never to us.
    Anycast,
    /// To a group.
    Multicast,
    /// Dropped without a word.
    Blackhole,
    /// Dropped with "host unreachable".
    Unreachable,
    /// Dropped with "administratively prohibited".
    Prohibit,
    /// The next rule is asked.
    Throw,
}

/// What becomes of a route where others of the same destination, metric and table stand already.
/// IPv6 joins several into one route of several ways, whichever came first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum Placing {
    /// `prepend`: it counts before them; keepalived's way without a word.
    #[default]
    Prepend,
    /// `append`: it counts when they are gone.
    Append,
    /// `add`: it is not set.
    Add,
}

/// One way to a route's destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NextHop {
    /// `via`.
    pub via: Option<IpAddr>,
    /// `dev`.
    pub dev: Option<String>,
    /// `weight`, 1 to 256.
    pub weight: u16,
    /// `onlink`: the next hop counts as being on the link.
    pub onlink: bool,
}

/// Metrics of a route (`RTAX_*`); a `lock` in front of the number pins it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RouteMetrics {
    /// `mtu`, bytes.
    pub mtu: Option<u32>,
    /// `hoplimit`.
    pub hoplimit: Option<u32>,
    /// `advmss`, bytes.
    pub advmss: Option<u32>,
    /// `rtt`.
    pub rtt: Option<Duration>,
    /// `rttvar`.
    pub rttvar: Option<Duration>,
    /// `rto_min`.
    pub rto_min: Option<Duration>,
    /// `reordering`.
    pub reordering: Option<u32>,
    /// `window`, bytes.
    pub window: Option<u32>,
    /// `cwnd`.
    pub cwnd: Option<u32>,
    /// `initcwnd`.
    pub initcwnd: Option<u32>,
    /// `initrwnd`.
    pub initrwnd: Option<u32>,
    /// `ssthresh`.
    pub ssthresh: Option<u32>,
    /// `quickack`.
    pub quickack: Option<bool>,
    /// `features ecn`.
    pub features: Option<String>,
    /// `congctl`: the congestion control's name.
    pub congctl: Option<String>,
    /// `fastopen_no_cookie`.
    pub fastopen_no_cookie: Option<bool>,
    /// Names of those that `lock` pins.
    pub locked: Vec<&'static str>,
}
