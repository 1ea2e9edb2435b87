//! What a tunnel asks of the way to its server: a source, and room. Pure.

use std::net::IpAddr;

use super::Director;
use crate::config::model::Tunnel;
use crate::dataplane::nexthop::Hop;
use crate::dataplane::port::Obstacle;
use crate::dataplane::tunnel;

impl Director {
    /// Why no tunnel can go to `server` by `hop`; `None`: one can.
    pub(super) fn no_source(&self, server: IpAddr, hop: &Hop) -> Option<Obstacle> {
        if hop.is_from(server) {
            return None;
        }
        let link = self.links.get(&hop.index);
        Some(Obstacle::NoSource {
            name: link.map_or_else(|| hop.index.to_string(), |link| link.name.clone()),
            family: if server.is_ipv4() { "IPv4" } else { "IPv6" },
        })
    }

    /// The hop of packets to the virtual address `service` in a tunnel to `server`.
    pub(super) fn hop_in_tunnel(
        &self,
        service: Option<IpAddr>,
        server: IpAddr,
        kind: Tunnel,
        hop: &Hop,
    ) -> Hop {
        match (service, self.links.get(&hop.index)) {
            (Some(IpAddr::V6(_)), Some(link)) => tunnel::of_ipv6(hop, kind, server, link.mtu),
            (Some(_) | None, _) => *hop,
        }
    }
}
