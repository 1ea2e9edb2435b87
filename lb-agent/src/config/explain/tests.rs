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
