//! What stands in the slot of a server in TUN mode.

use lb_common::address6;
use lb_common::backend::tunnel;

use super::*;
use crate::config::model::{Tunnel, TunnelChecksum};

/// An address of each family.
fn address(is_ipv6: bool, host: u8) -> IpAddr {
    if is_ipv6 {
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into()).into()
    } else {
        Ipv4Addr::new(10, 0, 0, host).into()
    }
}

/// The slot of a server of a service, each of a family.
fn slot([of_service, of_server]: [bool; 2], kind: Tunnel, source: Option<IpAddr>) -> Backend {
    let mut server = Server {
        address: address(of_server, 5),
        tunnel: kind,
        ..server(5, 1, Forwarding::Tun)
    };
    if let Path::Via(hop) = &mut server.path {
        hop.source = source;
    }
    let wanted = desired(vec![Service {
        servers: vec![server],
        ..Service::new(Key {
            address: address(of_service, 100),
            port: 80,
            proto: TCP,
        })
    }]);
    let mut installed = Installed::default();
    step(&mut installed, &wanted);
    // The slot is known by its address.
    assert_eq!(step(&mut installed, &wanted), []);
    installed.backends[&1]
}

const FAMILIES: [[bool; 2]; 4] = [[false, false], [false, true], [true, false], [true, true]];

#[test]
fn a_tunnel_has_its_type_its_checksum_its_port_and_its_family() {
    let gue = |checksum| Tunnel::Gue {
        port: 6080,
        checksum,
    };
    let gre = |checksum| Tunnel::Gre { checksum };
    for families in FAMILIES {
        let family = if families[1] { tunnel::IPV6 } else { 0 };
        for (kind, expected, port) in [
            (Tunnel::Ipip, tunnel::IPIP, 0),
            (gre(TunnelChecksum::None), tunnel::GRE, 0),
            (gre(TunnelChecksum::Full), tunnel::GRE | tunnel::CHECKSUM, 0),
            (gue(TunnelChecksum::None), tunnel::GUE, 6080),
            (
                gue(TunnelChecksum::Full),
                tunnel::GUE | tunnel::CHECKSUM,
                6080,
            ),
            (
                gue(TunnelChecksum::Remote),
                tunnel::GUE | tunnel::CHECKSUM,
                6080,
            ),
        ] {
            let slot = slot(families, kind, Some(address(families[1], 1)));
            let place = format!("{families:?} {kind:?}");
            assert!(slot.has(flags::READY | flags::TUN), "{place}");
            // IP in IP of IPv4 alone needs no program of its own.
            let is_plain = families == [false, false] && kind == Tunnel::Ipip;
            assert_eq!(slot.has(flags::TUNNEL), !is_plain, "{place}");
            if !is_plain {
                assert_eq!(slot.tunnel, expected | family, "{place}");
                assert_eq!(slot.tunnel_port, u16::to_be(port), "{place}");
            }
        }
    }
}

#[test]
fn both_ends_stand_there_in_the_family_of_the_server() {
    for families in FAMILIES {
        let ours = address(families[1], 1);
        let slot = slot(families, Tunnel::Ipip, Some(ours));
        assert_eq!(slot.server(), address(families[1], 5));
        assert_eq!(slot.service_address(), address(families[0], 100));
        if families[1] {
            let source = IpAddr::V6(address6::address(slot.tunnel_source6));
            assert_eq!((source, slot.tunnel_source), (ours, 0));
        } else {
            assert_eq!(slot.tunnel_source.to_ne_bytes(), [10, 0, 0, 1]);
            assert_eq!(slot.addr.to_ne_bytes(), [10, 0, 0, 5]);
            assert_eq!(slot.tunnel_source6, [0, 0]);
        }
    }
}

#[test]
fn without_an_address_of_ours_there_is_no_such_tunnel() {
    for families in FAMILIES {
        for source in [None, Some(address(!families[1], 1))] {
            let slot = slot(families, Tunnel::Ipip, source);
            // The plain one goes without, as it always has.
            let is_plain = families == [false, false];
            assert_eq!(slot.has(flags::READY), is_plain, "{families:?}");
        }
    }
}
