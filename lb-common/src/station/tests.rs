use super::*;

const OURS: [u8; 6] = [2, 0, 0, 0xaa, 0, 1];

/// The first word of a frame to this address; its source begins with 0xff.
fn to(mac: [u8; 6]) -> u64 {
    word(u32::MAX, mac)
}

#[test]
fn a_known_interface_takes_what_is_for_it_and_for_virtual_routers() {
    let stations = Stations::of([(7, OURS)]);
    assert!(stations.is_for_us(7, to(OURS)));
    assert!(stations.is_for_us(7, to([0, 0, 0x5e, 0, 1, 51])));
    assert!(stations.is_for_us(7, to([0, 0, 0x5e, 0, 2, 51])));
    for other in [
        [2, 0, 0, 0xaa, 0, 2],
        [0, 0, 0x5e, 0, 3, 51],
        [0, 0, 0x5e, 0x10, 1, 51],
        [0; 6],
        [0xff; 6],
    ] {
        assert!(!stations.is_for_us(7, to(other)), "{other:?}");
    }
}

#[test]
fn an_interface_that_is_not_known_takes_everything() {
    let stations = Stations::of([(7, OURS)]);
    for ifindex in [0, 6, 8, 7 + 64, 7 + 128] {
        assert!(stations.is_for_us(ifindex, to([9; 6])), "{ifindex}");
    }
    assert!(Stations::empty().is_for_us(0, to([9; 6])));
}

#[test]
fn of_two_interfaces_in_one_place_one_is_known() {
    let stations = Stations::of([(7, OURS), (7 + 64, [4; 6])]);
    assert!(stations.is_for_us(7, to([9; 6])));
    assert!(!stations.is_for_us(7 + 64, to([9; 6])));
    assert!(stations.is_for_us(7 + 64, to([4; 6])));
}

#[test]
fn a_vlan_is_left_by_its_parent_with_a_tag_and_anything_else_by_itself() {
    let vlan = Vlan {
        ifindex: 9,
        parent: 2,
        tag: 100_u16.to_be(),
    };
    let vlans = Vlans::of([vlan]);
    assert_eq!(vlans.way(9), (2, 100_u16.to_be()));
    for ifindex in [0, 2, 9 + 64] {
        assert_eq!(vlans.way(ifindex), (ifindex, 0));
    }
    assert_eq!(Vlans::of([]).way(0), (0, 0));
}
