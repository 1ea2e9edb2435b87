use core::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::Zeroable as _;

use super::{Filter, Tuple, mapped};
use crate::address6::{address, words};

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const VIP: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 10);

fn of(address: Ipv4Addr) -> [u64; 2] {
    mapped(u32::from_ne_bytes(address.octets()))
}

fn packet() -> Tuple {
    Tuple {
        source: of(CLIENT),
        destination: of(VIP),
        source_port: 40_000_u16.to_be(),
        destination_port: 80_u16.to_be(),
        ..Tuple::default()
    }
}

fn reply() -> Tuple {
    let packet = packet();
    Tuple {
        source: packet.destination,
        destination: packet.source,
        source_port: packet.destination_port,
        destination_port: packet.source_port,
        ..packet
    }
}

#[test]
fn an_address_of_ipv4_is_mapped_as_the_rfc_has_it() {
    assert_eq!(address(of(CLIENT)), CLIENT.to_ipv6_mapped());
}

#[test]
fn an_empty_filter_wants_everything() {
    assert!(Filter::zeroed().wants(&packet()));
    assert!(Filter::zeroed().wants(&Tuple::default()));
}

#[test]
fn a_filter_wants_both_directions_of_what_it_names() {
    let filters = [
        Filter {
            client: of(CLIENT),
            ..Filter::zeroed()
        },
        Filter {
            vip: of(VIP),
            ..Filter::zeroed()
        },
        Filter {
            client: of(CLIENT),
            vip: of(VIP),
            port: 80_u16.to_be(),
            ..Filter::zeroed()
        },
    ];
    for filter in filters {
        assert!(filter.wants(&packet()), "{filter:?}");
        assert!(filter.wants(&reply()), "{filter:?}");
    }
}

#[test]
fn a_filter_wants_nothing_else() {
    let filters = [
        Filter {
            client: of(Ipv4Addr::new(192, 0, 2, 8)),
            ..Filter::zeroed()
        },
        Filter {
            vip: words(Ipv6Addr::LOCALHOST),
            ..Filter::zeroed()
        },
        Filter {
            port: 81_u16.to_be(),
            ..Filter::zeroed()
        },
        // The port of the client is not the one that is meant.
        Filter {
            vip: of(VIP),
            port: 40_000_u16.to_be(),
            ..Filter::zeroed()
        },
    ];
    for filter in filters {
        assert!(!filter.wants(&packet()), "{filter:?}");
        assert!(!filter.wants(&reply()), "{filter:?}");
    }
}
