use super::*;
use crate::config::model::{
    AddressKey, Protocol, RealServer, RealServerKey, VirtualAddress, VrrpInstance,
};
use crate::dataplane::nexthop::Action;
use crate::dataplane::xdp::gate::Numbers;
use crate::health::pool::Notice;
use crate::health::{Change, Event, Hand};
use crate::net::address::Address;
use crate::net::link::{Link, LinkKind};
use crate::net::route::Route;
use crate::runtime::clock;
use crate::vrrp::State;

fn key(host: u8) -> RealServerKey {
    RealServerKey {
        address: IpAddr::from([10, 0, 0, host]),
        port: 80,
    }
}

fn service(vip: &str, hosts: &[u8]) -> VirtualServer {
    let real_servers = hosts.iter().map(|host| RealServer::new(key(*host)));
    VirtualServer {
        real_servers: real_servers.collect(),
        ..VirtualServer::new(VirtualServerKey::Address(AddressKey {
            address: vip.parse().unwrap(),
            port: 80,
            protocol: Protocol::Tcp,
        }))
    }
}

fn instance(name: &str, vips: &[&str]) -> VrrpInstance {
    let vip = |vip: &&str| {
        let address: IpAddr = vip.parse().unwrap();
        VirtualAddress::new(address.into(), "eth0")
    };
    VrrpInstance {
        virtual_ipaddress: vips.iter().map(vip).collect(),
        ..VrrpInstance::new(name)
    }
}

fn config(instances: Vec<VrrpInstance>, services: Vec<VirtualServer>) -> Config {
    Config {
        vrrp_instances: instances,
        virtual_servers: services,
        ..Config::default()
    }
}

fn director(config: Config) -> Director {
    Director::new(config, &Numbers::default()).0
}

/// The last byte of an address.
fn last(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    }
}

/// Address, gate and servers of each service.
fn served(director: &Director) -> Vec<(String, u16, Vec<u8>)> {
    let mut served: Vec<_> = director
        .desired()
        .services
        .iter()
        .map(|service| {
            let servers = service.servers.iter();
            (
                service.key.address.to_string(),
                service.gate,
                servers.map(|server| last(server.address)).collect(),
            )
        })
        .collect();
    served.sort();
    served
}

fn down(virtual_server: &VirtualServerKey, real_server: RealServerKey) -> Event {
    Event {
        virtual_server: virtual_server.clone(),
        real_server,
        change: Change::Down,
        reason: String::new(),
        at: clock::now(),
    }
}

#[test]
fn in_between_everything_is_served_under_the_gates_it_had() {
    let before = config(
        vec![instance("A", &["1.0.0.1"]), instance("B", &["1.0.0.2"])],
        vec![
            service("1.0.0.1", &[1]),
            service("1.0.0.2", &[2]),
            service("1.0.0.3", &[3]),
        ],
    );
    let mut director = director(before);
    let after = config(
        vec![
            instance("B", &["1.0.0.2", "1.0.0.1"]),
            instance("C", &["1.0.0.4"]),
        ],
        vec![
            service("1.0.0.1", &[1, 9]),
            service("1.0.0.2", &[2]),
            service("1.0.0.4", &[4]),
        ],
    );
    drop(director.reload(after));
    assert!(director.is_between());
    let owned = |list: &[(&str, u16, &[u8])]| -> Vec<(String, u16, Vec<u8>)> {
        let owned = |(a, b, c): &(&str, u16, &[u8])| ((*a).to_owned(), *b, c.to_vec());
        list.iter().map(owned).collect()
    };
    assert_eq!(
        served(&director),
        owned(&[
            ("1.0.0.1", 1, &[9, 1]),
            ("1.0.0.2", 2, &[2]),
            ("1.0.0.3", 0, &[3]),
            ("1.0.0.4", 3, &[4]),
        ])
    );
    assert!(director.settle());
    assert_eq!(
        served(&director),
        owned(&[
            ("1.0.0.1", 2, &[9, 1]),
            ("1.0.0.2", 2, &[2]),
            ("1.0.0.4", 3, &[4]),
        ])
    );
    assert!(!director.settle());
}

#[test]
fn pools_of_services_that_stay_go_on_and_those_that_go_are_told() {
    let before = config(
        Vec::new(),
        vec![service("1.0.0.1", &[1, 2]), service("1.0.0.2", &[1, 2])],
    );
    let keys = before.virtual_servers.iter().map(|it| it.key.clone());
    let [same, changed]: [VirtualServerKey; 2] = keys.collect::<Vec<_>>().try_into().unwrap();
    let mut director = director(before.clone());
    for service in [&same, &changed] {
        let (moved, _) = director.handle_health(&down(service, key(1)));
        assert!(moved);
    }
    drop(director.set_by_hand(&same, &key(2), Some(Hand::Weight(5))));
    let after = config(
        Vec::new(),
        vec![service("1.0.0.2", &[1, 2, 3]), service("1.0.0.1", &[1, 2])],
    );
    while director.poll_notice().is_some() {}
    let lines = director.reload(after);
    assert!(
        lines.is_empty(),
        "nothing has changed for who stays: {lines:?}"
    );
    assert_eq!(director.poll_notice(), None);
    director.settle();
    let servers: Vec<Vec<u8>> = served(&director).into_iter().map(|it| it.2).collect();
    assert_eq!(servers, [vec![2], vec![3, 2]]);
    assert_eq!(director.desired().services[1].servers[0].weight, 5);

    let lines = director.reload(config(Vec::new(), vec![service("1.0.0.2", &[1, 2, 3])]));
    let gone =
        "Removing service [10.0.0.2]:tcp:80 from VS [1.0.0.1]:tcp:80: it is configured no longer";
    assert_eq!(lines[0].text(), gone);
    let told: Vec<Notice> = std::iter::from_fn(|| director.poll_notice())
        .map(|(_, notice)| notice)
        .collect();
    assert!(
        matches!(
            told[..],
            [
                Notice::ShutDown { removed: true, .. },
                Notice::Quorum { up: false, .. }
            ]
        ),
        "{told:?}"
    );
}

#[test]
fn next_hops_are_watched_of_the_servers_that_there_are() {
    let mut director = director(config(Vec::new(), vec![service("1.0.0.1", &[1, 2])]));
    drop(director.reload(config(Vec::new(), vec![service("1.0.0.1", &[2, 3])])));
    let watched: Vec<IpAddr> = director.hops().watched().collect();
    assert_eq!(watched, [key(2).address, key(3).address]);
}

/// What the kernel is asked, probes excepted.
fn asked(director: &mut Director) -> Vec<Action> {
    std::iter::from_fn(|| director.hops().poll_action())
        .filter(|it| !matches!(it, Action::Probe { .. }))
        .collect()
}

#[test]
fn neither_a_rehearsal_nor_a_reload_asks_for_a_route_that_is_known() {
    let with = |hosts: &[u8]| {
        let mut service = service("1.0.0.1", hosts);
        service.lb_kind = Forwarding::Nat;
        config(Vec::new(), vec![service])
    };
    let look_up = |host: u8| Action::LookUpRoute(key(host).address);
    let now = clock::now();
    let eth0 = Link {
        index: 2,
        name: "eth0".into(),
        mac: [2; 6],
        up: true,
        mtu: 1500,
        kind: LinkKind::Ethernet,
        master: None,
        alias: None,
    };
    let on = |host: u8| Address {
        index: 2,
        address: key(host).address.into(),
        ..Address::default()
    };
    let (links, own) = ([eth0], [on(200)]);
    let mut director = director(with(&[1, 2]));
    director.handle_surroundings(&links, &own, now);
    let all = [look_up(1), look_up(2), Action::ListGateways];
    assert_eq!(asked(&mut director), all);
    for host in [1, 2] {
        let route = Route {
            index: 2,
            gateway: None,
            source: None,
            local: false,
            mtu: None,
        };
        director
            .hops()
            .handle_route(key(host).address, Ok(route), now);
    }
    director.hops().handle_gateways(Some(BTreeSet::new()), now);

    let mut next = director.rehearse(with(&[2, 3]));
    next.handle_surroundings(&links, &own, now);
    assert_eq!(asked(&mut next), [look_up(3)]);
    assert_eq!(next.hops().interface(key(2).address), Some(2));
    let watched: Vec<IpAddr> = next.hops().watched().collect();
    assert_eq!(watched, [key(2).address, key(3).address]);

    drop(director.reload(with(&[2, 3])));
    director.handle_surroundings(&links, &own, now);
    assert_eq!(asked(&mut director), [look_up(3)]);
    // The address of a server has moved to this host, and nobody has told of its route yet.
    let mut next = director.rehearse(with(&[2]));
    next.handle_surroundings(&links, &[on(2)], now);
    assert_eq!(asked(&mut next), [look_up(2)]);
}

#[test]
fn an_address_with_ha_suspend_that_goes_just_before_a_reload_is_told() {
    let waiting = |vip: &str| VirtualServer {
        ha_suspend: true,
        ..service(vip, &[1])
    };
    let both = || config(Vec::new(), vec![waiting("1.0.0.1"), waiting("1.0.0.2")]);
    let [goes, stays] = ["1.0.0.1", "1.0.0.2"].map(|vip| vip.parse::<IpAddr>().unwrap());
    let held = |vip: IpAddr| Address {
        index: 3,
        address: vip.into(),
        ..Address::default()
    };
    let mut director = director(both());
    director.handle_addresses(&[held(goes), held(stays)]);
    while director.poll_address().is_some() {}
    drop(director.reload(both()));
    director.handle_addresses(&[held(stays)]);
    let news: Vec<_> = std::iter::from_fn(|| director.poll_address()).collect();
    // Who waits for it only now hears first that it was here.
    assert_eq!(news, [(goes, true), (stays, true), (goes, false)]);
}

#[test]
fn one_server_in_nat_mode_is_reason_enough_to_keep_the_routers_known() {
    for (lvs_method, keeps) in [(None, false), (Some(Forwarding::Nat), true)] {
        let with = |lvs_method| {
            let mut service = service("1.0.0.1", &[1, 2]);
            service.lb_kind = Forwarding::Dr;
            service.real_servers[1].lvs_method = lvs_method;
            config(Vec::new(), vec![service])
        };
        let mut director = director(with(None));
        drop(director.reload(with(lvs_method)));
        let actions = std::iter::from_fn(|| director.hops().poll_action());
        let lists = actions.filter(|it| *it == Action::ListGateways).count();
        assert_eq!(lists > 0, keeps, "{lvs_method:?}");
    }
}

#[test]
fn a_master_that_is_configured_no_longer_is_forgotten() {
    let both = || vec![instance("A", &["1.0.0.1"]), instance("B", &["1.0.0.2"])];
    let mut director = director(config(both(), Vec::new()));
    director.handle_role("A", State::Master);
    director.handle_role("B", State::Master);
    drop(director.reload(config(vec![instance("B", &["1.0.0.2"])], Vec::new())));
    director.settle();
    assert_eq!(director.masters.names(), ["B"]);
}

#[test]
fn a_quorum_that_is_down_after_a_restart_is_not_told_to_be_up() {
    let services = || vec![service("192.168.0.1", &[2]), service("192.168.0.2", &[3])];
    let mut before = director(config(Vec::new(), services()));
    let first = services()[0].key.clone();
    before.handle_health(&down(&first, key(2)));
    let now = clock::now();
    let records: Vec<_> = before.pools().iter().map(|it| it.record(now)).collect();

    let config = config(Vec::new(), services());
    let (mut after, _) = Director::go_on(config, &Numbers::default(), &records, Some(now));
    let mut told = Vec::new();
    while let Some((service, notice)) = after.poll_notice() {
        told.push((service, notice));
    }
    let second = services()[1].key.clone();
    let expected = [
        (&first, Some(false), None),
        (&first, None, Some(false)),
        (&second, None, Some(true)),
    ];
    let told: Vec<_> = told
        .iter()
        .map(|(service, notice)| match notice {
            Notice::RealServer { up, .. } => (service, Some(*up), None),
            Notice::Quorum { up, .. } => (service, None, Some(*up)),
            Notice::ShutDown { .. } => panic!("{notice:?}"),
        })
        .collect();
    assert_eq!(told, expected);
}
