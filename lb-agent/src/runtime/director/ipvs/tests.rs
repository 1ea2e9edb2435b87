use super::*;
use crate::config::model::Config;
use crate::config::{Memory, load};
use crate::dataplane::xdp::gate::Numbers;
use crate::net::ipvs::Role;
use crate::vrrp::State;

/// The director of a configuration, all of which IPVS carries.
fn director(text: &str) -> Director {
    let text = format!("global_defs {{\nxdp_mode off\n}}\n{text}");
    let loaded = load(&Memory::default().with("/main", text), "/main".as_ref());
    let config: Config = loaded.config;
    let mut director = Director::new(config, &Numbers::default()).0;
    director.choose(Ok(()), Ok(()));
    director
}

/// What `ipvsadm -Sn` would print, roughly.
fn lines(director: &Director) -> Vec<String> {
    let mut lines = Vec::new();
    for service in director.desired_of_ipvs().services {
        let settings = service.settings;
        let mut line = format!("{} {}", settings.key, settings.scheduler);
        if let Some(persistence) = settings.persistence {
            line = format!(
                "{line} -p {} {:?}",
                persistence.timeout, persistence.granularity
            );
        }
        lines.push(line);
        lines.extend(service.servers.iter().map(|server| {
            let it = server.destination;
            let sorry = if server.sorry { " sorry" } else { "" };
            format!("  {} {:?} {}{sorry}", it.key, it.forwarding, it.weight)
        }));
    }
    lines
}

#[test]
fn a_service_has_every_setting_of_the_configuration() {
    let director = director(
        "virtual_server 10.0.0.1 53 {\nlb_algo sh\nlb_kind NAT\nprotocol UDP\nops\nsh-port\n\
         sh-fallback\npersistence_timeout 50\npersistence_granularity 255.255.255.0\n\
         persistence_engine sip\nreal_server 10.0.0.2 5353 {\nweight 3\nuthreshold 9\n\
         lthreshold 4\n}\nreal_server 10.0.0.3 53 {\nlvs_method DR\n}\n}",
    );
    let desired = director.desired_of_ipvs();
    let [service] = desired.services.as_slice() else {
        panic!("{desired:?}");
    };
    let settings = &service.settings;
    assert_eq!(settings.scheduler, "sh");
    let flags = settings.flags;
    assert!(settings.one_packet && flags.flag_1 && flags.flag_2 && !flags.flag_3);
    assert_eq!(settings.engine.as_deref(), Some("sip"));
    let persistence = settings.persistence.unwrap();
    assert_eq!(persistence.timeout, 50);
    assert_eq!(
        persistence.granularity,
        Granularity::Mask([255, 255, 255, 0].into())
    );
    let [first, second] = [service.servers[0], service.servers[1]].map(|it| it.destination);
    assert_eq!(first.key.to_string(), "10.0.0.2:5353");
    assert_eq!(
        (first.weight, first.upper_threshold, first.lower_threshold),
        (3, 9, 4)
    );
    assert_eq!(first.forwarding, ipvs::Forwarding::Masquerade);
    assert_eq!(second.forwarding, ipvs::Forwarding::Route);
}

#[test]
fn every_kind_of_virtual_server_has_its_services() {
    let director = director(
        "virtual_server fwmark 7 {\nlb_algo wlc\nlb_kind TUN type gue port 6080 csum\n\
         real_server 10.0.0.2 80 {\n}\n}\n\
         virtual_server fd00::1 0 {\nlb_algo rr\nlb_kind NAT\nprotocol SCTP\n\
         persistence_granularity 64\nreal_server fd00::2 {\n}\n}\n\
         virtual_server_group G {\n10.0.0.8-9 80\nfwmark 9\n}\n\
         virtual_server group G {\nxdp_mode off\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server 10.0.0.2 80 {\n}\n}",
    );
    assert_eq!(
        lines(&director),
        [
            "FWM 7 wlc",
            "  10.0.0.2:0 Tunnel(Gue { port: 6080, checksum: Full }) 1",
            "SCTP [fd00::1]:0 rr -p 360 Prefix(64)",
            "  [fd00::2]:0 Masquerade 1",
            "TCP 10.0.0.8:80 rr",
            "  10.0.0.2:80 Route 1",
            "TCP 10.0.0.9:80 rr",
            "  10.0.0.2:80 Route 1",
            "FWM 9 rr",
            "  10.0.0.2:80 Route 1",
        ]
    );
}

#[test]
fn a_server_with_a_method_has_its_own_tunnel_and_else_that_of_its_virtual_server() {
    let director = director(
        "virtual_server fwmark 7 {\nlb_algo wlc\nlb_kind TUN type gue port 6080 csum\n\
         real_server 10.0.0.2 80 {\n}\n\
         real_server 10.0.0.3 80 {\nlvs_method TUN\n}\n\
         real_server 10.0.0.4 80 {\nlvs_method TUN type gre csum\n}\n\
         real_server 10.0.0.5 80 {\nlvs_method TUN type ipip\n}\n\
         real_server 10.0.0.6 80 {\nlvs_method DR\n}\n}\n\
         virtual_server fwmark 8 {\nlb_algo wlc\nlb_kind DR\nalpha\nsorry_server 10.0.0.9 80\n\
         sorry_server_lvs_method TUN type gue port 77\n\
         real_server 10.0.0.2 80 {\nTCP_CHECK {\n}\n}\n}",
    );
    assert_eq!(
        lines(&director),
        [
            "FWM 7 wlc",
            "  10.0.0.2:0 Tunnel(Gue { port: 6080, checksum: Full }) 1",
            "  10.0.0.3:0 Tunnel(IpIp) 1",
            "  10.0.0.4:0 Tunnel(Gre { checksum: Full }) 1",
            "  10.0.0.5:0 Tunnel(IpIp) 1",
            "  10.0.0.6:0 Route 1",
            "FWM 8 wlc",
            "  10.0.0.9:0 Tunnel(Gue { port: 77, checksum: None }) 1 sorry",
        ]
    );
}

#[test]
fn a_group_gets_no_mark_that_the_file_names_and_one_for_each_family_it_has() {
    let group = "lb_algo rr\nlb_kind TUN\nreal_server 10.0.0.2 80 {\n}\n";
    let text = |more: &str| {
        format!(
            "global_defs {{\nxdp_mode off\nnftables_ipvs\n}}\n\
             virtual_server_group G {{\nfd00::1-ffff 80\n192.0.2.1 80\nfwmark 1001\n}}\n\
             virtual_server group G {{\nxdp_mode off\nprotocol TCP\n{group}}}\n{more}"
        )
    };
    let of = |text: String| load(&Memory::default().with("/main", text), "/main".as_ref()).config;
    let keys = |director: &Director| -> Vec<String> {
        let services = director.desired_of_ipvs().services;
        let key = |it: &Service| match it.settings.key {
            ServiceKey::Mark { mark, family } => format!("{mark} {family:?}"),
            ServiceKey::Address { .. } => it.settings.key.to_string(),
        };
        services.iter().map(key).collect()
    };
    let mut director = Director::new(of(text("")), &Numbers::default()).0;
    director.choose(Ok(()), Ok(()));
    // More addresses of the first family than there may be services.
    assert_eq!(keys(&director), ["1000 V6", "1000 V4", "1001 V4"]);
    // A reload takes the group's mark for another virtual server.
    let _lines = director.reload(of(text(&format!(
        "virtual_server fwmark 1000 {{\n{group}}}\n"
    ))));
    let after = ["1002 V6", "1002 V4", "1001 V4", "1000 V4"];
    assert!(
        keys(&director).starts_with(&after.map(str::to_owned)),
        "{:?}",
        keys(&director)
    );
}

#[test]
fn with_nftables_ipvs_a_group_is_one_mark_for_each_protocol() {
    let group = "lb_algo rr\nlb_kind DR\nreal_server 10.0.0.2 80 {\n}\n";
    let director = director(&format!(
        "global_defs {{\nnftables_ipvs\nnftables_ipvs_start_fwmark 500\n}}\n\
         virtual_server_group G {{\n10.0.0.8-9 80\nfwmark 9\n}}\n\
         virtual_server group G {{\nxdp_mode off\nprotocol TCP\n{group}}}\n\
         virtual_server group G {{\nxdp_mode off\nprotocol UDP\n{group}}}\n"
    ));
    let keys: Vec<String> = director
        .desired_of_ipvs()
        .services
        .iter()
        .map(|it| it.settings.key.to_string())
        .collect();
    assert_eq!(keys, ["FWM 500", "FWM 9", "FWM 501"]);
    let (nftables, marks) = director.marks().unwrap();
    assert_eq!(nftables.table, "keepalived_ipvs");
    let shown: Vec<_> = marks
        .iter()
        .map(|it| {
            (
                it.protocol,
                it.first.to_string(),
                it.last.to_string(),
                it.mark,
            )
        })
        .collect();
    let range = |protocol, mark| (protocol, "10.0.0.8".to_owned(), "10.0.0.9".to_owned(), mark);
    assert_eq!(shown, [range(6, 500), range(17, 501)]);
}

#[test]
fn a_group_keeps_its_mark_over_a_reload() {
    let of = |groups: &[&str]| {
        let text = |(last, group): (u8, &&str)| {
            format!(
                "virtual_server_group {group} {{\n10.0.1.{last} 80\n}}\n\
                 virtual_server group {group} {{\nxdp_mode off\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
                 real_server 10.0.0.2 80 {{\n}}\n}}\n"
            )
        };
        let texts: String = (1..).zip(groups).map(text).collect();
        let text = format!("global_defs {{\nxdp_mode off\nnftables_ipvs\n}}\n{texts}");
        load(&Memory::default().with("/main", text), "/main".as_ref()).config
    };
    let marks = |director: &Director| -> Vec<(String, u32)> {
        let marks = director.marks.iter();
        marks
            .map(|((group, _), mark)| (group.clone(), *mark))
            .collect()
    };
    let named = |all: &[(&str, u32)]| -> Vec<(String, u32)> {
        let all = all.iter();
        all.map(|(group, mark)| ((*group).to_owned(), *mark))
            .collect()
    };
    let mut director = Director::new(of(&["B", "C"]), &Numbers::default()).0;
    director.choose(Ok(()), Ok(()));
    assert_eq!(marks(&director), named(&[("B", 1000), ("C", 1001)]));
    let _lines = director.reload(of(&["A", "C", "B"]));
    let after = named(&[("A", 1002), ("B", 1000), ("C", 1001)]);
    assert_eq!(marks(&director), after);
    let _lines = director.reload(of(&["D", "C"]));
    assert_eq!(marks(&director), named(&[("C", 1001), ("D", 1000)]));
}

#[test]
fn between_two_configurations_ipvs_serves_on_what_xdp_is_to_serve() {
    let of = |mode: &str| {
        let text = format!(
            "global_defs {{\nxdp_mode {mode}\n}}\nvirtual_server 10.0.0.1 80 {{\nlb_algo rr\n\
             lb_kind DR\nprotocol TCP\nreal_server 10.0.0.2 80 {{\n}}\n}}\n"
        );
        load(&Memory::default().with("/main", text), "/main".as_ref()).config
    };
    let served = |director: &Director| {
        [
            director.desired().services.len(),
            director.desired_of_ipvs().services.len(),
        ]
    };
    let mut director = Director::new(of("off"), &Numbers::default()).0;
    director.choose(Ok(()), Ok(()));
    assert_eq!(served(&director), [0, 1]);
    let _lines = director.reload(of("native"));
    assert_eq!(served(&director), [1, 1], "the gate may be shut yet");
    assert!(director.settle());
    assert_eq!(served(&director), [1, 0]);
    let _lines = director.reload(of("off"));
    assert_eq!(served(&director), [0, 1], "packets meet XDP first");
}

#[test]
fn the_sync_daemon_follows_the_role_while_ipvs_carries_something() {
    let instance = "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n\
                    virtual_ipaddress {\n10.0.0.1\n}\nlvs_sync_daemon_interface eth1\n}\n";
    let server = "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
                  real_server 10.0.0.2 80 {\n}\n}\n";
    let mut both = director(&format!("{instance}{server}"));
    let roles = |director: &Director| {
        let daemons = director.sync_daemons();
        let shown = daemons
            .iter()
            .map(|it| (it.role, it.interface.clone(), it.sync_id));
        shown.collect::<Vec<_>>()
    };
    assert_eq!(roles(&both), [(Role::Backup, "eth1".to_owned(), 51)]);
    both.handle_role("VI_1", State::Master);
    assert_eq!(roles(&both), [(Role::Master, "eth1".to_owned(), 51)]);
    let records = both.records_of_ipvs();
    assert_eq!(records[0].instance.as_deref(), Some("VI_1"));
    assert!(records[0].armed);
    assert_eq!(roles(&director(instance)), []);
}
