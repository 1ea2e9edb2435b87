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
