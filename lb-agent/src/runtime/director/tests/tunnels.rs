//! Servers in TUN mode: what a tunnel to them asks of the way.

use super::*;
use crate::config::model::Tunnel;
use crate::config::{Memory, load};

const VIP6: &str = "2001:db8::100";

/// A service with this server, in TUN mode.
fn director_of(vip: &str, tunnelled: &str) -> Director {
    let mut server = virtual_server(vip, &[tunnelled]);
    server.lb_kind = Forwarding::Tun;
    director(Config {
        virtual_servers: vec![server],
        ..Config::default()
    })
}

/// A group of this address, with two ports, and the same server.
fn director_of_group(vip: &str, tunnelled: &str) -> Director {
    let text = format!(
        "virtual_server_group G {{\n{vip} 80\n{vip} 443\n}}\nvirtual_server group G {{\nlb_algo rr\n\
         lb_kind TUN\nprotocol TCP\nreal_server {tunnelled} 80 {{\n}}\n}}\n"
    );
    director(load(&Memory::default().with("/main", text), "/main".as_ref()).config)
}

/// The kernel has answered for `server`, with this source.
fn reach_from(director: &mut Director, server: &str, source: Option<&str>) {
    reach(director, server, 3);
    let route = Route {
        index: 3,
        gateway: None,
        source: source.map(address),
        local: false,
        mtu: None,
    };
    director
        .hops()
        .handle_route(address(server), Ok(route), clock());
}

fn server_of(director: &Director) -> crate::dataplane::desired::Server {
    director.desired().services[0].servers[0]
}

#[test]
fn a_server_whose_tunnel_would_have_no_source_is_not_reached_and_says_why() {
    for (vip, server, sources, good) in [
        (VIP, "10.1.0.5", [None, None], "10.1.0.1"),
        (VIP, "fd00::5", [None, Some("fe80::1")], "fd00::1"),
        (VIP6, "fd00::5", [None, Some("fe80::1")], "fd00::1"),
        (VIP6, "10.1.0.5", [None, None], "10.1.0.1"),
    ] {
        let mut director = director_of(vip, server);
        let family = if address(server).is_ipv4() {
            "IPv4"
        } else {
            "IPv6"
        };
        for source in sources {
            reach_from(&mut director, server, source);
            assert_eq!(
                server_of(&director).path,
                Path::Unknown,
                "{vip}: {source:?}"
            );
            let unreached = director.unreached();
            let why = &unreached[&address(server)];
            let expected = format!("this host has no address of {family} for the way by eth1");
            assert!(why.contains(&expected), "{why}");
        }
        reach_from(&mut director, server, Some(good));
        assert!(matches!(server_of(&director).path, Path::Via(_)), "{vip}");
        assert!(director.unreached().is_empty());
    }
}

#[test]
fn a_tunnel_within_a_link_begins_at_an_address_of_that_link() {
    let mut director = director_of(VIP6, "fe80::5");
    reach_from(&mut director, "fe80::5", Some("fe80::1"));
    assert!(matches!(server_of(&director).path, Path::Via(_)));
}

#[test]
fn without_a_tunnel_no_source_is_asked_for() {
    let config = Config {
        virtual_servers: vec![virtual_server(VIP, &["10.1.0.5"])],
        ..Config::default()
    };
    let mut director = director(config);
    reach_from(&mut director, "10.1.0.5", None);
    assert!(matches!(server_of(&director).path, Path::Via(_)));
}

#[test]
fn a_narrow_path_of_ipv4_takes_what_every_link_of_ipv6_does() {
    for (vip, expected) in [(VIP6, 1300), (VIP, 552)] {
        for of in [director_of, director_of_group] {
            let mut director = of(vip, "10.1.0.5");
            reach_from(&mut director, "10.1.0.5", Some("10.1.0.1"));
            let [server, source] = ["10.1.0.5", "10.1.0.1"].map(address);
            director
                .hops()
                .handle_path_mtu(server, source, 552, clock());
            let found = server_of(&director);
            assert_eq!(found.tunnel, Tunnel::Ipip);
            assert!(
                matches!(found.path, Path::Via(hop) if hop.mtu == expected),
                "{found:?}"
            );
        }
    }
}
