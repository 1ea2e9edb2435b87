mod groups;
mod interfaces;
mod moved;
mod tunnels;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use ipnet::IpNet;
use lb_common::control::GATE_ALWAYS;

use super::*;
use crate::config::model::{
    AddressKey, Garp, InitialState, RealServer, RealServerKey, Scheduler, SorryServer,
    VirtualAddress, VrrpInstance,
};
use crate::dataplane::desired::Path;
use crate::health::Change;
use crate::net::link::LinkKind;
use crate::net::neighbour::{Neighbour, NeighbourState};
use crate::net::route::Route;

const VIP: &str = "10.0.0.100";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn virtual_server(vip: &str, servers: &[&str]) -> VirtualServer {
    let key = AddressKey {
        address: address(vip),
        port: 80,
        protocol: Protocol::Tcp,
    };
    let real_server = |server: &&str| {
        RealServer::new(RealServerKey {
            address: address(server),
            port: 80,
        })
    };
    VirtualServer {
        lb_algo: Scheduler::Rr,
        lb_kind: Forwarding::Dr,
        real_servers: servers.iter().map(real_server).collect(),
        ..VirtualServer::new(key.into())
    }
}

fn instance(vip: &str, dev: &str) -> VrrpInstance {
    VrrpInstance {
        name: "VI_1".into(),
        state: InitialState::Backup,
        interface: "eth0".into(),
        virtual_router_id: 1,
        priority: 100,
        advert_int: Duration::from_secs(1),
        authentication: None,
        virtual_ipaddress: vec![VirtualAddress::new(IpNet::from(address(vip)), dev)],
        virtual_ipaddress_excluded: Vec::new(),
        nopreempt: false,
        preempt_delay: Duration::ZERO,
        unicast_peer: Vec::new(),
        unicast_ttl: 255,
        mcast_dst_ip: Ipv4Addr::new(224, 0, 0, 18).into(),
        skip_check_adv_addr: false,
        dont_track_primary: false,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        down_timer_adverts: 3,
        garp: Garp::default(),
        ..VrrpInstance::new("VI_1")
    }
}

fn link(index: u32, name: &str, kind: LinkKind) -> Link {
    let mac = [0, 0, 0, 0, 0, u8::try_from(index).unwrap()];
    Link {
        index,
        name: name.into(),
        mac,
        up: true,
        mtu: 1500,
        kind,
        master: None,
        alias: None,
    }
}

fn director(config: Config) -> Director {
    let (mut director, _) = Director::new(config, &Numbers::default());
    let links = [
        link(1, "lo", LinkKind::Loopback),
        link(2, "eth0", LinkKind::Ethernet),
        link(3, "eth1", LinkKind::Ethernet),
    ];
    for link in &links {
        director.handle_link(link.clone());
    }
    director
        .hops()
        .handle_snapshot(links.to_vec(), Vec::new(), clock());
    director
}

fn clock() -> Instant {
    crate::runtime::clock::now()
}

/// The kernel has answered for `server`, on interface `index`.
fn reach(director: &mut Director, server: &str, index: u32) {
    let address = address(server);
    let route = Route {
        index,
        gateway: None,
        source: None,
        local: false,
        mtu: None,
    };
    director.hops().handle_route(address, Ok(route), clock());
    let mac = Some([9; 6]);
    let neighbour = Neighbour {
        index,
        address,
        mac,
        state: NeighbourState::Reachable,
    };
    director.hops().handle_neighbour(neighbour, clock());
}

#[test]
fn a_service_has_the_gate_of_the_instance_that_holds_its_address() {
    let config = Config {
        vrrp_instances: vec![
            instance("10.0.0.7", "eth0"),
            VrrpInstance {
                name: "VI_2".into(),
                ..instance(VIP, "eth0")
            },
        ],
        virtual_servers: vec![virtual_server(VIP, &[]), virtual_server("10.0.0.9", &[])],
        ..Config::default()
    };
    let gates: Vec<u16> = director(config)
        .desired()
        .services
        .iter()
        .map(|it| it.gate)
        .collect();
    assert_eq!(gates, [2, GATE_ALWAYS]);
}

#[test]
fn a_server_is_without_a_path_until_its_neighbour_answers() {
    let config = Config {
        virtual_servers: vec![virtual_server(VIP, &["10.0.0.5"])],
        ..Config::default()
    };
    let mut director = director(config);
    assert_eq!(
        director.desired().services[0].servers[0].path,
        Path::Unknown
    );
    reach(&mut director, "10.0.0.5", 2);
    let path = director.desired().services[0].servers[0].path;
    assert!(matches!(path, Path::Via(hop) if hop.index == 2 && hop.dst_mac == [9; 6]));
}

#[test]
fn a_server_on_this_host_is_served_by_the_kernel_on_the_same_port_only() {
    let local = |port| {
        let sorry_server = Some(SorryServer {
            address: address("127.0.0.1"),
            port,
        });
        let virtual_server = VirtualServer {
            sorry_server,
            ..virtual_server(VIP, &["10.0.0.5"])
        };
        let mut director = director(Config {
            virtual_servers: vec![virtual_server],
            ..Config::default()
        });
        let route = Route {
            index: 1,
            gateway: None,
            source: None,
            local: true,
            mtu: None,
        };
        director
            .hops()
            .handle_route(address("127.0.0.1"), Ok(route), clock());
        let (changed, _) = director.handle_health(&Event {
            virtual_server: AddressKey {
                address: address(VIP),
                port: 80,
                protocol: Protocol::Tcp,
            }
            .into(),
            real_server: RealServerKey {
                address: address("10.0.0.5"),
                port: 80,
            },
            change: Change::Down,
            reason: String::new(),
            at: clock(),
        });
        assert!(changed);
        // With IPVS it would be IPVS's.
        director.choose(Ok(()), Err("this kernel has no IPVS"));
        director.desired().services[0]
            .servers
            .iter()
            .map(|it| it.path)
            .collect::<Vec<_>>()
    };
    assert_eq!(local(80), [Path::Local]);
    assert_eq!(local(8080), []);
}
