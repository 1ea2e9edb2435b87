//! `net::route`, and a connection that goes on after a refusal.

use anyhow::Result;
use lb_agent::net::link;
use lb_agent::net::netlink::Connection;
use lb_agent::net::route;
use nix::errno::Errno;

use crate::cable::{Cable, cannot_run, index_of, ip};

#[test]
fn a_route_tells_interface_gateway_source_mtu_and_whether_it_is_this_host() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    cable
        .left
        .ip("route add 203.0.113.0/24 via 192.0.2.2 mtu 1300")?;
    cable
        .left
        .ip("route add 198.51.100.0/24 via inet6 fe80::2 dev left")?;
    cable.left.enter(|| {
        let mut connection = Connection::open()?;
        let left = index_of(&mut connection, "left")?;

        let on_link = route::get(&mut connection, ip("192.0.2.2"))?;
        assert_eq!((on_link.index, on_link.gateway), (left, None));
        assert_eq!(on_link.source, Some(ip("192.0.2.1")));
        assert_eq!((on_link.local, on_link.mtu), (false, None));
        assert_eq!(on_link.next_hop(ip("192.0.2.2")), ip("192.0.2.2"));

        let routed = route::get(&mut connection, ip("203.0.113.9"))?;
        assert_eq!(
            (routed.index, routed.gateway),
            (left, Some(ip("192.0.2.2")))
        );
        assert_eq!(routed.mtu, Some(1300));

        let through_six = route::get(&mut connection, ip("198.51.100.9"))?;
        assert_eq!(through_six.gateway, Some(ip("fe80::2")));

        assert!(route::get(&mut connection, ip("192.0.2.1"))?.local);
        assert!(route::get(&mut connection, ip("127.0.0.1"))?.local);
        Ok(())
    })
}

#[test]
fn gateways_are_listed_once_each_from_every_table() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    let cable = Cable::new()?;
    for route in [
        "default via 192.0.2.2",
        "10.0.0.0/8 via 192.0.2.2",
        "203.0.113.0/24 nexthop via 192.0.2.3 nexthop via 192.0.2.4",
        "198.51.100.0/24 via inet6 fe80::2 dev left",
        "172.16.0.0/12 via 192.0.2.5 table 77",
        "192.168.0.0/16 dev left",
    ] {
        cable.left.ip(&format!("route add {route}"))?;
    }
    cable.left.enter(|| {
        let mut connection = Connection::open()?;
        let left = index_of(&mut connection, "left")?;
        let found = route::gateways(&mut connection)?;
        assert!(found.iter().all(|gateway| gateway.index == left));
        let addresses: Vec<_> = found.iter().map(|gateway| gateway.address).collect();
        let expected = [
            "192.0.2.2",
            "192.0.2.3",
            "192.0.2.4",
            "192.0.2.5",
            "fe80::2",
        ];
        assert_eq!(addresses, expected.map(ip));
        Ok(())
    })
}

#[test]
fn without_a_route_the_kernel_is_quoted_and_the_connection_serves_on() -> Result<()> {
    if cannot_run() {
        return Ok(());
    }
    Cable::new()?.left.enter(|| {
        let mut connection = Connection::open()?;
        for _ in 0..3 {
            let error = route::get(&mut connection, ip("8.8.8.8")).expect_err("no such route");
            assert_eq!(error.errno(), Some(Errno::ENETUNREACH));
            let text = error.to_string();
            assert_eq!(
                text,
                "cannot find the route to 8.8.8.8: Network is unreachable"
            );
            assert_eq!(link::list(&mut connection)?.len(), 2);
        }
        Ok(())
    })
}
