use core::net::Ipv6Addr;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::service::{TCP, UDP};

fn addr(octets: [u8; 4]) -> u32 {
    u32::from_ne_bytes(octets)
}

fn server(octets: [u8; 4], port: u16, proto: u8) -> ServiceKey4 {
    ServiceKey4::new(octets.into(), port, proto)
}

#[test]
fn an_empty_filter_lets_nothing_through() {
    let filter = AddressFilter::empty();
    for host in 0..=255 {
        assert!(!filter.may_be_destination(addr([192, 0, 2, host])));
        assert!(!filter.may_be_source(addr([192, 0, 2, host])));
        assert!(!filter.may_be_server(&server([192, 0, 2, host], 53, UDP)));
    }
}

#[test]
fn a_server_is_known_by_its_address_and_by_its_port() {
    let mut filter = AddressFilter::empty();
    filter.add_server(&server([10, 0, 0, 1], 53, UDP));
    assert!(filter.may_be_source(addr([10, 0, 0, 1])));
    assert!(filter.may_be_server(&server([10, 0, 0, 1], 53, UDP)));
    assert!(!filter.may_be_server(&server([10, 0, 0, 1], 53, TCP)));
    let mistaken = (0..=u16::MAX)
        .filter(|port| filter.may_be_server(&server([10, 0, 0, 1], *port, UDP)))
        .count();
    // One bit of 32 768.
    assert!((1..=8).contains(&mistaken), "{mistaken}");
}

#[test]
fn a_server_of_ipv6_is_known_by_its_address_and_by_its_port() {
    let server = |host, port, proto| {
        let address = Ipv6Addr::new(0xfd00, 1, 2, 3, 4, 5, 6, host);
        ServiceKey6::new(address.into(), port, proto)
    };
    let mut filter = AddressFilter::empty();
    let known = server(1, 53, UDP);
    filter.add_server6(&known);
    assert!(filter.may_be_source6(known.address) && filter.may_be_server6(&known));
    assert!(!filter.may_be_destination6(known.address));
    assert!(!filter.may_be_source6(server(2, 53, UDP).address));
    assert!(!filter.may_be_server6(&server(1, 53, TCP)));
    let mistaken = (0..=u16::MAX)
        .filter(|port| filter.may_be_server6(&server(1, *port, UDP)))
        .count();
    assert!((1..=8).contains(&mistaken), "{mistaken}");
}

#[test]
fn destinations_and_sources_are_two_filters() {
    let mut filter = AddressFilter::empty();
    filter.add_destination(addr([192, 0, 2, 1]));
    filter.add_server(&server([10, 0, 0, 1], 80, TCP));
    assert!(!filter.may_be_source(addr([192, 0, 2, 1])));
    assert!(!filter.may_be_destination(addr([10, 0, 0, 1])));
}

#[test]
fn the_addresses_of_one_network_do_not_stand_in_for_each_other() {
    let mut filter = AddressFilter::empty();
    filter.add_destination(addr([192, 0, 2, 100]));
    let mistaken: Vec<u8> = (0..=255)
        .filter(|host| filter.may_be_destination(addr([192, 0, 2, *host])))
        .collect();
    assert_eq!(mistaken, [100]);
}

#[test]
fn a_hundred_addresses_let_few_others_through() {
    let mut filter = AddressFilter::empty();
    for host in 0..100 {
        filter.add_destination(addr([198, 51, 100, host]));
    }
    let through = (0..100_000_u32)
        .filter(|number| filter.may_be_destination(addr(number.wrapping_mul(40_503).to_be_bytes())))
        .count();
    // 100 bits of 32 768 are 0.3 %.
    assert!(through < 600, "{through} of 100 000");
}

proptest! {
    #[test]
    fn what_was_added_is_let_through(
        destinations in prop::collection::vec(any::<u32>(), 0..200),
        servers in prop::collection::vec(any::<(u32, u16, bool)>(), 0..200),
    ) {
        let mut filter = AddressFilter::empty();
        for addr in &destinations {
            filter.add_destination(*addr);
        }
        let servers = servers.iter().map(|(addr, port, tcp)| {
            server(addr.to_ne_bytes(), *port, if *tcp { TCP } else { UDP })
        });
        for server in servers.clone() {
            filter.add_server(&server);
        }
        prop_assert!(destinations.iter().all(|addr| filter.may_be_destination(*addr)));
        for server in servers {
            prop_assert!(filter.may_be_source(server.addr) && filter.may_be_server(&server));
        }
    }
}
