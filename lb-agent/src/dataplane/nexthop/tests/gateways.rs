//! Routers that replies to clients may leave by.

use super::*;

#[test]
fn gateways_are_asked_for_like_servers_until_no_route_leads_by_them() {
    let now = start();
    let router = |host: &str| Gateway {
        index: ETH0,
        address: ip(host),
    };
    let mut hops = NextHops::new();
    hops.handle_link(eth0(), now);
    hops.handle_timeout(now + ROUTES_SETTLE);
    assert_eq!(actions(&mut hops), []);

    hops.keep_gateways();
    assert_eq!(actions(&mut hops), [Action::ListGateways]);
    let both = BTreeSet::from([router("192.0.2.253"), router("192.0.2.254")]);
    hops.handle_gateways(Some(both), now);
    let probes = ["192.0.2.253", "192.0.2.254"].map(|host| probe(ip(host)));
    assert_eq!(actions(&mut hops), probes);
    assert_eq!(hops.gateway_interfaces(), BTreeSet::from([ETH0]));
    // Nobody watches them: there is nothing to tell.
    hops.handle_neighbour(entry(ip("192.0.2.253"), NeighbourState::Reachable), now);
    assert_eq!(changes(&mut hops), Vec::<IpAddr>::new());
    let later = run(&mut hops, now, seconds(29));
    assert!(later.iter().any(|(_, action)| *action == probes[0]));

    hops.handle_gateways(Some(BTreeSet::from([router("192.0.2.254")])), now);
    let later = run(&mut hops, now + seconds(29), seconds(60));
    assert!(later.iter().any(|(_, action)| *action == probes[1]));
    assert!(later.iter().all(|(_, action)| *action != probes[0]));
}

#[test]
fn a_gateway_that_is_a_server_too_is_kept_when_either_ends() {
    let now = start();
    let mut hops = resolved(now);
    hops.keep_gateways();
    let gateway = Gateway {
        index: ETH0,
        address: server(),
    };
    hops.handle_gateways(Some(BTreeSet::from([gateway])), now);
    hops.forget(server());
    actions(&mut hops);
    let probed = |found: &[(u64, Action)]| found.iter().any(|(_, it)| *it == probe(server()));
    assert!(probed(&run(&mut hops, now, seconds(40))));
    hops.handle_gateways(Some(BTreeSet::new()), now + seconds(40));
    actions(&mut hops);
    assert!(!probed(&run(&mut hops, now + seconds(40), seconds(90))));
}

#[test]
fn gateways_are_listed_again_when_routes_change_but_not_all_the_time() {
    let now = start();
    let mut hops = NextHops::new();
    hops.keep_gateways();
    assert_eq!(actions(&mut hops), [Action::ListGateways]);
    hops.handle_gateways(Some(BTreeSet::new()), now);
    hops.keep_gateways();
    assert_eq!(actions(&mut hops), [], "as every reload does");
    assert_eq!(run(&mut hops, now, seconds(100)), []);
    let now = now + seconds(100);
    hops.handle_routes_changed(now);
    assert_eq!(run(&mut hops, now, seconds(1)), [(0, Action::ListGateways)]);
    hops.handle_gateways(Some(BTreeSet::new()), now);
    hops.handle_routes_changed(now + seconds(1));
    assert_eq!(
        run(&mut hops, now, seconds(30)),
        [(10, Action::ListGateways)]
    );
    // No answer is no reason to give up.
    hops.handle_gateways(None, now + seconds(10));
    assert_eq!(
        run(&mut hops, now, seconds(30)),
        [(20, Action::ListGateways)]
    );
    hops.handle_gateways(Some(BTreeSet::new()), now + seconds(20));
    hops.handle_snapshot(Vec::new(), Vec::new(), now + seconds(20));
    assert_eq!(actions(&mut hops), [Action::ListGateways]);
}
