//! Virtual servers, real servers, checkers.

use super::*;

fn checkers(loaded: &Loaded) -> Vec<&Checker> {
    let services = loaded.config.virtual_servers.iter();
    services
        .flat_map(|service| &service.real_servers)
        .flat_map(|server| &server.checkers)
        .collect()
}

#[test]
fn check_settings_are_handed_down_and_the_innermost_counts() {
    let loaded = of(
        "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         delay_loop 9\nretry 7\nconnect_timeout 2\nwarmup 1\nvirtualhost vs\n\
         real_server 10.0.0.2 8080 {\nretry 5\nTCP_CHECK {\nretry 0\ndelay_loop 0.5\n}\n\
         HTTP_GET {\nurl {\npath /a\n}\nurl {\npath /b\nvirtualhost url\n}\n}\n}\n\
         real_server 10.0.0.3 8080 {\nvirtualhost rs\ninhibit_on_failure\nalpha\n\
         HTTP_GET {\nconnect_port 81\nconnect_ip 10.0.0.9\nurl {\npath /\nstatus_code 200-204 301\n}\n}\n}\n}",
    );
    assert_eq!(messages(&loaded), Vec::<String>::new());
    let [tcp, http, other] = checkers(&loaded)[..] else {
        panic!()
    };
    assert_eq!(
        (tcp.retry, tcp.delay_loop, tcp.warmup),
        (0, Duration::from_millis(500), secs(1))
    );
    assert_eq!(
        (tcp.connect_timeout, tcp.delay_before_retry),
        (secs(2), secs(1))
    );
    assert_eq!(
        (http.retry, http.delay_loop, http.delay_before_retry),
        (5, secs(9), secs(3))
    );
    assert_eq!(
        (http.connect_ip.to_string().as_str(), http.connect_port),
        ("10.0.0.2", 8080)
    );
    assert_eq!(
        (other.connect_ip.to_string().as_str(), other.connect_port),
        ("10.0.0.9", 81)
    );
    assert_eq!(other.retry, 7);
    let hosts = |checker: &Checker| match &checker.kind {
        CheckerKind::Http(get) => get
            .urls
            .iter()
            .map(|url| url.virtualhost.clone().unwrap())
            .collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(hosts(http), ["vs", "url"]);
    assert_eq!(hosts(other), ["rs"]);
    let CheckerKind::Http(get) = &other.kind else {
        panic!()
    };
    assert_eq!(get.urls[0].status_code, [(200, 204), (301, 301)]);
    let servers = &loaded.config.virtual_servers[0].real_servers;
    assert_eq!((servers[0].alpha, servers[1].alpha), (false, true));
    assert_eq!(
        (servers[0].inhibit_on_failure, servers[1].inhibit_on_failure),
        (false, true)
    );
}

#[test]
fn an_inner_no_wins_over_an_outer_yes() {
    let loaded = of(
        "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\nalpha\n\
         inhibit_on_failure\nreal_server 10.0.0.2 80 {\nalpha off\ninhibit_on_failure no\n\
         TCP_CHECK {\n}\n}\nreal_server 10.0.0.3 80 {\nTCP_CHECK {\nalpha off\n}\n}\n\
         real_server 10.0.0.4 80 {\nTCP_CHECK {\n}\n}\n}",
    );
    let servers = &loaded.config.virtual_servers[0].real_servers;
    let alphas: Vec<bool> = servers.iter().map(|server| server.alpha).collect();
    assert_eq!(alphas, [false, false, true]);
    let inhibits: Vec<bool> = servers
        .iter()
        .map(|server| server.inhibit_on_failure)
        .collect();
    assert_eq!(inhibits, [false, true, true]);
}

#[test]
fn a_service_that_says_nothing_gets_keepalived_s_defaults_each_with_a_warning() {
    let loaded = of("virtual_server 10.0.0.1 80 {\nreal_server 10.0.0.2 {\nTCP_CHECK {\n}\n}\n}");
    let service = &loaded.config.virtual_servers[0];
    assert_eq!(service.key.protocol(), Some(Protocol::Udp));
    assert_eq!(
        (service.lb_algo, service.lb_kind),
        (Scheduler::Wlc, Forwarding::Nat)
    );
    assert_eq!(
        (
            service.real_servers[0].key.port,
            service.real_servers[0].weight
        ),
        (80, 1)
    );
    let [check] = checkers(&loaded)[..] else {
        panic!()
    };
    assert_eq!(
        (check.delay_loop, check.warmup, check.retry),
        (secs(60), secs(60), 1)
    );
    assert_eq!((check.connect_timeout, check.connect_port), (secs(5), 80));
    assert_eq!(
        messages(&loaded),
        [
            "warning no `protocol`: this virtual server serves UDP, as with keepalived",
            "warning no `lb_kind`: NAT is used, as with keepalived",
            "warning no `lb_algo`: wlc is used, as with keepalived"
        ]
    );
}

#[test]
fn dr_and_tun_keep_the_port_and_nat_may_change_it() {
    for (kind, port) in [("DR", 80), ("TUN", 80), ("NAT", 8080)] {
        let loaded = of(&format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind {kind}\nprotocol TCP\n\
             sorry_server 10.0.0.9 8080\nreal_server 10.0.0.2 8080 {{\nTCP_CHECK {{\n}}\n}}\n}}"
        ));
        let service = &loaded.config.virtual_servers[0];
        assert_eq!(service.real_servers[0].key.port, port, "{kind}");
        assert_eq!(service.sorry_server.unwrap().port, port, "{kind}");
        // The check still asks the port that was written.
        assert_eq!(checkers(&loaded)[0].connect_port, 8080, "{kind}");
        assert_eq!(
            messages(&loaded).len(),
            if kind == "NAT" { 0 } else { 2 },
            "{kind}"
        );
    }
}

#[test]
fn persistence_has_three_ways_to_be_written() {
    let timeout = |line: &str| {
        let text = format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n{line}\n\
             persistence_granularity 255.255.255.0\nreal_server 10.0.0.2 80 {{\n}}\n}}"
        );
        let service = of(&text).config.virtual_servers.remove(0);
        assert_eq!(
            service.persistence_granularity,
            Ipv4Addr::new(255, 255, 255, 0)
        );
        service.persistence_timeout
    };
    assert_eq!(timeout(""), None);
    assert_eq!(timeout("persistence_timeout 0"), None);
    assert_eq!(timeout("persistence_timeout"), Some(secs(360)));
    assert_eq!(timeout("persistence_timeout 50"), Some(secs(50)));
}

#[test]
fn servers_that_do_not_belong_are_left_out() {
    let service = |lines: &str| {
        of(&format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n{lines}\n}}"
        ))
    };
    let loaded = service(
        "real_server fd00::1 80 {\n}\nreal_server 10.0.0.2 80 {\n}\nreal_server 10.0.0.2 80 {\n}\n\
         sorry_server fd00::2 80",
    );
    assert_eq!(
        messages(&loaded),
        [
            "error this real server is IPv6: only with TUN may a server be of another family than its virtual server; it is left out",
            "warning this real server stands here twice: the second one is left out",
            "error the sorry server is IPv6: only with TUN may it be of another family than its virtual server; it is left out"
        ]
    );
    assert_eq!(loaded.config.virtual_servers[0].real_servers.len(), 1);
    let empty = service("");
    assert_eq!(
        messages(&empty),
        ["warning this virtual server has no real server: it is left out"]
    );
    assert_eq!(empty.config.virtual_servers, []);
}

#[test]
fn a_tunnel_may_lead_to_the_other_family() {
    let loaded = of(
        "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind TUN\nprotocol TCP\n\
         real_server fd00::2 80 {\n}\n}",
    );
    assert_eq!(messages(&loaded), Vec::<String>::new());
}

#[test]
fn sctp_is_for_xdp_in_no_tunnel_but_that_of_ipv4_in_ipv4() {
    let said = |server: &str, tunnel: &str| {
        let loaded = of(&format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind TUN {tunnel}\nprotocol SCTP\n\
             real_server {server} 80 {{\n}}\n}}"
        ));
        let text = messages(&loaded).join("; ");
        text.contains("no tunnel but that of IPv4 in IPv4")
    };
    assert!(!said("10.0.0.2", ""));
    assert!(said("fd00::2", ""));
    assert!(said("10.0.0.2", "type gre"));
}

#[test]
fn what_does_not_go_with_what_is_served_is_mended_as_keepalived_does() {
    let loaded = of(
        "virtual_server 10.0.0.1 0 {\nxdp_mode off\nlb_algo rr\nlb_kind DR\nprotocol TCP\nops\n\
         real_server 10.0.0.2 {\n}\n}\nvirtual_server fwmark 7 {\nxdp_mode off\nlb_algo rr\nlb_kind DR\n\
         ha_suspend\nreal_server 10.0.0.2 80 {\n}\n}",
    );
    assert_eq!(
        messages(&loaded),
        [
            "warning all ports go to one server only with persistence: `persistence_timeout 360` is used",
            "warning `ops` is for UDP only: it is ignored",
            "warning a fwmark has no address to look for: `ha_suspend` is ignored",
            "warning with DR the port of what is marked stays as it is: 80 is for the checks only",
        ]
    );
    let [all_ports, mark] = loaded.config.virtual_servers.as_slice() else {
        panic!();
    };
    assert_eq!(all_ports.persistence_timeout, Some(secs(360)));
    assert!(!all_ports.ops && !mark.ha_suspend);
    assert_eq!(mark.real_servers[0].key.port, 0);
}

#[test]
fn a_check_that_checks_nothing_is_left_out() {
    let loaded = of(
        "virtual_server 10.0.0.1 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
         real_server 10.0.0.2 80 {\nHTTP_GET {\nurl {\nstatus_code 200\n}\n}\n}\n}",
    );
    assert_eq!(
        messages(&loaded),
        [
            "warning `HTTP_GET` without a url with a path: the server counts as up without this check",
            "warning `url` without `path`: it is left out"
        ]
    );
    assert_eq!(checkers(&loaded).len(), 0);
}

#[test]
fn a_regex_that_cannot_be_used_is_said_and_one_of_pcre2_is_used() {
    let with = |regex: &str| {
        of(&format!(
            "virtual_server 10.0.0.1 80 {{\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
             real_server 10.0.0.2 80 {{\nHTTP_GET {{\nurl {{\npath /\nregex \"{regex}\"\n}}\n}}\n}}\n}}"
        ))
    };
    let regex = |loaded: &Loaded| match &checkers(loaded)[0].kind {
        CheckerKind::Http(get) => get.urls[0].body.regex.clone(),
        _ => panic!("another checker"),
    };
    let used = with("(a|b)(?=c)$");
    assert_eq!(messages(&used), Vec::<String>::new());
    assert_eq!(regex(&used).as_deref(), Some("(a|b)(?=c)$"));
    let refused = with("(?R)");
    assert_eq!(
        messages(&refused),
        [
            "error regex `(?R)` cannot be used: recursion is not supported: the body of the answer is \
             not compared with it"
        ]
    );
    assert_eq!(regex(&refused), None);
}

#[test]
fn our_own_settings_have_defaults_and_values() {
    use crate::config::model::{GlobalDefs, XdpAttach, XdpMode};
    assert_eq!(of("").config.global_defs, GlobalDefs::default());
    let loaded = of(
        "global_defs {\nxdp_attach master\nxdp_mode generic\nxdp_interfaces eth0 eth1\n\
         xdp_interfaces eth1 eth2\nxdp_deadman 0\nrouter_id \"a b\"\n}",
    );
    assert_eq!(messages(&loaded), Vec::<String>::new());
    let global = loaded.config.global_defs;
    assert_eq!(
        (global.xdp_attach, global.xdp_mode),
        (XdpAttach::Master, XdpMode::Generic)
    );
    assert_eq!(global.xdp_interfaces, ["eth0", "eth1", "eth2"]);
    assert_eq!(
        (global.xdp_deadman, global.router_id.as_deref()),
        (secs(0), Some("a b"))
    );
}

#[test]
fn the_virtual_address_is_asked_for_only_where_servers_have_it() {
    let check = "real_server 10.0.0.2 80 {\nTCP_CHECK {\nxdp_check_via_tunnel\n}\n}\n";
    let asked = |service: &str, lines: &str| {
        let text = format!("virtual_server {service} {{\nlb_algo rr\n{lines}\n{check}}}\n");
        let loaded = of(&text);
        let said = messages(&loaded);
        let said = said
            .iter()
            .any(|text| text.contains("xdp_check_via_tunnel"));
        let kinds: Vec<_> = checkers(&loaded).iter().map(|it| it.kind.clone()).collect();
        (kinds == [CheckerKind::TcpViaTunnel], said)
    };
    let vip = "192.168.0.1 80";
    assert_eq!(asked(vip, "protocol TCP\nlb_kind DR"), (true, false));
    assert_eq!(asked(vip, "protocol TCP\nlb_kind TUN"), (true, false));
    assert_eq!(asked(vip, "protocol TCP\nlb_kind NAT"), (false, true));
    assert_eq!(asked(vip, "protocol UDP\nlb_kind DR"), (false, true));
    assert_eq!(asked("fwmark 7", "lb_kind DR"), (false, true));
    assert_eq!(
        asked(vip, "protocol TCP\nlb_kind TUN type gre"),
        (false, true)
    );
    assert_eq!(
        asked(vip, "protocol TCP\nlb_kind TUN type ipip"),
        (true, false)
    );
    assert_eq!(
        asked("2001:db8::1 80", "protocol TCP\nlb_kind TUN"),
        (true, false)
    );
}

#[test]
fn what_a_group_does_not_serve_is_said() {
    let server = "lb_algo rr\nlb_kind DR\nprotocol TCP\nreal_server fd00:1::2 80 {\n}\n";
    let group = |global: &str| {
        format!(
            "global_defs {{\nxdp_mode off\n{global}\n}}\n\
             virtual_server_group G {{\nfd00::1-ffff 80\n}}\nvirtual_server group G {{\n{server}}}\n"
        )
    };
    assert_eq!(
        messages(&of(&group(""))),
        [
            "warning this group has 65535 addresses and ports, one service each: the first 16384 are \
             served, the others are not"
        ]
    );
    assert_eq!(messages(&of(&group("nftables_ipvs"))), Vec::<String>::new());
    let twice = group("nftables_ipvs") + &format!("virtual_server fd00::5 80 {{\n{server}}}\n");
    assert_eq!(
        messages(&of(&twice)),
        [
            "warning [fd00::5]:tcp:80 is served by another virtual server already: that one's \
             servers get it"
        ]
    );
    assert_eq!(of(&twice).exit_status(), 0, "as with `keepalived -t`");
}

#[test]
fn the_tunnel_of_one_server_is_read_like_that_of_all() {
    let of_server = |lines: &str| {
        let loaded = of(&format!(
            "virtual_server fwmark 7 {{\nlb_algo rr\nlb_kind TUN\n\
             real_server 10.0.0.2 0 {{\n{lines}\n}}\n}}\n"
        ));
        let server = loaded.config.virtual_servers[0].real_servers[0].clone();
        let said = messages(&loaded);
        let said = said.into_iter().filter(|it| it.starts_with("warning"));
        ((server.lvs_method, server.tunnel), said.collect::<Vec<_>>())
    };
    let gre = Tunnel::Gre {
        checksum: TunnelChecksum::Full,
    };
    let gue = Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Full,
    };
    let quiet = Vec::<String>::new();
    for (lines, tunnel) in [
        ("lvs_method TUN type gre csum", Some(gre)),
        ("lvs_method TUN csum type gre", Some(gre)),
        ("lvs_method TUN type gue csum port 6080", Some(gue)),
        ("lvs_method TUN port 6080 csum type gue", Some(gue)),
        ("lvs_method TUN type ipip", Some(Tunnel::Ipip)),
        ("lvs_method TUN", Some(Tunnel::Ipip)),
    ] {
        let expected = ((Some(Forwarding::Tun), tunnel), quiet.clone());
        assert_eq!(of_server(lines), expected, "{lines}");
    }
    for options in [
        "type typo",
        "type",
        "type gue",
        "type gue port",
        "type gre port 6080",
        "type gre remcsum",
        "type ipip csum",
        "port 6080",
    ] {
        let ((_, tunnel), said) = of_server(&format!("lvs_method TUN {options}"));
        assert_eq!(tunnel, Some(Tunnel::Ipip), "{options}");
        assert_eq!(said.len(), 1, "{options}: {said:?}");
        assert!(said[0].contains("IP in IP is used"), "{said:?}");
    }
}
