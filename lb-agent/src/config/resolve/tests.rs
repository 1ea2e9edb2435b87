use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use crate::config::model::{
    Authentication, Checker, CheckerKind, Forwarding, Garp, Protocol, Scheduler, VrrpInstance,
};
use crate::config::source::Memory;
use crate::config::{Loaded, load};

fn of(text: &str) -> Loaded {
    load(&Memory::default().with("/main", text), Path::new("/main"))
}

fn messages(loaded: &Loaded) -> Vec<String> {
    loaded
        .diagnostics
        .iter()
        .map(|d| format!("{} {}", d.severity.word(), d.message))
        .collect()
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// One instance with these lines, and what is said about it.
fn instance(global: &str, lines: &str) -> (Option<VrrpInstance>, Vec<String>) {
    let loaded = of(&format!(
        "global_defs {{\n{global}\n}}\nvrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n\
         virtual_ipaddress {{\n10.0.0.1\n}}\n{lines}\n}}"
    ));
    let messages = messages(&loaded);
    (loaded.config.vrrp_instances.into_iter().next(), messages)
}

/// An instance about which nothing is said.
#[track_caller]
fn quiet(global: &str, lines: &str) -> VrrpInstance {
    let (instance, messages) = instance(global, lines);
    assert_eq!(messages, Vec::<String>::new());
    instance.unwrap()
}

#[test]
fn an_instance_has_keepalived_s_defaults() {
    let plain = quiet("", "");
    assert_eq!(
        (plain.priority, plain.advert_int, plain.unicast_ttl),
        (100, secs(1), 255)
    );
    assert_eq!(plain.mcast_dst_ip, Ipv4Addr::new(224, 0, 0, 18));
    assert_eq!((plain.down_timer_adverts, plain.garp), (3, Garp::default()));
    assert_eq!(plain.virtual_ipaddress[0].dev, "eth0");
    assert_eq!(quiet("", "state MASTER").priority, 255);
    assert_eq!(quiet("", "state MASTER\npriority 150").priority, 150);
}

#[test]
fn what_an_instance_does_not_say_comes_from_global_defs() {
    let global = "vrrp_mcast_group4 230.0.0.0\nvrrp_skip_check_adv_addr\n\
                  vrrp_lower_prio_no_advert yes\nvrrp_higher_prio_send_advert\n\
                  vrrp_down_timer_adverts 5";
    let inherited = quiet(global, "");
    assert_eq!(inherited.mcast_dst_ip, Ipv4Addr::new(230, 0, 0, 0));
    assert!(inherited.skip_check_adv_addr);
    assert!(inherited.lower_prio_no_advert && inherited.higher_prio_send_advert);
    assert_eq!(inherited.down_timer_adverts, 5);
    let own = quiet(
        global,
        "mcast_dst_ip 224.0.0.9\nskip_check_adv_addr no\nlower_prio_no_advert off\n\
         higher_prio_send_advert false\ndown_timer_adverts 2",
    );
    assert_eq!(own.mcast_dst_ip, Ipv4Addr::new(224, 0, 0, 9));
    assert!(!own.skip_check_adv_addr);
    assert!(!own.lower_prio_no_advert && !own.higher_prio_send_advert);
    assert_eq!(own.down_timer_adverts, 2);
    let text = "vrrp_instance A {\nvirtual_router_id 1\nno_virtual_ipaddress\n}\n\
                global_defs {\ndefault_interface eth7\n}";
    assert_eq!(of(text).config.vrrp_instances[0].interface, "eth7");
}

#[test]
fn gratuitous_arp_is_handed_down_as_keepalived_does() {
    // Seen with keepalived 2.2.7: the bursts against a lower priority follow the global values.
    let own = quiet("", "garp_master_repeat 10\ngarp_master_delay 7").garp;
    assert_eq!((own.master_repeat, own.master_delay), (10, secs(7)));
    assert_eq!((own.lower_prio_repeat, own.lower_prio_delay), (5, secs(5)));
    let global = "vrrp_garp_master_repeat 2\nvrrp_garp_master_delay 0\nvrrp_garp_interval 0.5\n\
                  vrrp_garp_master_refresh 60\nvrrp_garp_master_refresh_repeat 4";
    let inherited = quiet(global, "").garp;
    assert_eq!(
        (inherited.lower_prio_repeat, inherited.lower_prio_delay),
        (2, secs(0))
    );
    assert_eq!(
        (inherited.master_refresh, inherited.master_refresh_repeat),
        (secs(60), 4)
    );
    assert_eq!(inherited.interval, Duration::from_millis(500));
    let minimal = quiet("vrrp_min_garp", "garp_lower_prio_repeat 3").garp;
    assert_eq!((minimal.master_repeat, minimal.master_delay), (1, secs(0)));
    assert_eq!(
        (minimal.lower_prio_repeat, minimal.lower_prio_delay),
        (3, secs(0))
    );
}

#[test]
fn version_2_adverts_go_by_whole_seconds() {
    for (given, expected) in [("0.4", 1), ("2.5", 3), ("1.4", 1), ("254.9", 255)] {
        let (instance, messages) = instance("", &format!("advert_int {given}"));
        assert_eq!(instance.unwrap().advert_int, secs(expected), "{given}");
        assert_eq!(
            messages,
            [format!(
                "warning VRRP version 2 counts whole seconds: `advert_int` is rounded to {expected}"
            )]
        );
    }
    assert_eq!(quiet("", "advert_int 3").advert_int, secs(3));
}

#[test]
fn passwords_have_eight_bytes_and_are_never_shown() {
    let pass = |lines: &str| quiet("", &format!("authentication {{\n{lines}\n}}")).authentication;
    let Some(Authentication::Pass(bytes)) = pass("auth_type PASS\nauth_pass cisco") else {
        panic!()
    };
    assert_eq!(&bytes, b"cisco\0\0\0");
    assert_eq!(pass(""), None);

    let lines = "authentication {\nauth_type PASS\nauth_pass hunter2secret\n}";
    let text = format!(
        "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n{lines}\n}}"
    );
    let loaded = of(&text);
    assert_eq!(
        messages(&loaded),
        ["warning `auth_pass` has 13 bytes: only the first 8 count"]
    );
    let Some(Authentication::Pass(bytes)) = loaded.config.vrrp_instances[0].authentication else {
        panic!()
    };
    assert_eq!(&bytes, b"hunter2s");
    let shown = crate::config::render(&loaded, false) + &format!("{:?}", loaded.config);
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("auth_pass *************"), "{shown}");
}

#[test]
fn half_an_authentication_is_none() {
    for (lines, expected) in [
        (
            "auth_type PASS",
            "warning `auth_type` without `auth_pass`: adverts carry no authentication",
        ),
        (
            "auth_pass x",
            "warning `auth_pass` without `auth_type`: adverts carry no authentication",
        ),
    ] {
        let (instance, messages) = instance("", &format!("authentication {{\n{lines}\n}}"));
        assert_eq!(instance.unwrap().authentication, None);
        assert_eq!(messages, [expected]);
    }
}

#[test]
fn the_version_is_given_or_follows_from_the_family() {
    assert_eq!(quiet("", "").version, 2);
    assert_eq!(quiet("", "version 3").version, 3);
    assert_eq!(quiet("vrrp_version 3", "").version, 3);
    assert_eq!(quiet("vrrp_version 3", "version 2").version, 2);
    let six = |lines: &str| {
        let text = format!(
            "vrrp_instance A {{\ninterface eth0\nvirtual_router_id 1\n{lines}\n\
             virtual_ipaddress {{\nfe80::1\n10.0.0.1\n}}\n}}"
        );
        let loaded = of(&text);
        let messages = messages(&loaded);
        (
            loaded.config.vrrp_instances.into_iter().next().unwrap(),
            messages,
        )
    };
    let other = "warning `10.0.0.1` is not of the family of the first address: it is set, but not \
                 advertised";
    let (instance, messages) = six("");
    assert_eq!((instance.version, messages), (3, vec![other.to_owned()]));
    assert_eq!(
        instance.mcast_dst_ip,
        "ff02::12".parse::<std::net::IpAddr>().unwrap()
    );
    assert_eq!(instance.virtual_ipaddress.len(), 1);
    assert_eq!(instance.virtual_ipaddress_excluded.len(), 1);
    let (instance, messages) = six("version 2\nunicast_src_ip 10.0.0.2");
    assert_eq!((instance.version, instance.source), (3, None));
    assert_eq!(
        messages,
        [
            "warning VRRP version 2 knows no IPv6: version 3 is spoken",
            "error adverts go over IPv6: `10.0.0.2` is ignored",
            other,
        ]
    );
}

#[test]
fn ah_has_a_key_of_at_most_eight_bytes_and_version_3_has_no_authentication() {
    let block = |pass: &str| format!("authentication {{\nauth_type AH\nauth_pass {pass}\n}}");
    let Some(Authentication::Ah(key)) = quiet("", &block("secret")).authentication else {
        panic!("no key");
    };
    assert_eq!(key.bytes(), b"secret");
    let (three, messages) = instance("", &format!("version 3\n{}", block("secret")));
    assert_eq!(three.unwrap().authentication, None);
    assert_eq!(
        messages,
        ["warning VRRP version 3 has no authentication: it is ignored"]
    );
}

#[test]
fn an_instance_without_what_it_needs_is_left_out_with_one_error() {
    for (lines, missing) in [
        ("interface eth0", "`virtual_router_id`"),
        ("virtual_router_id 1", "`interface`"),
        ("", "`interface` and no `virtual_router_id`"),
    ] {
        let loaded = of(&format!("vrrp_instance A {{\n{lines}\n}}"));
        assert_eq!(
            messages(&loaded),
            [format!(
                "error vrrp_instance `A` has no {missing}: it is left out"
            )]
        );
        assert_eq!(loaded.config.vrrp_instances, []);
        assert_eq!(loaded.exit_status(), 5);
    }
}

#[test]
fn preemption_settings_that_cannot_work_are_dropped_with_a_warning() {
    let (master, messages) = instance("", "state MASTER\nnopreempt\npreempt_delay 5");
    let master = master.unwrap();
    assert_eq!((master.nopreempt, master.preempt_delay), (false, secs(0)));
    assert_eq!(
        messages,
        [
            "warning `nopreempt` has no effect with `state MASTER`",
            "warning `preempt_delay` has no effect with `state MASTER`"
        ]
    );
    let (backup, messages) = instance("", "nopreempt\npreempt_delay 5");
    let backup = backup.unwrap();
    assert_eq!((backup.nopreempt, backup.preempt_delay), (true, secs(0)));
    assert_eq!(
        messages,
        ["warning `preempt_delay` has no effect with `nopreempt`"]
    );
    let preempting = quiet("", "nopreempt\npreempt\npreempt_delay 5");
    assert_eq!(
        (preempting.nopreempt, preempting.preempt_delay),
        (false, secs(5))
    );
}

#[test]
fn addresses_keep_their_order_and_all_their_options() {
    let loaded = of(
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n\
         10.0.0.9/24 dev eth1 label eth1:0 scope link brd +\n10.0.0.1\n10.0.0.1\nfe80::1\n}\n\
         virtual_ipaddress_excluded {\n10.0.1.1/16 broadcast 10.0.255.255\n}\n}",
    );
    insta::assert_debug_snapshot!((
        &loaded.config.vrrp_instances[0].virtual_ipaddress,
        &loaded.config.vrrp_instances[0].virtual_ipaddress_excluded
    ));
    assert_eq!(
        messages(&loaded),
        [
            "warning the virtual address 10.0.0.1/32 stands here twice",
            "warning `fe80::1` is not of the family of the first address: it is set, but not advertised"
        ]
    );
}

#[test]
fn what_does_not_fit_an_advert_is_set_and_not_advertised() {
    let lines: Vec<String> = (0..260)
        .map(|n| format!("10.1.{}.{}", n / 200, n % 200 + 1))
        .collect();
    let lines = lines.join("\n");
    let (instance, messages) = instance("", &format!("virtual_ipaddress {{\n{lines}\n}}"));
    let instance = instance.unwrap();
    assert_eq!(instance.virtual_ipaddress.len(), 255);
    assert_eq!(instance.virtual_ipaddress_excluded.len(), 6);
    assert_eq!(
        messages,
        [
            "warning an advert holds 255 addresses: this one and those behind it are set, but not advertised"
        ]
    );
}

#[test]
fn an_instance_without_address_is_said_unless_it_says_so() {
    let text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\n}";
    assert_eq!(
        messages(&of(text)),
        ["warning vrrp_instance `A` has no virtual address"]
    );
}

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
        CheckerKind::Tcp | CheckerKind::TcpViaTunnel => Vec::new(),
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
            "warning no `lb_kind`: NAT is used, as with keepalived"
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
            "error this real server is IPv6, its virtual server IPv4: it is left out",
            "warning this real server stands here twice: the second one is left out",
            "error the sorry server is IPv6, its virtual server IPv4: it is left out"
        ]
    );
    assert_eq!(loaded.config.virtual_servers[0].real_servers.len(), 1);
    let empty = service("");
    assert_eq!(
        messages(&empty),
        ["warning this virtual server has no real server: it is left out"]
    );
    assert_eq!(empty.config.virtual_servers, []);
    let sctp = of("virtual_server 10.0.0.1 80 {\nprotocol SCTP\nreal_server 10.0.0.2 80 {\n}\n}");
    assert_eq!(
        messages(&sctp),
        ["error SCTP is not supported yet: the virtual server is left out"]
    );
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
}
