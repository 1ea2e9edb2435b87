//! Links and routes that change under the next hops.

use super::*;

#[test]
fn the_smaller_mtu_of_link_and_route_counts() {
    let now = start();
    let mut hops = resolved(now);
    for (mtu, expected) in [(Some(1300), 1300), (Some(9000), 1500), (None, 1500)] {
        hops.handle_route(server(), Ok(Route { mtu, ..on_link() }), now);
        let expected = Hop {
            mtu: expected,
            ..hop()
        };
        assert_eq!(*hops.resolved(server()), Resolution::Via(expected));
    }
}

#[test]
fn a_link_that_goes_down_takes_its_hops_with_it_and_they_are_asked_when_it_is_back() {
    let now = start();
    let mut hops = resolved(now);
    hops.handle_link(
        Link {
            up: false,
            ..eth0()
        },
        now + seconds(2),
    );
    let down = Reason::LinkDown {
        name: "eth0".into(),
    };
    assert_eq!(*hops.resolved(server()), Resolution::Unknown(down));
    hops.handle_neighbour_gone(ETH0, server(), now + seconds(2));
    let meanwhile = run(&mut hops, now, seconds(60));
    assert_eq!(
        meanwhile,
        [(2, Action::LookUpRoute(server()))],
        "nobody to ask"
    );
    hops.handle_link(eth0(), now + seconds(60));
    assert_eq!(actions(&mut hops), [probe(server())]);
    let after = run(&mut hops, now, seconds(60) + ROUTES_SETTLE);
    assert_eq!(after, [(60, Action::LookUpRoute(server()))]);
}

#[test]
fn a_new_address_of_the_own_interface_changes_the_source_mac() {
    let now = start();
    let mut hops = resolved(now);
    let mac = [2, 0, 0, 0, 0, 0x55];
    hops.handle_link(Link { mac, ..eth0() }, now);
    let expected = Hop {
        src_mac: mac,
        ..hop()
    };
    assert_eq!(*hops.resolved(server()), Resolution::Via(expected));
}

#[test]
fn an_interface_without_ethernet_or_without_existence_is_named_as_the_reason() {
    let now = start();
    let mut hops = resolved(now);
    let tunnel = Link {
        mac: [0; 6],
        ..eth0()
    };
    hops.handle_link(tunnel, now);
    let reason = Resolution::Unknown(Reason::NotEthernet {
        name: "eth0".into(),
    });
    assert_eq!(*hops.resolved(server()), reason);
    hops.handle_link_gone(ETH0, now);
    let gone = Resolution::Unknown(Reason::LinkGone { index: ETH0 });
    assert_eq!(*hops.resolved(server()), gone);
}

#[test]
fn a_link_that_says_the_same_again_asks_nothing() {
    let now = start();
    let mut hops = resolved(now);
    let before = hops.poll_timeout();
    hops.handle_link(eth0(), now);
    assert_eq!(hops.poll_timeout(), before);
}

#[test]
fn a_flock_of_route_changes_asks_for_each_route_once() {
    let now = start();
    let mut hops = resolved(now);
    for step in 0..50 {
        hops.handle_routes_changed(now + Duration::from_millis(step));
    }
    assert_eq!(actions(&mut hops), []);
    let found = run(&mut hops, now, seconds(1));
    assert_eq!(found, [(0, Action::LookUpRoute(server()))]);
    assert_eq!(
        *hops.resolved(server()),
        Resolution::Via(hop()),
        "the old way until then"
    );
}

#[test]
fn a_route_that_moves_to_another_router_asks_the_new_one() {
    let now = start();
    let mut hops = resolved(now);
    let router = ip("192.0.2.254");
    let moved = Route {
        gateway: Some(router),
        ..on_link()
    };
    hops.handle_route(server(), Ok(moved), now);
    assert!(matches!(
        hops.resolved(server()),
        Resolution::Unknown(Reason::Asking { next_hop, .. }) if *next_hop == router
    ));
    assert_eq!(actions(&mut hops), [probe(router)]);
    let later = run(&mut hops, now, seconds(100));
    assert!(!later.iter().any(|(_, action)| *action == probe(server())));
}

#[test]
fn without_a_route_the_kernels_words_are_the_reason_and_it_is_asked_every_30_seconds() {
    let now = start();
    let mut hops = resolved(now);
    let other = ip("203.0.113.1");
    hops.watch(other);
    actions(&mut hops);
    hops.handle_route(other, Err("Network is unreachable".into()), now);
    assert_eq!(
        hops.resolved(other),
        &Resolution::Unknown(Reason::NoRoute("Network is unreachable".into()))
    );
    let lookups: Vec<_> = run(&mut hops, now, seconds(31))
        .into_iter()
        .filter(|(_, action)| matches!(action, Action::LookUpRoute(_)))
        .collect();
    assert_eq!(lookups, [(30, Action::LookUpRoute(other))]);
}

#[test]
fn a_way_that_an_address_of_this_host_belies_is_asked_for_again() {
    let now = start();
    let local = Route {
        local: true,
        index: 1,
        ..on_link()
    };
    for (way, is_own, asked) in [
        (Ok(on_link()), false, false),
        (Ok(on_link()), true, true),
        (Ok(local), true, false),
        (Ok(local), false, true),
        (Err("no route".to_owned()), false, false),
        (Err("no route".to_owned()), true, true),
    ] {
        let mut hops = resolved(now);
        hops.handle_route(server(), way.clone(), now);
        actions(&mut hops);
        let own: BTreeSet<IpAddr> = is_own.then(server).into_iter().collect();
        hops.handle_addresses(&own);
        let again = actions(&mut hops).contains(&Action::LookUpRoute(server()));
        assert_eq!(again, asked, "{way:?}, {is_own}");
    }
}

#[test]
fn what_another_was_told_a_moment_ago_is_not_asked_again() {
    let now = start();
    let mut other = resolved(now);
    let (new, without) = (ip("203.0.113.1"), ip("203.0.113.2"));
    other.watch(without);
    other.handle_route(without, Err("Network is unreachable".into()), now);
    let mut hops = NextHops::new();
    hops.handle_link(eth0(), now);
    for address in [server(), new, without] {
        hops.watch(address);
    }
    hops.learn(&other, now);
    let expected = [
        Action::LookUpRoute(new),
        Action::LookUpRoute(without),
        probe(server()),
    ];
    assert_eq!(actions(&mut hops), expected);
    assert_eq!(hops.interface(server()), Some(ETH0));
}
