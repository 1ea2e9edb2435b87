mod lists;

use std::path::Path;

use super::*;
use crate::config::source::Memory;
use crate::config::{Environment, load_explained};

const TEXT: &str = "global_defs {
    router_id lb1
    vrrp_garp_master_repeat 3
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    garp_master_delay 2
    advert_int 3
    virtual_ipaddress { 10.0.0.1/24 dev eth1 }
}
virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_algo wrr
    lb_kind DR
    delay_loop 6
    quorum 2
    real_server 10.0.1.1 80 {
        weight 2
        TCP_CHECK {
            connect_timeout 3
        }
    }
    real_server 10.0.1.2 80 {
    }
}
";

#[test]
fn every_value_stands_with_the_line_that_says_it_or_with_default() {
    let source = Memory::default().with("lb.conf", TEXT);
    let loaded = load_explained(&source, Path::new("lb.conf"), &Environment::default());
    insta::assert_snapshot!(explain(&loaded));
}

const GROUPS: &str = "net_namespace red
interface_up_down_delays {
    eth0 2 3
}
SSL {
    ca /etc/ssl/ca.pem
}
static_ipaddress {
    10.0.0.8/24 dev eth0
}
static_routes {
    10.8.0.0/16 via 10.0.0.9 dev eth0 track_group T
}
static_rules {
    from 10.8.0.0/16 table 8
}
garp_group {
    garp_interval 2
    interfaces {
        eth0
        eth1
    }
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1/24
    }
}
track_group T {
    group {
        A
    }
}
virtual_server_group G {
    10.0.0.1-4 80
    10.0.0.9 8000-8010
    fwmark 7
}
virtual_server group G {
    protocol TCP
    real_server 10.0.1.1 80 {
        TCP_CHECK {
        }
        PING_CHECK {
            retry 4
        }
    }
}
virtual_server 10.0.0.1 53 {
    protocol UDP
    lb_algo rr
    lb_kind DR
    real_server 10.0.1.1 53 {
    }
}
virtual_server 10.0.0.1 25 {
    xdp_mode off
    protocol TCP
    lb_algo rr
    lb_kind DR
    real_server 10.0.1.1 25 {
    }
}
";

#[test]
fn what_is_static_and_groups_stand_there_and_who_carries_what() {
    let source = Memory::default().with("lb.conf", GROUPS);
    let loaded = load_explained(&source, Path::new("lb.conf"), &Environment::default());
    insta::assert_snapshot!(explain(&loaded));
}

fn explained(text: &str) -> String {
    let source = Memory::default().with("lb.conf", text);
    let loaded = load_explained(&source, Path::new("lb.conf"), &Environment::default());
    explain(&loaded)
}

/// The lines of a keyword, without the blanks between it and its origin.
fn lines_of(text: &str, keyword: &str) -> Vec<String> {
    let lines = text.lines().map(str::split_whitespace);
    let lines = lines.map(|words| words.collect::<Vec<&str>>().join(" "));
    lines
        .filter(|line| line.split(' ').next() == Some(keyword))
        .collect()
}

/// That a line with this word stands at this line of the file.
#[track_caller]
fn assert_stands_at(text: &str, word: &str, line: usize) {
    let place = format!("# lb.conf:{line}");
    let found = text
        .lines()
        .any(|it| it.contains(word) && it.ends_with(&place));
    assert!(found, "{word}\n{text}");
}

/// Two services of one address and port, as every DNS has them.
#[test]
fn services_of_one_port_stand_with_their_own_lines() {
    let service = |protocol: &str, weight: u8| {
        format!(
            "virtual_server 10.0.0.1 53 {{
    protocol {protocol}
    lb_algo wrr
    lb_kind DR
    delay_loop {weight}
    real_server 10.0.1.1 53 {{
        weight {weight}
        TCP_CHECK {{
            connect_port 53
        }}
    }}
}}
"
        )
    };
    let text = explained(&(service("TCP", 2) + &service("UDP", 3)));
    for (keyword, expected) in [
        (
            "virtual_server",
            ["10.0.0.1 53 { # lb.conf:1", "10.0.0.1 53 { # lb.conf:13"],
        ),
        ("protocol", ["TCP # lb.conf:2", "UDP # lb.conf:14"]),
        ("lb_algo", ["wrr # lb.conf:3", "wrr # lb.conf:15"]),
        ("lb_kind", ["DR # lb.conf:4", "DR # lb.conf:16"]),
        (
            "real_server",
            ["10.0.1.1 53 { # lb.conf:6", "10.0.1.1 53 { # lb.conf:18"],
        ),
        ("weight", ["2 # lb.conf:7", "3 # lb.conf:19"]),
        ("delay_loop", ["2 # lb.conf:5", "3 # lb.conf:17"]),
        ("connect_port", ["53 # lb.conf:9", "53 # lb.conf:21"]),
    ] {
        let expected = expected.map(|rest| format!("{keyword} {rest}"));
        assert_eq!(lines_of(&text, keyword), expected, "{text}");
    }
}

/// DR and TUN leave the port as the client wrote it: the server's own is not in the model.
#[test]
fn a_server_whose_port_cannot_count_stands_with_its_own_lines() {
    let text = explained(
        "virtual_server 10.0.0.1 80 {
    lb_kind DR
    real_server 10.0.1.1 8080 {
        weight 3
        TCP_CHECK {
            connect_timeout 4
        }
    }
}
virtual_server fwmark 7 {
    lb_kind DR
    ip_family inet
    real_server 10.0.1.1 8080 {
        weight 5
    }
}
",
    );
    let servers = [
        "real_server 10.0.1.1 80 { # lb.conf:3",
        "real_server 10.0.1.1 0 { # lb.conf:13",
    ];
    assert_eq!(lines_of(&text, "real_server"), servers, "{text}");
    let weights = ["weight 3 # lb.conf:4", "weight 5 # lb.conf:14"];
    assert_eq!(lines_of(&text, "weight"), weights, "{text}");
    let timeout = ["connect_timeout 4 # lb.conf:6"];
    assert_eq!(lines_of(&text, "connect_timeout"), timeout, "{text}");
    // The trap: without `protocol` it is UDP, and the page says so.
    assert_eq!(lines_of(&text, "protocol"), ["protocol UDP # default"]);
    assert_eq!(
        lines_of(&text, "ip_family"),
        ["ip_family inet # lb.conf:12"]
    );
}

#[test]
fn of_servers_that_stand_there_twice_the_others_keep_their_lines() {
    let text = explained(
        "virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_kind NAT
    real_server 10.0.1.1 80 {
        weight 2
    }
    real_server 10.0.1.1 80 {
        weight 3
    }
    real_server 10.0.1.2 80 {
        weight 4
    }
}
",
    );
    let weights = ["weight 2 # lb.conf:5", "weight 4 # lb.conf:11"];
    assert_eq!(lines_of(&text, "weight"), weights, "{text}");
}

#[test]
fn a_value_that_another_keyword_overrules_names_that_keyword() {
    let text = explained(
        "global_defs {
    vrrp_strict
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    state MASTER
    priority 100
    nopreempt
    preempt_delay 5
    down_timer_adverts 9
    garp_lower_prio_repeat 4
    mcast_src_ip 10.0.0.7
    unicast_src_ip 10.0.0.8
    unicast_peer {
        10.0.0.9
    }
    virtual_ipaddress {
        10.0.0.1
    }
}
virtual_server 10.0.0.1 0 {
    protocol TCP
    lb_kind NAT
    quorum 9
    real_server 10.0.1.1 80 {
    }
}
",
    );
    for line in [
        "nopreempt on # lb.conf:9",
        "preempt_delay 0 # lb.conf:2, vrrp_strict",
        "state BACKUP # lb.conf:2, vrrp_strict",
        "down_timer_adverts 3 # lb.conf:2, vrrp_strict",
        "lower_prio_repeat 0 # lb.conf:2, vrrp_strict",
        "lower_prio_no_advert on # lb.conf:2, vrrp_strict",
        "accept off # lb.conf:2, vrrp_strict",
        "unicast_src_ip 10.0.0.8 # lb.conf:14",
        "quorum 1 # lb.conf:22, real_server",
        "persistence_timeout 360 # lb.conf:22, virtual_server",
    ] {
        let keyword = line.split(' ').next().unwrap_or_default();
        assert!(
            lines_of(&text, keyword).contains(&line.to_owned()),
            "{line}\n{text}"
        );
    }
}

#[test]
fn a_url_stands_with_its_own_line_and_not_with_that_of_its_path() {
    let text = explained(
        "virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_kind DR
    real_server 10.0.1.1 80 {
        HTTP_GET {
            url {
                path /one
            }
        }
    }
    real_server 10.0.1.2 80 {
        HTTP_GET {
            url {
                path /two
            }
            url {
                path /three
                status_code 200
            }
        }
    }
}
",
    );
    for (path, line) in [("/one", 6), ("/two", 13), ("/three", 16)] {
        assert_stands_at(&text, path, line);
    }
}

/// The second one is left out, and all that is said of it with it.
#[test]
fn an_instance_that_stands_there_twice_has_the_lines_of_the_first() {
    let text = explained(
        "vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 90
    preempt_delay 5
    no_virtual_ipaddress
}
vrrp_instance A {
    interface eth0
    virtual_router_id 52
    state MASTER
    priority 80
    preempt_delay 7
    no_virtual_ipaddress
}
",
    );
    let delay = ["preempt_delay 5 # lb.conf:5"];
    assert_eq!(lines_of(&text, "preempt_delay"), delay, "{text}");
}

#[test]
fn words_are_spelled_as_their_keywords_have_them() {
    let text = explained("global_defs {\n    umask 0137\n}\n");
    assert_eq!(lines_of(&text, "umask"), ["umask 0137 # lb.conf:2"]);
    assert_eq!(lines_of(&text, "xdp_mode"), ["xdp_mode auto # default"]);
}

#[test]
fn the_priority_of_a_process_is_not_that_of_an_instance() {
    let text = explained(
        "global_defs {
    vrrp_priority -5
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1/24
    }
}
",
    );
    assert_eq!(lines_of(&text, "priority"), ["priority 100 # default"]);
}

#[test]
fn a_server_has_the_alpha_of_the_checker_that_decides() {
    let text = explained(
        "virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_kind DR
    alpha
    real_server 10.0.1.1 80 {
        TCP_CHECK {
            alpha off
        }
    }
    real_server 10.0.1.2 80 {
        TCP_CHECK {
            alpha off
        }
        TCP_CHECK {
            connect_port 81
        }
    }
    real_server 10.0.1.3 80 {
    }
}
",
    );
    assert_eq!(
        lines_of(&text, "alpha"),
        [
            "alpha on # lb.conf:4",
            "alpha off # lb.conf:7, alpha",
            "alpha off # lb.conf:7",
            "alpha on # lb.conf:4",
            "alpha off # lb.conf:12",
            "alpha on # lb.conf:4",
            "alpha off # default",
        ],
        "{text}"
    );
}

#[test]
fn of_two_checkers_of_a_kind_the_one_that_is_left_stands_with_its_own_lines() {
    let text = explained(
        "virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_kind DR
    real_server 10.0.1.1 80 {
        HTTP_GET {
            retry 5
        }
        HTTP_GET {
            retry 7
            url {
                path /
            }
        }
    }
}
",
    );
    assert_eq!(
        lines_of(&text, "HTTP_GET"),
        ["HTTP_GET { # lb.conf:8"],
        "{text}"
    );
    assert_eq!(lines_of(&text, "retry"), ["retry 7 # lb.conf:9"], "{text}");
}

/// A checker that checks nothing is left out, and the places of the others stay their own.
#[test]
fn checkers_stand_with_their_own_lines() {
    let text = "virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_kind DR
    real_server 10.0.1.1 80 {
        HTTP_GET {
            retry 5
        }
        TCP_CHECK {
            retry 7
        }
    }
}
";
    let source = Memory::default().with("lb.conf", text);
    let loaded = load_explained(&source, Path::new("lb.conf"), &Environment::default());
    let text = explain(&loaded);
    let (_, block) = text.split_once("TCP_CHECK {").unwrap();
    let mut lines = block.lines();
    assert!(lines.next().unwrap().ends_with("# lb.conf:8"), "{text}");
    let retry = lines.find(|line| line.contains("retry 7")).unwrap();
    assert!(retry.ends_with("# lb.conf:9"), "{text}");
    assert!(!text.contains("HTTP_GET"), "{text}");
}
