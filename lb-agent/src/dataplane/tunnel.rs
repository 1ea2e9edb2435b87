//! The tunnel to a server, as the program wants it, and what has to fit the way that it goes. Pure.

use std::net::IpAddr;

use lb_common::backend::tunnel;

use super::nexthop::Hop;
use crate::config::model::{Tunnel, TunnelChecksum};

/// What every link of IPv6 carries (RFC 8200 5).
const LEAST6: u32 = 1280;

/// What stands in front of the packets of `server` ([`tunnel`]), and the port of its other end.
pub(super) const fn words(kind: Tunnel, server: IpAddr) -> (u8, u16) {
    let (kind, port, checksum) = match kind {
        Tunnel::Ipip => (tunnel::IPIP, 0, TunnelChecksum::None),
        Tunnel::Gre { checksum } => (tunnel::GRE, 0, checksum),
        Tunnel::Gue { port, checksum } => (tunnel::GUE, port, checksum),
    };
    let checksum = match checksum {
        TunnelChecksum::None => 0,
        // The kernel leaves the sum of a packet to the receiver only where it has not been reckoned yet;
        // of one that it forwards `remcsum` is `csum`.
        TunnelChecksum::Full | TunnelChecksum::Remote => tunnel::CHECKSUM,
    };
    let family = if server.is_ipv6() { tunnel::IPV6 } else { 0 };
    (kind | checksum | family, port.to_be())
}

/// The hop of packets of IPv6 in a tunnel to `server` whose first link carries `link` bytes.
///
/// What every link of IPv6 carries is never too large for one of IPv4: nobody would make it smaller, so
/// it goes without "don't fragment", and routers fragment it (RFC 4213 3.2.2). Only the first link must
/// carry it whole: XDP fragments nothing. So it does not matter how narrow the path is beyond.
pub fn of_ipv6(hop: &Hop, kind: Tunnel, server: IpAddr, link: u32) -> Hop {
    let mtu = match server {
        IpAddr::V4(_) => {
            let (kind, _) = words(kind, server);
            let least = LEAST6 + u32::from(tunnel::overhead(kind));
            hop.mtu.max(least.min(link))
        }
        IpAddr::V6(_) => hop.mtu,
    };
    Hop { mtu, ..*hop }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_link_of_ipv6_carries_goes_through_a_narrow_path_of_ipv4() {
        let gre = Tunnel::Gre {
            checksum: TunnelChecksum::None,
        };
        let gue = Tunnel::Gue {
            port: 6080,
            checksum: TunnelChecksum::Full,
        };
        let [v4, v6] = ["10.1.0.5", "fd00::5"].map(|it| it.parse::<IpAddr>().unwrap());
        for (kind, server, path, link, expected) in [
            (Tunnel::Ipip, v4, 1500, 1500, 1500),
            (Tunnel::Ipip, v4, 1400, 1500, 1400),
            (Tunnel::Ipip, v4, 552, 1500, 1300),
            (gre, v4, 1250, 1500, 1304),
            (gue, v4, 1250, 1500, 1312),
            // The link itself does not carry it.
            (gue, v4, 1250, 1290, 1290),
            (gue, v4, 1290, 1290, 1290),
            // Routers fragment nothing of IPv6.
            (gue, v6, 1280, 1500, 1280),
        ] {
            let hop = Hop {
                index: 2,
                src_mac: [1; 6],
                dst_mac: [2; 6],
                mtu: path,
                source: None,
            };
            let found = of_ipv6(&hop, kind, server, link);
            assert_eq!(
                found.mtu, expected,
                "{kind:?} to {server}, {path} of {link}"
            );
            assert_eq!(Hop { mtu: path, ..found }, hop);
        }
    }
}
