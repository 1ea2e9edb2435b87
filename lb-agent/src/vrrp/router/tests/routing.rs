//! Virtual and static routes and rules.

use super::*;
use crate::config::model::{NextHop, Route, Rule, RuleAction};
use crate::net::link::LinkKind;

fn route(to: &str, no_track: bool) -> Route {
    Route {
        to: Some(to.parse().unwrap()),
        nexthops: vec![NextHop {
            dev: Some("eth0".into()),
            ..NextHop::default()
        }],
        no_track,
        ..Route::default()
    }
}

const ROUTE: &str = "route 192.0.2.0/24 dev eth0";
const RULE: &str = "rule 100: from all lookup 200";

fn setup() -> Setup {
    let mut setup = Setup::from(vec![config()]);
    setup.instances[0].virtual_routes = vec![route("192.0.2.0/24", false)];
    setup.instances[0].virtual_rules = vec![Rule {
        preference: Some(100),
        action: RuleAction::Table(200),
        ..Rule::default()
    }];
    setup
}

fn seen(bench: &Bench) -> Vec<Seen> {
    let is_about = |seen: &Seen| matches!(seen, Seen::Routed(_) | Seen::Unrouted(_));
    bench.journal.take().into_iter().filter(is_about).collect()
}

#[test]
fn a_master_sets_routes_then_rules_and_removes_them_in_reverse() {
    let mut bench = Bench::started(setup());
    assert_eq!(seen(&bench), []);
    bench.pass(Duration::from_secs(4));
    assert_eq!(
        seen(&bench),
        [Seen::Routed(ROUTE.into()), Seen::Routed(RULE.into())]
    );
    bench.router.stop(bench.now);
    assert_eq!(
        seen(&bench),
        [Seen::Unrouted(RULE.into()), Seen::Unrouted(ROUTE.into())]
    );
}

#[test]
fn what_somebody_else_removes_is_back_within_a_second_and_counted() {
    let mut bench = Bench::master(setup());
    bench.kernel().routing.clear();
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_millis(500));
    assert_eq!(bench.kernel().routing, [ROUTE, RULE]);
    assert_eq!(bench.status().stats.routing_restored, 2);
    // Our own additions are told, too, and change nothing.
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_millis(500));
    assert_eq!(bench.status().stats.routing_restored, 2);
}

#[test]
fn what_cannot_be_put_back_at_once_is_counted_when_it_is() {
    let mut setup = setup();
    setup.static_routes = vec![route("198.51.100.0/24", false)];
    let mut bench = Bench::master(setup);
    bench.kernel().routing.clear();
    bench.kernel().refuses_routing = true;
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_secs(1));
    assert!(bench.kernel().routing.is_empty());
    assert_eq!(bench.status().stats.routing_restored, 0);
    assert_eq!(bench.router.static_counters().read().routing_restored, 0);
    bench.kernel().refuses_routing = false;
    for _ in 0..2 {
        bench.tell(Event::RouteChanged);
        bench.pass(Duration::from_secs(1));
        assert_eq!(bench.kernel().routing.len(), 3);
        assert_eq!(bench.status().stats.routing_restored, 2);
        assert_eq!(bench.router.static_counters().read().routing_restored, 1);
    }
}

#[test]
fn what_could_never_be_set_is_not_put_back() {
    let mut bench = Bench::started(setup());
    bench.kernel().refuses_routing = true;
    bench.pass(Duration::from_secs(4));
    bench.kernel().refuses_routing = false;
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.kernel().routing, [ROUTE, RULE]);
    assert_eq!(bench.status().stats.routing_restored, 0);
}

#[test]
fn what_is_not_tracked_stays_away() {
    let mut setup = setup();
    setup.instances[0].virtual_routes = vec![route("192.0.2.0/24", true)];
    let mut bench = Bench::master(setup);
    bench.kernel().routing.clear();
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_millis(500));
    assert_eq!(bench.kernel().routing, [RULE]);
}

#[test]
fn what_was_there_before_stays() {
    let mut bench = Bench::started(setup());
    bench.kernel().routing.push(ROUTE.into());
    bench.pass(Duration::from_secs(4));
    bench.router.stop(bench.now);
    assert_eq!(bench.kernel().routing, [ROUTE]);
}

#[test]
fn a_backup_has_none_and_what_a_crash_left_is_removed() {
    let mut bench = Bench::new(setup());
    bench.kernel().routing.push(ROUTE.into());
    bench.router.start(bench.now);
    assert!(bench.kernel().routing.is_empty());
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_secs(1));
    assert!(bench.kernel().routing.is_empty());
}

#[test]
fn static_ones_are_set_from_start_to_end_whoever_is_master() {
    let mut setup = Setup::from(vec![config()]);
    setup.static_routes = vec![route("192.0.2.0/24", false)];
    let address = "198.51.100.1/32".parse().unwrap();
    setup.static_ipaddress = vec![crate::vrrp::settings::VirtualAddress::new(address, "eth1")];
    let mut bench = Bench::started(setup);
    let standing = on(ETH1.index, "198.51.100.1/32");
    assert_eq!(bench.kernel().routing, [ROUTE]);
    assert!(bench.kernel().addresses.contains(&standing));
    // Put back at once.
    bench.kernel().addresses.retain(|it| *it != standing);
    bench.tell(Event::AddressRemoved(standing.clone()));
    assert!(bench.kernel().addresses.contains(&standing));
    bench.router.stop(bench.now);
    assert!(bench.kernel().routing.is_empty());
    assert!(!bench.kernel().addresses.contains(&standing));
}

#[test]
fn a_route_over_an_interface_that_comes_later_is_set_then() {
    let mut setup = Setup::from(vec![config()]);
    let mut later = route("192.0.2.0/24", false);
    later.nexthops[0].dev = Some("eth7".into());
    setup.static_routes = vec![later];
    let mut bench = Bench::started(setup);
    assert!(bench.kernel().routing.is_empty());
    bench.tell(Event::Link(Link {
        index: 7,
        name: "eth7".into(),
        ..ETH0.link()
    }));
    assert_eq!(bench.kernel().routing, ["route 192.0.2.0/24 dev eth7"]);
}

#[test]
fn a_route_of_a_vrf_is_in_its_table_and_waits_for_it() {
    let mut setup = setup();
    setup.instances[0].virtual_rules.clear();
    setup.instances[0].virtual_routes[0].vrf = Some("red".into());
    let mut bench = Bench::master(setup);
    assert!(bench.kernel().routing.is_empty(), "there is no VRF");
    let red = Link {
        index: 9,
        name: "red".into(),
        kind: LinkKind::Vrf { table: 77 },
        ..ETH0.link()
    };
    bench.kernel().links.push(red.clone());
    bench.tell(Event::Link(red));
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_millis(500));
    let route = "route 192.0.2.0/24 dev eth0 table 77";
    assert_eq!(bench.kernel().routing, [route]);
}
