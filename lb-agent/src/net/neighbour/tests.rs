use proptest::prelude::*;

use super::*;

#[rustfmt::skip]
const REACHABLE: [u8; 32] = [
    2, 0, 0, 0, 7, 0, 0, 0, 0x02, 0, 0, 1,
    8, 0, 1, 0, 192, 0, 2, 9,
    10, 0, 2, 0, 2, 0, 0, 0, 0, 9, 0, 0,
];

#[test]
fn an_entry_is_read_whole() {
    assert_eq!(
        decode(&REACHABLE),
        Some(Neighbour {
            index: 7,
            address: "192.0.2.9".parse().unwrap(),
            mac: Some([2, 0, 0, 0, 0, 9]),
            state: NeighbourState::Reachable,
        })
    );
}

#[test]
fn the_mac_is_usable_exactly_where_the_kernel_would_use_it() {
    let usable = |bits: u8| {
        let mut bytes = REACHABLE;
        bytes[8] = bits;
        decode(&bytes).unwrap().usable_mac().is_some()
    };
    for (name, bits, expected) in [
        ("none", 0x00, false),
        ("incomplete", 0x01, false),
        ("reachable", 0x02, true),
        ("stale", 0x04, true),
        ("delay", 0x08, true),
        ("probe", 0x10, true),
        ("failed", 0x20, false),
        ("noarp", 0x40, true),
        ("permanent", 0x80, true),
        ("two at once", 0x06, false),
    ] {
        assert_eq!(usable(bits), expected, "{name}");
    }
}

#[test]
fn a_known_state_without_a_mac_has_nothing_to_use() {
    let entry = decode(&REACHABLE[..20]).unwrap();
    assert_eq!((entry.mac, entry.usable_mac()), (None, None));
}

#[test]
fn the_forwarding_table_of_a_bridge_is_no_neighbour() {
    let mut bytes = REACHABLE;
    bytes[0] = 7;
    assert_eq!(decode(&bytes), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _neighbour = decode(&bytes);
    }
}
