mod service;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use crate::config::model::{
    Authentication, Checker, CheckerKind, Forwarding, Garp, Protocol, Scheduler, Tunnel,
    TunnelChecksum, VrrpInstance,
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
fn no_remark_shows_a_secret() {
    for text in [
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\nversion 3\n\
         auth_hmac {\nkey 9 hunter2\n}\n}",
        "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\nversion 3\n\
         auth_hmac {\nkey 9 hex:hunter2\n}\n}",
        "global_defs {\nxdp_smtp_user me\nxdp_smtp_password hunter2 hunter2\n}",
    ] {
        let loaded = of(text);
        assert!(!messages(&loaded).is_empty(), "{text}");
        let shown = crate::config::render(&loaded, false);
        assert!(!shown.contains("hunter"), "{shown}");
    }
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
    let (instance, messages) = six("version 2\nmcast_src_ip 10.0.0.2");
    assert_eq!((instance.version, instance.mcast_src_ip), (3, None));
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
