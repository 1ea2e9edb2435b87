//! `track_group`: instances follow what is static.

use super::*;
use crate::config::Memory;

/// As the configuration has it; `dev` is the static address's.
fn bench(dev: &str) -> Bench {
    let text = format!(
        "static_ipaddress {{\n 198.51.100.1/24 dev {dev} track_group G\n}}\n\
         track_group G {{\n group {{\n VI_1\n }}\n}}\n\
         vrrp_instance VI_1 {{\n interface eth0\n virtual_router_id 51\n \
         virtual_ipaddress {{\n 10.0.0.100\n }}\n}}\n\
         vrrp_instance VI_2 {{\n interface eth0\n virtual_router_id 52\n \
         virtual_ipaddress {{\n 10.0.0.101\n }}\n}}\n"
    );
    let loaded = crate::config::load(&Memory::default().with("/main", text), "/main".as_ref());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    Bench::started(Setup::from(&loaded.config))
}

#[test]
fn an_instance_whose_group_lacks_an_address_is_fault_until_it_is_there() {
    let mut bench = bench("eth7");
    assert_eq!(bench.states(), [State::Fault, State::Backup]);
    let link = Link {
        index: 7,
        name: "eth7".into(),
        ..ETH1.link()
    };
    bench.kernel().links.push(link.clone());
    bench.tell(Event::Link(link));
    assert_eq!(bench.states(), [State::Backup; 2]);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master; 2]);
    let name = "eth7".into();
    bench.kernel().links.retain(|link| link.index != 7);
    bench.tell(Event::LinkGone { index: 7, name });
    assert_eq!(bench.states(), [State::Fault, State::Master]);
}

#[test]
fn an_address_that_is_put_back_is_no_fault() {
    let mut bench = bench("eth1");
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master; 2]);
    let address = on(ETH1.index, "198.51.100.1/24");
    bench
        .kernel()
        .addresses
        .retain(|it| it.address != address.address);
    bench.tell(Event::AddressRemoved(address));
    assert_eq!(bench.states(), [State::Master; 2]);
}

#[test]
fn what_somebody_removes_is_put_back_and_counted_whenever_that_is_heard_of() {
    let mut bench = bench("eth1");
    let counters = bench.router.static_counters();
    let address = on(ETH1.index, "198.51.100.1/24");
    let is_set = |bench: &mut Bench| {
        let mut set = bench.kernel().addresses.iter();
        set.any(|it| it.address == address.address)
    };
    let lose = |bench: &mut Bench| {
        let gone = address.address;
        bench.kernel().addresses.retain(|it| it.address != gone);
    };
    lose(&mut bench);
    bench.tell(Event::AddressRemoved(address.clone()));
    assert!(is_set(&mut bench));
    assert_eq!(counters.read().address_restored, 1);
    // Nobody tells.
    lose(&mut bench);
    bench.tell(Event::Overrun);
    assert!(is_set(&mut bench));
    assert_eq!(counters.read().address_restored, 2);
    // It cannot be put back at once.
    bench.kernel().refuses = Some("198.51.100.1/24");
    lose(&mut bench);
    bench.tell(Event::AddressRemoved(address.clone()));
    bench.pass(Duration::from_secs(2));
    assert!(!is_set(&mut bench));
    assert_eq!(counters.read().address_restored, 2);
    bench.kernel().refuses = None;
    bench.pass(Duration::from_secs(1));
    assert!(is_set(&mut bench));
    assert_eq!(counters.read().address_restored, 3);
    // The end is not somebody else's.
    bench.router.stop(bench.now);
    assert!(!is_set(&mut bench));
    bench.tell(Event::AddressRemoved(address.clone()));
    bench.tell(Event::Overrun);
    assert!(!is_set(&mut bench));
    assert_eq!(bench.router.poll_timeout(), None);
    assert_eq!(counters.read().address_restored, 3);
}

#[test]
fn static_routes_and_rules_that_are_put_back_are_counted() {
    let text = "static_routes {\n 192.0.2.0/24 dev eth0\n}\n\
                static_rules {\n from 198.51.100.0/24 table 200 priority 100\n}\n\
                vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n \
                virtual_ipaddress {\n 10.0.0.100\n }\n}\n";
    let loaded = crate::config::load(&Memory::default().with("/main", text), "/main".as_ref());
    let mut bench = Bench::started(Setup::from(&loaded.config));
    assert_eq!(bench.kernel().routing.len(), 2, "{:?}", loaded.diagnostics);
    bench.kernel().routing.clear();
    bench.tell(Event::RouteChanged);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.kernel().routing.len(), 2);
    assert_eq!(bench.router.static_counters().read().routing_restored, 2);
}
