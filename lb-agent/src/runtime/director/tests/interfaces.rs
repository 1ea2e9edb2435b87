use super::*;
use crate::config::model::{Family, XdpAttach, XdpMode};
use crate::dataplane::below::Native;
use crate::dataplane::nexthop::Action;
use crate::dataplane::port::{Need, Port, Wanted};
use crate::dataplane::xdp::attach::Mode;
use crate::net::address::Address;
use crate::net::route::Gateway;
use crate::runtime::clock;
use crate::vrrp::State;

/// The interfaces that should carry the program.
fn names(director: &Director) -> Vec<String> {
    let wanted = director.interfaces().into_iter();
    wanted
        .filter(|it| it.need != Need::None)
        .map(|it| it.link.name)
        .collect()
}

/// What an interface needs the program for.
fn need(director: &Director, name: &str) -> Option<Need> {
    let mut wanted = director.interfaces().into_iter();
    wanted.find(|it| it.link.name == name).map(|it| it.need)
}

/// The interfaces that packets leave by.
fn egress(director: &Director) -> Vec<String> {
    let wanted = director.interfaces().into_iter();
    wanted
        .filter(|it| it.egress)
        .map(|it| it.link.name)
        .collect()
}

/// A virtual server on eth0 with a server that is routed by eth1.
fn two_armed(lb_kind: Forwarding) -> Config {
    Config {
        vrrp_instances: vec![instance(VIP, "eth0")],
        virtual_servers: vec![VirtualServer {
            lb_kind,
            ..virtual_server(VIP, &["10.1.0.5"])
        }],
        ..Config::default()
    }
}

/// Everything that is wanted has come about, as a native program.
fn grant(director: &mut Director) {
    let port = |it: Wanted| {
        let port = Port {
            name: it.link.name,
            kind: it.link.kind,
            program: Ok(Mode::Native),
            driver: None,
            not_native: None,
            listed: Ok(()),
            takes_frames: Some(true),
        };
        (it.link.index, port)
    };
    let ports = director.interfaces().into_iter().map(port).collect();
    director.handle_ports(ports);
}

fn path(director: &Director) -> Path {
    director.desired().services[0].servers[0].path
}

#[test]
fn the_program_goes_where_the_address_is_and_never_on_lo() {
    for (dev, expected) in [("eth1", "eth1"), ("eth0", "eth0"), ("lo", "eth0")] {
        let config = Config {
            vrrp_instances: vec![instance(VIP, dev)],
            virtual_servers: vec![virtual_server(VIP, &[])],
            ..Config::default()
        };
        assert_eq!(names(&director(config)), [expected], "{dev}");
    }
}

#[test]
fn an_address_of_no_instance_is_found_where_the_host_has_it() {
    let config = Config {
        virtual_servers: vec![virtual_server(VIP, &[])],
        ..Config::default()
    };
    let mut director = director(config);
    assert!(names(&director).is_empty());
    let held = Address {
        index: 3,
        address: IpNet::from(address(VIP)),
        label: None,
        scope: 0,
        broadcast: None,
        ..Address::default()
    };
    director.handle_address(&held);
    assert_eq!(names(&director), ["eth1"]);
}

#[test]
fn an_address_that_was_on_lo_as_well_is_still_where_it_was() {
    let config = Config {
        virtual_servers: vec![virtual_server(VIP, &[])],
        ..Config::default()
    };
    let mut director = director(config);
    let held = |index| Address {
        index,
        address: IpNet::from(address(VIP)),
        ..Address::default()
    };
    for index in [2, 1] {
        director.handle_address(&held(index));
        assert_eq!(names(&director), ["eth0"], "and on interface {index}");
    }
    assert!(director.handle_address_gone(address(VIP), 1));
    assert!(
        !director.handle_address_gone(address(VIP), 1),
        "nothing new"
    );
    assert_eq!(names(&director), ["eth0"]);
    // Whoever has missed that it moved reads all of them again.
    director.handle_addresses(&[held(3)]);
    assert_eq!(names(&director), ["eth1"]);
}

#[test]
fn with_xdp_attach_master_only_a_master_has_the_program() {
    let mut config = Config {
        vrrp_instances: vec![instance(VIP, "eth0")],
        virtual_servers: vec![virtual_server(VIP, &[])],
        ..Config::default()
    };
    config.global_defs.xdp_attach = XdpAttach::Master;
    let mut director = director(config);
    assert!(names(&director).is_empty());
    director.handle_role("VI_1", State::Master);
    assert_eq!(names(&director), ["eth0"]);
    director.handle_role("VI_1", State::Backup);
    assert!(names(&director).is_empty());
}

/// Of an instance with the default interval that an agent before us was MASTER of, or was not.
fn adopted(armed: bool) -> (Director, Instant) {
    let mut config = Config {
        vrrp_instances: vec![instance(VIP, "eth0")],
        virtual_servers: vec![virtual_server(VIP, &[])],
        ..Config::default()
    };
    config.global_defs.xdp_attach = XdpAttach::Master;
    let mut director = director(config);
    let now = clock::now();
    director.hold_attachments(|_| armed, now);
    (director, now)
}

#[test]
fn a_restarted_master_keeps_the_program_attached_until_its_role_is_known() {
    let (mut director, _) = adopted(true);
    assert_eq!(names(&director), ["eth0"], "VRRP has not said anything");
    director.handle_role("VI_1", State::Backup);
    assert_eq!(names(&director), ["eth0"], "it may be MASTER in a moment");
    director.handle_role("VI_1", State::Master);
    assert_eq!(director.take_new_masters(), ["VI_1"]);
    assert_eq!(director.poll_timeout(), None);
    director.handle_role("VI_1", State::Backup);
    assert!(names(&director).is_empty(), "as any other BACKUP");

    let (mut director, now) = adopted(true);
    let until = director.poll_timeout().unwrap();
    // Three adverts, less than one of skew, and a second.
    assert_eq!(until - now, Duration::from_secs(5));
    assert!(!director.handle_timeout(now + Duration::from_millis(4999)));
    assert_eq!(names(&director), ["eth0"]);
    assert!(director.handle_timeout(until));
    assert!(names(&director).is_empty(), "somebody else is MASTER");

    let (mut director, _) = adopted(true);
    director.handle_role("VI_1", State::Fault);
    assert!(names(&director).is_empty());
    let (director, _) = adopted(false);
    assert!(names(&director).is_empty());
}

#[test]
fn xdp_interfaces_overrides_what_would_follow() {
    let mut config = Config {
        vrrp_instances: vec![instance(VIP, "eth0")],
        virtual_servers: vec![virtual_server(VIP, &[])],
        ..Config::default()
    };
    config.global_defs.xdp_interfaces = vec!["eth1".into()];
    assert_eq!(names(&director(config)), ["eth1"]);
}

#[test]
fn the_way_to_the_servers_needs_the_program_in_every_mode() {
    for lb_kind in [Forwarding::Dr, Forwarding::Tun, Forwarding::Nat] {
        let mut director = director(two_armed(lb_kind));
        assert_eq!(names(&director), ["eth0"], "{lb_kind:?}");
        reach(&mut director, "10.1.0.5", 3);
        assert_eq!(names(&director), ["eth0", "eth1"], "{lb_kind:?}");
        let leaves_by: &[&str] = match lb_kind {
            Forwarding::Dr | Forwarding::Tun => &["eth1"],
            Forwarding::Nat => &["eth0", "eth1"],
        };
        assert_eq!(egress(&director), leaves_by, "{lb_kind:?}");
        // Answers arrive there in NAT mode only.
        let expected = match lb_kind {
            Forwarding::Dr | Forwarding::Tun => Need::Driver,
            Forwarding::Nat => Need::Packets,
        };
        assert_eq!(need(&director, "eth1"), Some(expected), "{lb_kind:?}");
        assert_eq!(need(&director, "eth0"), Some(Need::Packets));
    }
}

#[test]
fn a_neighbour_that_fails_does_not_take_the_program_away() {
    let mut director = director(two_armed(Forwarding::Nat));
    reach(&mut director, "10.1.0.5", 3);
    director
        .hops()
        .handle_neighbour_gone(3, address("10.1.0.5"), clock());
    assert_eq!(path(&director), Path::Unknown);
    assert_eq!(names(&director), ["eth0", "eth1"]);
}

#[test]
fn servers_out_of_the_pool_and_the_sorry_server_are_on_the_way_too() {
    let mut config = two_armed(Forwarding::Dr);
    config.virtual_servers[0].real_servers[0].weight = 0;
    config.virtual_servers[0].sorry_server = Some(SorryServer {
        address: address("10.2.0.5"),
        port: 80,
    });
    let mut director = director(config);
    director.handle_link(link(4, "eth2", LinkKind::Ethernet));
    reach(&mut director, "10.1.0.5", 3);
    reach(&mut director, "10.2.0.5", 4);
    assert_eq!(names(&director), ["eth0", "eth1", "eth2"]);
}

#[test]
fn the_routers_of_nat_clients_are_on_the_way() {
    for (lb_kind, expected) in [
        (Forwarding::Nat, &["eth0", "eth1"][..]),
        (Forwarding::Dr, &["eth0"]),
    ] {
        let mut director = director(two_armed(lb_kind));
        let asked = std::iter::from_fn(|| director.hops().poll_action());
        let listed = asked
            .filter(|it| *it == Action::ListGateways)
            .collect::<Vec<_>>();
        assert_eq!(listed.len(), usize::from(lb_kind == Forwarding::Nat));
        if lb_kind == Forwarding::Nat {
            let router = Gateway {
                index: 3,
                address: address("10.1.0.1"),
            };
            director
                .hops()
                .handle_gateways(Some(BTreeSet::from([router])), clock());
        }
        assert_eq!(names(&director), expected);
        let nat = lb_kind == Forwarding::Nat;
        assert_eq!(need(&director, "eth1"), nat.then_some(Need::Driver));
    }
}

#[test]
fn interfaces_without_ethernet_addresses_are_no_way_out() {
    let mut director = director(two_armed(Forwarding::Dr));
    let tunnel = Link {
        mac: [0; 6],
        ..link(4, "tun0", LinkKind::Other("ipip".into()))
    };
    director.handle_link(tunnel);
    reach(&mut director, "10.1.0.5", 4);
    assert_eq!(names(&director), ["eth0"]);
    reach(&mut director, "10.1.0.5", 1);
    assert_eq!(names(&director), ["eth0"], "lo");
}

#[test]
fn a_server_behind_an_interface_that_takes_nothing_is_not_reached_and_says_why() {
    let mut director = director(two_armed(Forwarding::Dr));
    reach(&mut director, "10.1.0.5", 3);
    grant(&mut director);
    assert!(matches!(path(&director), Path::Via(hop) if hop.index == 3));
    assert!(director.unreached().is_empty());

    let mut ports = director.ports.clone();
    ports.get_mut(&3).unwrap().listed = Err("the map is full".into());
    director.handle_ports(ports);
    assert_eq!(path(&director), Path::Unknown);
    let why = "packets cannot be redirected to eth1: the map is full";
    let unreached = director.unreached();
    assert_eq!(unreached[&address("10.1.0.5")], why);
}

#[test]
fn only_servers_behind_the_failing_interface_are_cut_off() {
    let mut config = two_armed(Forwarding::Dr);
    config
        .virtual_servers
        .push(virtual_server("10.0.0.101", &["10.0.0.5"]));
    let mut director = director(config);
    reach(&mut director, "10.1.0.5", 3);
    reach(&mut director, "10.0.0.5", 2);
    grant(&mut director);
    let mut ports = director.ports.clone();
    ports.get_mut(&3).unwrap().program = Ok(Mode::Generic);
    director.handle_ports(ports);
    assert_eq!(path(&director), Path::Unknown);
    let other = director.desired().services[1].servers[0].path;
    assert!(matches!(other, Path::Via(_)));
}

#[test]
fn in_nat_mode_the_answers_have_to_find_the_way_out_too() {
    for (lb_kind, reached) in [(Forwarding::Dr, true), (Forwarding::Nat, false)] {
        let mut director = director(two_armed(lb_kind));
        reach(&mut director, "10.1.0.5", 3);
        grant(&mut director);
        let mut ports = director.ports.clone();
        // A bridge, say: packets can leave it, but none of a native program can enter.
        ports.get_mut(&2).unwrap().program = Ok(Mode::Generic);
        director.handle_ports(ports);
        assert_eq!(
            matches!(path(&director), Path::Via(_)),
            reached,
            "{lb_kind:?}"
        );
    }
}

#[test]
fn xdp_interfaces_keeps_the_program_off_all_others() {
    let mut config = two_armed(Forwarding::Dr);
    config.global_defs.xdp_interfaces = vec!["eth0".into()];
    let mut director = director(config);
    reach(&mut director, "10.1.0.5", 3);
    assert_eq!(names(&director), ["eth0"]);
    assert_eq!(egress(&director), ["eth1"]);
}

#[test]
fn answers_of_nat_servers_come_by_their_interfaces() {
    let mut dr = director(two_armed(Forwarding::Dr));
    reach(&mut dr, "10.1.0.5", 3);
    assert_eq!(dr.answers_come_by(Family::Inet), None);
    let mut nat = director(two_armed(Forwarding::Nat));
    assert_eq!(nat.answers_come_by(Family::Inet), Some(BTreeSet::new()));
    reach(&mut nat, "10.1.0.5", 3);
    let eth1 = Some(BTreeSet::from(["eth1"]));
    assert_eq!(nat.answers_come_by(Family::Inet), eth1);
    assert_eq!(nat.answers_come_by(Family::Inet6), None);
}

#[test]
fn a_virtual_server_without_an_interface_is_told_with_what_to_do() {
    let name = "[10.0.0.100]:tcp:80";
    let alone = || Config {
        virtual_servers: vec![virtual_server(VIP, &[])],
        ..Config::default()
    };
    let held = |index| Address {
        index,
        address: IpNet::from(address(VIP)),
        label: None,
        scope: 0,
        broadcast: None,
        ..Address::default()
    };
    let mut director = director(alone());
    let why = |director: &Director| director.unserved().get(name).cloned();
    assert!(why(&director).unwrap().contains("on no interface"));
    assert!(director.handle_address(&held(1)));
    assert!(why(&director).unwrap().contains("on lo"));
    assert!(director.handle_address(&held(3)));
    assert_eq!(why(&director), None);
    assert!(!director.handle_address(&held(3)), "nothing new");
    assert!(director.handle_link_gone(3));
    assert!(why(&director).unwrap().contains("on lo"));
    assert!(director.handle_address_gone(address(VIP), 1));
    assert!(why(&director).unwrap().contains("gone"));
    assert_eq!(director.take_gone(), BTreeSet::from([3]));
    assert_eq!(director.take_gone(), BTreeSet::new());
    assert!(director.handle_link(link(3, "eth1", LinkKind::Ethernet)));
    assert_eq!(why(&director), None);
    assert!(
        !director.handle_link(link(3, "eth1", LinkKind::Ethernet)),
        "nothing new"
    );

    let mut config = alone();
    config.vrrp_instances = vec![instance(VIP, "eth0")];
    let mut owned = super::director(config);
    assert_eq!(why(&owned), None);
    owned.handle_link_gone(2);
    assert!(why(&owned).unwrap().contains("when it is back"));
}

#[test]
fn addresses_of_others_are_nobodys_matter() {
    let mut director = director(two_armed(Forwarding::Dr));
    let other = Address {
        index: 3,
        address: IpNet::from(address("10.9.9.9")),
        label: None,
        scope: 0,
        broadcast: None,
        ..Address::default()
    };
    assert!(!director.handle_address(&other));
}

#[test]
fn a_server_on_this_host_with_another_port_is_told_with_what_to_do() {
    let with = |port| VirtualServer {
        sorry_server: Some(SorryServer {
            address: address("127.0.0.1"),
            port,
        }),
        ..virtual_server(VIP, &["10.0.0.5"])
    };
    for (port, told) in [(80, false), (8080, true)] {
        let mut director = director(Config {
            virtual_servers: vec![with(port)],
            ..Config::default()
        });
        assert!(director.misplaced().is_empty(), "the way is not known yet");
        let route = Route {
            index: 1,
            gateway: None,
            source: None,
            local: true,
            mtu: None,
        };
        let here = address("127.0.0.1");
        director.hops().handle_route(here, Ok(route), clock());
        let misplaced = director.misplaced();
        assert_eq!(!misplaced.is_empty(), told, "{port}");
        let Some((name, why)) = misplaced.first_key_value() else {
            continue;
        };
        assert_eq!(
            name,
            "127.0.0.1 port 8080 of virtual server [10.0.0.100]:tcp:80"
        );
        assert!(why.contains("let it listen on port 80"), "{why}");
    }
}

#[test]
fn a_vlan_is_to_be_met_below_unless_somebody_wants_generic_mode_there() {
    let vlan = |index, id| {
        let kind = LinkKind::Vlan {
            parent: 2,
            id,
            ether_type: 0x8100,
        };
        link(index, &format!("eth0.{id}"), kind)
    };
    let on = |vip, dev: &str, mode| {
        let instance = instance(vip, dev);
        let server = VirtualServer {
            xdp_mode: mode,
            ..virtual_server(vip, &[])
        };
        (instance, server)
    };
    for (mode, native) in [(None, true), (Some(XdpMode::Generic), false)] {
        let (one, first) = on(VIP, "eth0.10", None);
        let (mut two, second) = on("10.0.0.101", "eth0", mode);
        two.name = "VI_2".into();
        let config = Config {
            vrrp_instances: vec![one, two],
            virtual_servers: vec![first, second],
            ..Config::default()
        };
        let mut director = director(config);
        director.handle_link(vlan(5, 10));
        let wanted = director.interfaces();
        let wanted = wanted.iter().find(|it| it.link.index == 5).unwrap();
        match &wanted.native {
            Native::Below(below) if native => assert_eq!(below.link.name, "eth0"),
            Native::Nowhere(why) if !native => assert_eq!(
                why,
                "eth0.10 is VLAN 10 of eth0, and `xdp_mode` is generic on eth0"
            ),
            other => panic!("{other:?}"),
        }
    }
}
