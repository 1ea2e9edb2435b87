use proptest::prelude::*;

use super::*;

const HEADER: [u8; 12] = [2, 32, 0, 0, 254, 0, 0, 1, 0, 2, 0, 0];

fn read(attributes: &[u8]) -> Option<Route> {
    decode(&[&HEADER[..], attributes].concat())
}

#[test]
fn a_route_through_a_router_is_read_whole() {
    #[rustfmt::skip]
    let route = read(&[
        8, 0, 1, 0, 203, 0, 113, 9,
        8, 0, 4, 0, 7, 0, 0, 0,
        8, 0, 5, 0, 192, 0, 2, 254,
        8, 0, 7, 0, 192, 0, 2, 1,
        12, 0, 8, 0, 8, 0, 2, 0, 0x14, 0x05, 0, 0,
    ]);
    assert_eq!(
        route,
        Some(Route {
            index: 7,
            gateway: Some("192.0.2.254".parse().unwrap()),
            source: Some("192.0.2.1".parse().unwrap()),
            local: false,
            mtu: Some(1300),
        })
    );
}

#[test]
fn a_router_of_the_other_family_is_read() {
    let mut bytes = vec![8, 0, 4, 0, 7, 0, 0, 0, 22, 0, 18, 0, 10, 0];
    bytes.extend([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0]);
    let route = read(&bytes).unwrap();
    assert_eq!(route.gateway, Some("fe80::2".parse().unwrap()));
}

#[test]
fn the_type_of_the_route_says_whether_it_is_this_host() {
    let mut bytes = HEADER.to_vec();
    bytes[7] = 2;
    bytes.extend([8, 0, 4, 0, 1, 0, 0, 0]);
    assert!(decode(&bytes).unwrap().local);
}

#[test]
fn a_route_without_an_interface_is_no_way() {
    assert_eq!(read(&[]), None);
}

#[test]
fn the_next_hop_is_the_router_or_the_destination_itself() {
    let on_link = read(&[8, 0, 4, 0, 7, 0, 0, 0]).unwrap();
    let destination = "203.0.113.9".parse().unwrap();
    assert_eq!(on_link.next_hop(destination), destination);
    let gateway = Some("192.0.2.254".parse().unwrap());
    let routed = Route { gateway, ..on_link };
    assert_eq!(Some(routed.next_hop(destination)), gateway);
}

#[test]
fn the_gateways_of_a_route_are_those_of_all_its_ways() {
    let gateway = |index, address: &str| Gateway {
        index,
        address: address.parse().unwrap(),
    };
    let found = |attributes: &[u8]| decode_gateways(&[&HEADER[..], attributes].concat());
    let single = [8, 0, 5, 0, 192, 0, 2, 254, 8, 0, 4, 0, 7, 0, 0, 0];
    assert_eq!(found(&single), [gateway(7, "192.0.2.254")]);
    #[rustfmt::skip]
    let several = [
        56, 0, 9, 0,
        16, 0, 0, 0, 7, 0, 0, 0, 8, 0, 5, 0, 192, 0, 2, 254,
        8, 0, 0, 0, 8, 0, 0, 0,
        28, 0, 0, 0, 9, 0, 0, 0, 20, 0, 18, 0, 10, 0,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
    ];
    // The last way is cut off and left out: its address has 14 bytes.
    assert_eq!(found(&several), [gateway(7, "192.0.2.254")]);
    let on_link = [8, 0, 4, 0, 7, 0, 0, 0];
    assert_eq!(found(&on_link), []);
    let mut local = [&HEADER[..], &single].concat();
    local[7] = 2;
    assert_eq!(decode_gateways(&local), []);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _route = decode(&bytes);
        let _gateways = decode_gateways(&bytes);
        let _several = decode_gateways(&[&HEADER[..], &[100, 0, 9, 0], &bytes].concat());
    }
}
