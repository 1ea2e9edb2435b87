use super::*;

fn port(name: &str, kind: LinkKind, mode: Mode) -> Port {
    Port {
        name: name.into(),
        kind,
        program: Ok(mode),
        driver: None,
        not_native: None,
        listed: Ok(()),
        takes_frames: Some(true),
    }
}

fn card(name: &str) -> Port {
    port(name, LinkKind::Ethernet, Mode::Native)
}

/// What is in the way from interface 1 to interface 2.
fn between(one: Port, two: Port) -> Option<Obstacle> {
    obstacle(&Ports::from([(1, one), (2, two)]), 1, 2)
}

/// What is in the way from an interface back to itself.
fn back(port: Port) -> Option<Obstacle> {
    obstacle(&Ports::from([(1, port)]), 1, 1)
}

#[test]
fn two_cards_with_native_programs_take_each_others_packets() {
    assert_eq!(between(card("eth0"), card("eth1")), None);
    let silent = Port {
        takes_frames: None,
        ..card("eth1")
    };
    assert_eq!(between(card("eth0"), silent), None, "an old kernel");
}

#[test]
fn a_card_without_a_program_is_not_trusted_to_take_anything() {
    let bare = Port {
        program: Err("another program is there".into()),
        ..card("eth1")
    };
    let obstacle = between(card("eth0"), bare.clone()).unwrap().to_string();
    assert!(obstacle.contains("has none: another program is there;"));
    // In generic mode it does not need one.
    let generic = port("eth0", LinkKind::Ethernet, Mode::Generic);
    assert_eq!(between(generic, bare), None);
}

#[test]
fn what_has_no_native_xdp_takes_no_packets_of_a_native_program() {
    let bridge = port("br0", LinkKind::Bridge, Mode::Generic);
    let bridge = Port {
        takes_frames: Some(false),
        ..bridge
    };
    assert_eq!(
        between(card("eth0"), bridge.clone()),
        Some(Obstacle::NoNative {
            name: "br0".into(),
            why: "its program runs in generic mode".into(),
        })
    );
    assert_eq!(between(bridge.clone(), card("eth0")), None);
    assert_eq!(between(bridge.clone(), bridge.clone()), None);
    assert_eq!(back(bridge), None);
}

#[test]
fn a_driver_that_refuses_is_believed() {
    let refusing = |kind| Port {
        takes_frames: Some(false),
        ..port("eth1", kind, Mode::Native)
    };
    let name = "eth1".to_owned();
    assert_eq!(
        between(card("eth0"), refusing(LinkKind::Ethernet)),
        Some(Obstacle::Driver { name: name.clone() })
    );
    // It sends back what it has received itself: XDP_TX.
    assert_eq!(back(refusing(LinkKind::Ethernet)), None);
    let end = Some(Obstacle::VethEnd { name });
    assert_eq!(between(card("eth0"), refusing(LinkKind::Veth)), end);
    assert_eq!(back(refusing(LinkKind::Veth)), end);
}

#[test]
fn a_veth_takes_what_its_other_end_does_with_or_without_a_program() {
    let veth = Port {
        program: Err("`xdp_interfaces` names others".into()),
        ..port("veth0", LinkKind::Veth, Mode::Native)
    };
    assert_eq!(between(card("eth0"), veth), None);
}

#[test]
fn an_interface_that_is_not_in_the_device_map_takes_nothing() {
    let unlisted = |mode| Port {
        listed: Err("it is full".into()),
        ..port("eth1", LinkKind::Ethernet, mode)
    };
    for mode in [Mode::Native, Mode::Generic] {
        let from = port("eth0", LinkKind::Ethernet, mode);
        let obstacle = between(from, unlisted(mode)).unwrap().to_string();
        assert_eq!(obstacle, "packets cannot be redirected to eth1: it is full");
        assert_eq!(back(unlisted(mode)), None);
    }
    let only = Ports::from([(1, card("eth0"))]);
    assert!(matches!(
        obstacle(&only, 1, 7),
        Some(Obstacle::Unlisted { .. })
    ));
}

#[test]
fn packets_that_leave_a_bond_come_by_its_ports() {
    let bond = |mode| Port {
        listed: Err("it is full".into()),
        ..port("bond0", LinkKind::Bond, mode)
    };
    assert!(back(bond(Mode::Native)).is_some());
    assert_eq!(back(bond(Mode::Generic)), None);
}

#[test]
fn where_no_program_is_nothing_is_lost() {
    let bare = Port {
        program: Err("refused".into()),
        ..card("eth0")
    };
    let nothing = Port {
        listed: Err("refused".into()),
        ..card("eth1")
    };
    assert_eq!(between(bare, nothing), None);
    assert_eq!(obstacle(&Ports::new(), 1, 2), None);
}

#[test]
fn answers_in_nat_mode_need_the_program_where_they_come() {
    let bare = Port {
        program: Err("another XDP program is attached there".into()),
        ..card("eth1")
    };
    let ports = Ports::from([(1, card("eth0")), (2, bare)]);
    assert_eq!(
        obstacle_to_answers(&ports, 2, 1).map(|it| it.to_string()),
        Some(
            "in NAT mode its answers come by eth1, where the XDP program has to be and is not: \
             another XDP program is attached there"
                .to_owned()
        )
    );
    // Where generic mode sends packets there without one, too.
    let ports = Ports::from([
        (1, port("eth0", LinkKind::Ethernet, Mode::Generic)),
        (2, ports[&2].clone()),
    ]);
    assert_eq!(obstacle(&ports, 1, 2), None);
    assert!(obstacle_to_answers(&ports, 2, 1).is_some());
    // And with it they leave as everything else does.
    let ports = Ports::from([(1, card("eth0")), (2, card("eth1"))]);
    assert_eq!(obstacle_to_answers(&ports, 2, 1), None);
}

/// A VLAN of eth1, served natively by the program there.
fn vlan() -> Port {
    let kind = LinkKind::Vlan {
        parent: 2,
        id: 10,
        ether_type: 0x8100,
    };
    let driver = Driver {
        index: 2,
        name: "eth1".into(),
        kind: LinkKind::Ethernet,
        program: Ok(Mode::Native),
        what: "VLAN 10 of eth1".into(),
    };
    Port {
        driver: Some(driver),
        ..port("eth1.10", kind, Mode::Native)
    }
}

#[test]
fn what_leaves_by_a_vlan_is_given_to_the_driver_below() {
    assert_eq!(between(card("eth0"), vlan()), None);
    let refusing = Port {
        takes_frames: Some(false),
        ..vlan()
    };
    let name = "eth1".to_owned();
    assert_eq!(
        between(card("eth0"), refusing.clone()),
        Some(Obstacle::Driver { name: name.clone() })
    );
    // Even back to where it came from: it has to get its tag again.
    assert_eq!(back(refusing), Some(Obstacle::Driver { name }));
    assert_eq!(back(vlan()), None);
    let mut bare = vlan();
    bare.driver.as_mut().unwrap().program = Err("another program is there".into());
    let obstacle = between(card("eth0"), bare).unwrap().to_string();
    assert!(obstacle.starts_with("eth1 takes packets"), "{obstacle}");
    let unlisted = Port {
        listed: Err("the map is full".into()),
        ..vlan()
    };
    let obstacle = back(unlisted).unwrap().to_string();
    assert!(obstacle.contains("eth1.10: the map is full"), "{obstacle}");
}

#[test]
fn what_came_by_a_vlan_leaves_by_the_interface_below_as_it_would_have_come_there() {
    let ports = Ports::from([(2, card("eth1")), (5, vlan())]);
    assert_eq!(obstacle(&ports, 5, 2), None);
    let refusing = Port {
        takes_frames: Some(false),
        listed: Err("it is full".into()),
        ..card("eth1")
    };
    let ports = Ports::from([(2, refusing), (5, vlan())]);
    assert_eq!(obstacle(&ports, 5, 2), None, "XDP_TX");
}

#[test]
fn a_vlan_in_generic_mode_goes_by_the_kernel() {
    let generic = Port {
        driver: None,
        program: Ok(Mode::Generic),
        takes_frames: Some(false),
        ..vlan()
    };
    assert_eq!(back(generic.clone()), None);
    assert_eq!(between(generic.clone(), card("eth0")), None);
    let why = "its program runs in generic mode".to_owned();
    let name = "eth1.10".to_owned();
    assert_eq!(
        between(card("eth0"), generic),
        Some(Obstacle::NoNative { name, why })
    );
}
