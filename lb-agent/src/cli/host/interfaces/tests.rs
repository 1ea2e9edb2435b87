use std::path::Path;

use super::*;
use crate::config::{Loaded, Memory, load};

fn link(name: &str, kind: LinkKind) -> Link {
    Link {
        index: 1,
        name: name.to_owned(),
        mac: [0; 6],
        up: true,
        mtu: 1500,
        kind,
        master: None,
        alias: None,
    }
}

/// What there is to say of a text on a host with `lo` and `eth0`.
fn remarks_on(text: &str) -> (Loaded, Vec<Diagnostic>) {
    let loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    let links = [
        link("lo", LinkKind::Loopback),
        link("eth0", LinkKind::Ethernet),
    ];
    let remarks = of(&loaded.config, &loaded.mentions, &links);
    (loaded, remarks)
}

/// The same as line and message.
fn said(text: &str) -> Vec<String> {
    let (loaded, remarks) = remarks_on(text);
    let remarks = remarks.into_iter();
    let lines = remarks.map(|one| {
        let span = one.span.unwrap();
        let file = loaded.sources.file(span.file).unwrap();
        format!("{} {}", file.location(span.start).line, one.message)
    });
    lines.collect()
}

const EVERYWHERE: &str = "global_defs {
    xdp_interfaces eth0 eth1
    lvs_sync_daemon eth2
}
interface_up_down_delays {
    eth3 1
}
garp_group {
    interface eth4
    interfaces {
        eth5
    }
}
static_ipaddress {
    10.0.0.6/24 dev eth6
}
static_routes {
    10.7.0.0/16 via 10.0.0.7 dev eth7
}
static_rules {
    from 10.8.0.0/16 iif eth8 table 8 preference 8
}
vrrp_instance A {
    interface eth9
    virtual_router_id 51
    track_interface {
        eth10 weight 5
    }
    virtual_ipaddress {
        10.0.0.11/24 dev eth11
        10.0.0.12/24 dev eth0
    }
    virtual_routes {
        10.9.0.0/16 nexthop via 10.0.0.9 dev eth12
    }
}
virtual_server 10.0.0.11 80 {
    protocol TCP
    lb_kind DR
    real_server 10.0.0.13 80 {
        TCP_CHECK {
            bind_if eth13
        }
    }
}
";

#[test]
fn every_line_that_names_a_missing_interface_says_what_waits() {
    let waits = "what this line says of it waits until it comes";
    let expected = [
        (2, 1, "no packets are taken there until it comes"),
        (3, 2, waits),
        (6, 3, waits),
        (9, 4, waits),
        (11, 5, waits),
        (15, 6, "the address waits until it comes"),
        (18, 7, waits),
        (21, 8, waits),
        (24, 9, "the instance is in FAULT until it comes"),
        (27, 10, "it counts as down until it comes"),
        (30, 11, "the address waits until it comes"),
        (34, 12, waits),
        (42, 13, "the check fails until it comes"),
    ];
    let expected = expected.map(|(line, number, consequence)| {
        format!("{line} interface eth{number} does not exist: {consequence}")
    });
    assert_eq!(said(EVERYWHERE), expected);
}

#[test]
fn the_exit_status_is_keepalived_s() {
    for (text, expected) in [
        ("global_defs {\nlvs_sync_daemon eth2\n}\n", 0),
        ("global_defs {\ndefault_interface eth2\n}\n", 0),
        ("garp_group {\ninterface eth4\n}\n", 5),
        ("static_routes {\n10.0.0.0/8 dev eth7\n}\n", 5),
        (
            "global_defs {\ndefault_interface eth2\n}\nvrrp_instance A {\nvirtual_router_id 1\n\
             virtual_ipaddress {\n10.0.0.1\n}\n}\n",
            5,
        ),
    ] {
        let (mut loaded, remarks) = remarks_on(text);
        assert!(!remarks.is_empty(), "{text}");
        loaded.add(remarks);
        assert_eq!(loaded.exit_status(), expected, "{text}");
    }
}

#[test]
fn with_dynamic_interfaces_nothing_is_missing_as_with_keepalived() {
    let text = EVERYWHERE.replace("global_defs {", "global_defs {\n    dynamic_interfaces");
    assert_eq!(said(&text), Vec::<String>::new());
}

#[test]
fn what_the_agent_makes_is_not_missing() {
    let text = "vrrp_instance A {
    interface eth0
    virtual_router_id 51
    use_vmac
    virtual_ipaddress {
        10.0.0.1/24 dev vrrp.51
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    use_vmac own
    track_interface {
        own
        vrrp.51
        vrrp.53
    }
    virtual_ipaddress {
        10.0.0.2/24
    }
}
";
    assert_eq!(
        said(text),
        ["16 interface vrrp.53 does not exist: it counts as down until it comes"]
    );
}

#[test]
fn an_instance_on_the_loopback_interface_is_said_as_keepalived_says_it() {
    let text = "vrrp_instance A {
    interface lo
    virtual_router_id 51
    virtual_ipaddress {
        10.0.0.1/24 dev lo
    }
}
";
    assert_eq!(
        said(text),
        [
            "2 lo is the loopback interface: no other router is heard there, and keepalived leaves \
          the instance out"
        ]
    );
}
