use std::collections::BTreeMap;

use super::*;
use crate::config::{Memory, load};
use crate::dataplane::port::{Port, Ports};
use crate::dataplane::xdp::attach::Mode;
use crate::dataplane::xdp::gate::Numbers;
use crate::net::ipvs::{Family, ServiceKey};
use crate::net::link::{Link, LinkKind};
use crate::net::route::Route;
use crate::runtime::clock;
use crate::runtime::director::IpvsRefusal;

fn director(text: &str) -> Director {
    let loaded = load(&Memory::default().with("/main", text), "/main".as_ref());
    let mut director = Director::new(loaded.config, &Numbers::default()).0;
    director.handle_link(Link {
        index: 2,
        name: "eth0".into(),
        mac: [2; 6],
        up: true,
        mtu: 1500,
        kind: LinkKind::Ethernet,
        master: None,
        alias: None,
    });
    director
}

fn server(head: &str, lines: &str) -> String {
    format!(
        "virtual_server {head} {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n{lines}\n\
         real_server 10.0.0.2 80 {{\n}}\n}}\n"
    )
}

fn carriers(director: &Director) -> Vec<Carrier> {
    director
        .choices()
        .map(|(_, choice)| choice.carrier)
        .collect()
}

#[test]
fn services_are_split_between_both_and_an_address_is_not() {
    use Carrier::{Ipvs, None, Xdp};
    let text = [
        server("10.0.0.1 80", ""),
        server("10.0.0.9 80", ""),
        server("10.0.0.1 443", "xdp_mode off"),
        server("fwmark 7", ""),
    ];
    let mut director = director(&text.concat());
    director.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&director), [Ipvs, Xdp, Ipvs, Ipvs]);
    assert_eq!(director.desired().services.len(), 1);
    assert_eq!(director.desired_of_ipvs().services.len(), 3);
    director.choose(Ok(()), Err("this kernel has no IPVS"));
    assert_eq!(carriers(&director), [Xdp, Xdp, None, None]);
    director.choose(Err("no BPF"), Ok(()));
    assert_eq!(carriers(&director), [Ipvs; 4]);
}

#[test]
fn what_no_interface_takes_goes_to_ipvs_and_stays_there() {
    let instance = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n\
                    virtual_ipaddress {\n10.0.0.1\n10.0.0.2\n}\n}\n";
    let text = [
        instance.to_owned(),
        server("10.0.0.1 80", ""),
        server("10.0.0.2 80", "xdp_mode native"),
    ];
    let mut director = director(&text.concat());
    let port = |program| Port {
        name: "eth0".into(),
        kind: LinkKind::Ethernet,
        driver: None,
        not_native: matches!(program, Ok(Mode::Generic)).then(|| "no room".to_owned()),
        program,
        listed: Ok(()),
        takes_frames: None,
    };
    let ports = |program| Ports::from([(2, port(program))]);
    director.handle_ports(ports(Ok(Mode::Generic)));
    assert_eq!(director.refusals(), BTreeMap::new());
    let told = director.carriers();
    let reasons: Vec<_> = told.iter().map(|it| &*it.reasons).collect();
    let expected: [&[String]; 2] = [&["generic mode: no room".to_owned()], &[]];
    assert_eq!(reasons, expected, "who asks for native has it or nothing");
    director.handle_ports(ports(Err("the driver has no XDP".to_owned())));
    let refused = director.refusals();
    let names: Vec<String> = refused.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["[10.0.0.1]:tcp:80"], "native is native");
    director.note_refusals(refused);
    director.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&director), [Carrier::Ipvs, Carrier::Xdp]);
    let (_, choice) = director.choices().next().unwrap();
    assert_eq!(choice.reasons, ["the driver has no XDP"]);
    director.handle_ports(ports(Ok(Mode::Native)));
    director.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&director), [Carrier::Ipvs, Carrier::Xdp]);
}

fn port(name: &str, program: Result<Mode, String>) -> Port {
    Port {
        name: name.into(),
        kind: LinkKind::Ethernet,
        driver: None,
        not_native: None,
        program,
        listed: Ok(()),
        takes_frames: None,
    }
}

/// Who serves, and why nobody else: the outcome of the first virtual server.
fn first(director: &Director) -> (Carrier, Vec<String>) {
    let views = director.carriers();
    let first = views.into_iter().next().unwrap();
    (first.plane, first.reasons)
}

#[test]
fn what_no_interface_takes_has_nobody_where_there_is_no_ipvs_and_is_told_so() {
    let no_ipvs = "this kernel has no IPVS: run `modprobe ip_vs`";
    let refusal = || "another XDP program is attached there".to_owned();
    for (mode, reasons) in [
        ("auto", vec![refusal(), no_ipvs.to_owned()]),
        ("native", vec![refusal()]),
    ] {
        let instance = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n\
                        virtual_ipaddress {\n10.0.0.1\n}\n}\n";
        let text = server("10.0.0.1 80", &format!("xdp_mode {mode}"));
        let mut director = director(&format!("{instance}{text}"));
        director.choose(Ok(()), Err(no_ipvs));
        director.handle_ports(Ports::from([(2, port("eth0", Err(refusal())))]));
        assert!(director.is_refused());
        assert_eq!(first(&director), (Carrier::None, reasons), "{mode}");
        assert_eq!(carriers(&director), [Carrier::Xdp], "it is asked again");
        director.handle_ports(Ports::from([(2, port("eth0", Ok(Mode::Native)))]));
        assert!(!director.is_refused());
        assert_eq!(first(&director), (Carrier::Xdp, Vec::new()), "{mode}");
    }
}

#[test]
fn an_interface_that_refuses_beside_one_that_takes_the_program_is_named() {
    let text = server("10.0.0.1 80", "");
    let mut director = director(&format!(
        "global_defs {{\nxdp_interfaces eth0 eth1\n}}\n{text}"
    ));
    director.handle_link(Link {
        index: 3,
        name: "eth1".into(),
        alias: None,
        mac: [3; 6],
        up: true,
        mtu: 1500,
        kind: LinkKind::Ethernet,
        master: None,
    });
    let refusal = "another XDP program is attached there".to_owned();
    director.handle_ports(Ports::from([
        (2, port("eth0", Err(refusal.clone()))),
        (3, port("eth1", Ok(Mode::Native))),
    ]));
    let why = format!("not what arrives by eth0: {refusal}");
    assert_eq!(first(&director), (Carrier::Xdp, vec![why]));
}

#[test]
fn what_the_kernel_s_ipvs_refuses_is_served_in_part_or_by_nobody() {
    let group = "virtual_server_group G {\n10.0.0.8-9 80\n}\nvirtual_server group G {\nxdp_mode off\n\
                 lb_algo twos\nlb_kind DR\nprotocol TCP\nreal_server 10.0.0.2 80 {\n}\n}\n";
    let mut director = director(group);
    director.choose(Ok(()), Ok(()));
    let keys: Vec<ServiceKey> = director
        .desired_of_ipvs()
        .services
        .iter()
        .map(|it| it.settings.key)
        .collect();
    let refusal = |whole| IpvsRefusal {
        whole,
        why: "try `modprobe ip_vs_twos`".to_owned(),
    };
    let taken = first(&director);
    assert_eq!(taken.0, Carrier::Ipvs);
    let one = BTreeMap::from([(keys[0], refusal(true))]);
    assert!(director.note_ipvs_refusals(one.clone()));
    assert!(!director.note_ipvs_refusals(one), "it is told once");
    let (carrier, reasons) = first(&director);
    assert_eq!(carrier, Carrier::Ipvs, "the other one stands");
    assert_eq!(reasons.last().unwrap(), "try `modprobe ip_vs_twos`");
    director.note_ipvs_refusals(keys.iter().map(|it| (*it, refusal(true))).collect());
    let (carrier, reasons) = first(&director);
    assert_eq!(carrier, Carrier::None);
    assert_eq!(
        reasons[reasons.len() - 2..],
        ["try `modprobe ip_vs_twos`", "and 1 more of its services"]
    );
    // A server alone: the service is there.
    director.note_ipvs_refusals(keys.iter().map(|it| (*it, refusal(false))).collect());
    assert_eq!(first(&director).0, Carrier::Ipvs);
    director.note_ipvs_refusals(BTreeMap::new());
    assert_eq!(first(&director), taken);
}

#[test]
fn what_the_kernel_s_ipvs_refuses_of_others_is_no_matter_of_who_serves_nothing() {
    let group = "virtual_server_group G {\n10.0.0.8 80\n}\nvirtual_server group G {\nxdp_mode off\n\
                 lb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server 10.0.0.2 80 {\n}\n}\n";
    let mut config = load(&Memory::default().with("/main", group), "/main".as_ref()).config;
    config.virtual_server_groups.clear();
    let mut director = Director::new(config, &Numbers::default()).0;
    director.choose(Ok(()), Ok(()));
    let before = first(&director);
    let key = ServiceKey::Mark {
        mark: 6,
        family: Family::V4,
    };
    let refusal = IpvsRefusal {
        whole: true,
        why: "try `modprobe ip_vs_twos`".to_owned(),
    };
    director.note_ipvs_refusals(BTreeMap::from([(key, refusal)]));
    assert_eq!(first(&director), before);
    assert_eq!(before.0, Carrier::Ipvs);
}

#[test]
fn tunnels_of_every_type_and_between_the_families_are_xdp_s() {
    let text = |lines: &str, server: &str| {
        format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind TUN\nprotocol TCP\n{lines}\n\
             real_server 10.0.0.2 80 {{\n}}\nreal_server 10.0.0.3 80 {{\n{server}\n}}\n}}\n"
        )
    };
    let sorry = "sorry_server 10.0.0.4 80\nsorry_server_lvs_method TUN type gue port 6080";
    for (lines, server, carrier) in [
        ("", "", Carrier::Xdp),
        ("", "lvs_method TUN type gre", Carrier::Xdp),
        ("", "lvs_method TUN type ipip", Carrier::Xdp),
        (
            "",
            "lvs_method TUN type gue port 6080 remcsum",
            Carrier::Xdp,
        ),
        (sorry, "", Carrier::Xdp),
        ("sorry_server fd00::4 80", "", Carrier::Xdp),
    ] {
        let text = text(lines, server);
        for text in [text.replace("10.0.0.1", "fd00::1"), text] {
            let mut director = director(&text);
            director.choose(Ok(()), Ok(()));
            assert_eq!(carriers(&director), [carrier], "{text}");
        }
    }
}

#[test]
fn a_server_of_this_host_on_another_port_asks_for_ipvs() {
    let text = "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
                sorry_server 127.0.0.1 8080\nreal_server 10.0.0.2 80 {\n}\n}\n";
    let mut director = director(text);
    director.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&director), [Carrier::Ipvs]);
    director.choose(Ok(()), Err("this kernel has no IPVS"));
    assert_eq!(carriers(&director), [Carrier::Xdp]);
    let (_, choice) = director.choices().next().unwrap();
    assert_eq!(
        choice.reasons,
        [
            "XDP has no way to port 8080 of 127.0.0.1, which is this host, where the virtual server \
          has port 80"
        ]
    );
}

#[test]
fn an_address_of_this_host_counts_once_its_route_is_known_also_in_a_rehearsal() {
    let of = |lines: &str| {
        let text = format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
             real_server 10.0.0.9 8080 {{\n}}\n}}\n{lines}"
        );
        load(&Memory::default().with("/main", text), "/main".as_ref()).config
    };
    let native = server("10.0.0.1 443", "xdp_mode native");
    let mut next = director("").rehearse(of(&native));
    next.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&next), [Carrier::Xdp; 2]);
    let local = Route {
        index: 1,
        gateway: None,
        source: None,
        local: true,
        mtu: None,
    };
    let address = "10.0.0.9".parse().unwrap();
    next.hops().handle_route(address, Ok(local), clock::now());
    next.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&next), [Carrier::Ipvs, Carrier::None]);
    assert!(!next.needs_xdp());
}

/// Somebody else has `port` of 10.0.0.9.
fn theirs(served: &Served, port: u16) -> Option<Foreign> {
    match served {
        Served::Address(key) if key.address.to_string() == "10.0.0.9" => Some(Foreign {
            name: format!("TCP 10.0.0.9:{port}"),
            is_same: key.port == port,
        }),
        Served::Address(_) | Served::Fwmark(_) => None,
    }
}

#[test]
fn another_port_that_somebody_else_serves_takes_nothing_from_who_has_xdp_or_nobody() {
    use Carrier::{Ipvs, None, Xdp};
    let text = server("10.0.0.9 80", "xdp_mode native") + &server("10.0.0.9 443", "");
    for (port, expected) in [(8080, [Xdp, Xdp]), (80, [Xdp, Xdp]), (443, [None, Ipvs])] {
        let mut director = director(&text);
        director.note_foreign(|served| theirs(served, port));
        director.choose(Ok(()), Ok(()));
        assert_eq!(carriers(&director), expected, "{port}");
    }
}

#[test]
fn what_somebody_else_serves_with_ipvs_is_not_for_xdp() {
    let mut director = director(&(server("10.0.0.1 80", "") + &server("10.0.0.9 80", "")));
    director.note_foreign(|served| theirs(served, 443));
    director.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&director), [Carrier::Xdp, Carrier::Ipvs]);
    let with_xdp = director.addresses_with_xdp();
    assert_eq!(with_xdp, BTreeSet::from([IpAddr::from([10, 0, 0, 1])]));
}

#[test]
fn a_refusal_lasts_until_the_virtual_server_asks_for_another_mode() {
    let of = |lines: &str| {
        let text = server("10.0.0.1 80", lines) + &server("10.0.0.9 80", "");
        load(&Memory::default().with("/main", text), "/main".as_ref()).config
    };
    let mut director = director(&server("10.0.0.1 80", ""));
    let _lines = director.reload(of(""));
    let refused = |it: &VirtualServer| (it.key.clone(), "the driver has no XDP".to_owned());
    let refused = director.config().virtual_servers.iter().map(refused);
    let refused = refused.collect();
    director.note_refusals(refused);
    director.choose(Ok(()), Ok(()));
    assert_eq!(carriers(&director), [Carrier::Ipvs; 2]);
    let next = director.rehearse(of("xdp_mode native"));
    assert_eq!(next.refused.len(), 1);
    let _lines = director.reload(of("xdp_mode native"));
    assert_eq!(carriers(&director), [Carrier::Xdp, Carrier::Ipvs]);
}
