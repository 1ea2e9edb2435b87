use lb_common::vlan::{CUSTOMER, SERVICE};

use super::*;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const VMAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

fn link(index: u32, name: &str, kind: LinkKind) -> Link {
    Link {
        index,
        name: name.into(),
        mac: MAC,
        up: true,
        mtu: 1500,
        kind,
        master: None,
        alias: None,
    }
}

fn vlan(index: u32, name: &str, parent: u32, id: u16) -> Link {
    let ether_type = CUSTOMER;
    let kind = LinkKind::Vlan {
        parent,
        id,
        ether_type,
    };
    link(index, name, kind)
}

/// Where a native program meets the frames of the last of these.
fn of_the_last(links: &[Link]) -> Native {
    let all = links.iter().map(|it| (it.index, it.clone())).collect();
    native(links.last().unwrap(), &all)
}

fn below(links: &[Link]) -> Below {
    match of_the_last(links) {
        Native::Below(below) => below,
        other => panic!("{other:?}"),
    }
}

fn nowhere(links: &[Link]) -> String {
    match of_the_last(links) {
        Native::Nowhere(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_has_a_driver_is_met_there() {
    for kind in [LinkKind::Ethernet, LinkKind::Bond, LinkKind::Veth] {
        assert_eq!(of_the_last(&[link(2, "eth0", kind)]), Native::Itself);
    }
}

#[test]
fn a_vlan_is_met_on_the_interface_below_by_its_tag() {
    let eth0 = link(2, "eth0", LinkKind::Ethernet);
    let below = below(&[eth0.clone(), vlan(5, "eth0.10", 2, 10)]);
    assert_eq!(below.link, eth0);
    assert_eq!(below.tags, [Tag::new(CUSTOMER, 10), Tag::NONE]);
    assert_eq!(below.arrivals, [eth0]);
    assert_eq!(below.confused, None);
    assert_eq!(below.what(), "VLAN 10 of eth0");
}

#[test]
fn a_vlan_of_a_vlan_has_two_tags_and_no_vlan_has_three() {
    let eth0 = link(2, "eth0", LinkKind::Ethernet);
    let outer = LinkKind::Vlan {
        parent: 2,
        id: 10,
        ether_type: SERVICE,
    };
    let mut links = vec![
        eth0,
        link(5, "eth0.10", outer),
        vlan(6, "eth0.10.20", 5, 20),
    ];
    let found = below(&links);
    assert_eq!(found.tags, [Tag::new(SERVICE, 10), Tag::new(CUSTOMER, 20)]);
    assert_eq!(found.what(), "VLAN 10.20 of eth0");
    links.push(vlan(7, "third", 6, 30));
    assert_eq!(
        nowhere(&links),
        "third has more than 2 VLAN tags, where the kernel has no native XDP"
    );
}

#[test]
fn the_frames_of_a_bonds_vlan_arrive_by_the_ports_of_the_bond() {
    let port = |index, name| Link {
        master: Some(4),
        ..link(index, name, LinkKind::Ethernet)
    };
    let bond = link(4, "bond0", LinkKind::Bond);
    let all = [
        port(2, "eth0"),
        port(3, "eth1"),
        bond.clone(),
        vlan(5, "bond0.10", 4, 10),
    ];
    let below = below(&all);
    assert_eq!(below.link, bond);
    assert_eq!(below.arrivals, all[..2]);
}

#[test]
fn a_macvlan_of_use_vmac_is_met_below_and_one_with_another_address_is_not_told_apart() {
    let eth0 = link(2, "eth0", LinkKind::Ethernet);
    let with = |mac| Link {
        mac,
        ..link(5, "vrrp.51", LinkKind::Macvlan { parent: 2 })
    };
    let found = below(&[eth0.clone(), with(VMAC)]);
    assert_eq!((found.is_tagged(), found.confused.clone()), (false, None));
    assert_eq!(found.what(), "a macvlan of eth0");
    let why = below(&[eth0.clone(), with([2, 0, 0, 0, 0, 9])]).confused;
    let expected = "vrrp.51 is a macvlan of eth0 with another Ethernet address than eth0, where the \
                    kernel has no native XDP";
    assert_eq!(why.as_deref(), Some(expected));
    // On a VLAN it is met below that.
    let above = Link {
        mac: VMAC,
        ..link(6, "vrrp.52", LinkKind::Macvlan { parent: 5 })
    };
    let found = below(&[eth0, vlan(5, "eth0.10", 2, 10), above]);
    assert_eq!(found.what(), "VLAN 10 of eth0");
    assert_eq!(found.confused, None);
}

#[test]
fn a_vlan_with_an_address_of_its_own_is_left_there_but_not_told_apart() {
    let own = Link {
        mac: [2, 0, 0, 0, 0, 9],
        ..vlan(5, "eth0.10", 2, 10)
    };
    let found = below(&[link(2, "eth0", LinkKind::Ethernet), own]);
    assert!(
        found
            .confused
            .unwrap()
            .starts_with("eth0.10 is a VLAN of eth0 with another")
    );
}

#[test]
fn bridges_and_what_lives_elsewhere_have_no_native_mode() {
    let bridge = link(3, "br0", LinkKind::Bridge);
    let why = "br0 is a bridge, where the kernel has no native XDP";
    assert_eq!(nowhere(std::slice::from_ref(&bridge)), why);
    assert_eq!(nowhere(&[bridge, vlan(5, "br0.10", 3, 10)]), why);
    assert_eq!(
        nowhere(&[vlan(5, "eth0.10", 0, 10)]),
        "eth0.10 is a VLAN of an interface that is not in this namespace, where the kernel has no \
         native XDP"
    );
}

#[test]
fn interfaces_that_lie_below_each_other_in_a_circle_are_given_up() {
    let one = link(5, "one", LinkKind::Macvlan { parent: 6 });
    let two = link(6, "two", LinkKind::Macvlan { parent: 5 });
    assert_eq!(nowhere(&[one, two]), "two has too many interfaces below it");
}
