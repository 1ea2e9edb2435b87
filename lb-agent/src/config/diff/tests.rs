use std::path::Path;

use super::*;
use crate::config::source::Memory;
use crate::config::{Diagnostic, Severity, load};

const BASE: &str = "
global_defs { router_id lb1 }
vrrp_script up { script /bin/true
 weight -20 }
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    priority 100
    virtual_ipaddress { 10.0.0.1 }
    track_script { up }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 52
    virtual_ipaddress { 10.0.0.2 }
}
static_routes { 10.8.0.0/16 via 10.0.0.9 }
virtual_server 10.0.0.1 80 {
    protocol TCP
    lb_algo wrr
    lb_kind DR
    real_server 10.0.1.1 80 { weight 1
TCP_CHECK { connect_timeout 3 } }
    real_server 10.0.1.2 80 { weight 2 }
}
virtual_server 10.0.0.2 53 {
    protocol UDP
    lb_algo rr
    lb_kind NAT
    real_server 10.0.1.1 53 { }
}
";

fn config(text: &str) -> Config {
    let loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    let is_error = |it: &Diagnostic| it.severity == Severity::Error;
    assert!(
        !loaded.diagnostics.iter().any(is_error),
        "{:?}",
        loaded.diagnostics
    );
    loaded.config
}

/// The changes when these parts of the base are written otherwise.
fn changes(replaced: &[(&str, &str)]) -> Changes {
    let mut text = BASE.to_owned();
    for (from, to) in replaced {
        assert!(text.contains(from), "{from}");
        text = text.replacen(from, to, 1);
    }
    diff(&config(BASE), &config(&text))
}

#[test]
fn the_same_configuration_is_no_change_in_whatever_order() {
    assert!(changes(&[]).is_empty());
    let services = BASE.find("virtual_server 10.0.0.2").unwrap();
    let (before, last) = BASE.split_at(services);
    assert!(diff(&config(BASE), &config(&format!("{last}{before}"))).is_empty());
    assert!(changes(&[("priority 100", "priority 100 # a comment")]).is_empty());
}

#[test]
fn a_priority_a_script_or_an_address_does_not_restart_an_instance() {
    for (from, to, expected) in [
        ("priority 100", "priority 90", "priority"),
        ("10.0.0.1 }", "10.0.0.1\n10.0.0.3 }", "virtual_ipaddress"),
        (
            "track_script { up }",
            "track_script { up weight -30 }",
            "track",
        ),
        (
            "interface eth0",
            "interface eth0\nnotify_master /bin/true",
            "notify",
        ),
        (
            "interface eth0",
            "interface eth0\nadvert_int 3",
            "advert_int",
        ),
    ] {
        let changes = changes(&[(from, to)]);
        let [InstanceChange::Changed { keywords, new }] = changes.vrrp_instances.as_slice() else {
            panic!("{to}: {changes:?}")
        };
        assert_eq!(keywords, &[expected], "{to}");
        assert_eq!(new.name, "A");
        assert!(changes.virtual_servers.is_empty());
    }
    let changes = changes(&[("weight -20", "weight -30")]);
    assert_eq!(changes.vrrp_scripts.changed.len(), 1);
    assert!(matches!(
        changes.vrrp_instances.as_slice(),
        [InstanceChange::Changed { keywords, .. }] if keywords == &["track"]
    ));
}

#[test]
fn another_vrid_or_link_restarts_an_instance() {
    for (from, to) in [
        ("virtual_router_id 51", "virtual_router_id 61"),
        ("interface eth0", "interface eth1"),
        ("interface eth0", "interface eth0\nuse_vmac"),
    ] {
        let changes = changes(&[(from, to)]);
        assert!(
            matches!(
                changes.vrrp_instances.as_slice(),
                [InstanceChange::Restarted { .. }]
            ),
            "{to}: {changes:?}"
        );
    }
}

#[test]
fn instances_come_and_go_by_their_names() {
    let changes = changes(&[("vrrp_instance B", "vrrp_instance C")]);
    let [
        InstanceChange::Removed(removed),
        InstanceChange::Added(added),
    ] = changes.vrrp_instances.as_slice()
    else {
        panic!("{changes:?}")
    };
    assert_eq!((removed.as_str(), added.name.as_str()), ("B", "C"));
}

#[test]
fn a_service_says_which_servers_and_which_keywords_differ() {
    let server = |last: u8| RealServerKey {
        address: [10, 0, 1, last].into(),
        port: 80,
    };
    for (from, to, service, servers) in [
        (
            "weight 2",
            "weight 3",
            vec![],
            vec![changed(server(2), "weight")],
        ),
        (
            "connect_timeout 3",
            "connect_timeout 4",
            vec![],
            vec![changed(server(1), "checkers")],
        ),
        ("lb_algo wrr", "lb_algo rr", vec!["lb_algo"], vec![]),
        (
            "lb_kind DR",
            "lb_kind DR\npersistence_timeout 9",
            vec!["persistence_timeout"],
            vec![],
        ),
        (
            "real_server 10.0.1.2 80",
            "real_server 10.0.1.3 80",
            vec![],
            vec![
                ServerChange::Removed(server(2)),
                ServerChange::Added(server(3)),
            ],
        ),
    ] {
        let changes = changes(&[(from, to)]);
        let [
            ServiceChange::Changed {
                key,
                keywords,
                servers: found,
                reordered,
                ..
            },
        ] = changes.virtual_servers.as_slice()
        else {
            panic!("{to}: {changes:?}")
        };
        assert!(matches!(key, VirtualServerKey::Address(key) if key.port == 80));
        assert_eq!(
            (keywords, found, *reordered),
            (&service, &servers, false),
            "{to}"
        );
        assert!(changes.vrrp_instances.is_empty());
    }
}

use crate::config::model::RealServerKey;

fn changed(key: RealServerKey, keyword: &'static str) -> ServerChange {
    let keywords = vec![keyword];
    ServerChange::Changed { key, keywords }
}

#[test]
fn another_protocol_is_another_service() {
    let changes = changes(&[("protocol TCP", "protocol UDP")]);
    assert!(matches!(
        changes.virtual_servers.as_slice(),
        [ServiceChange::Removed(_), ServiceChange::Added(_)]
    ));
}

#[test]
fn the_rest_changes_by_itself() {
    let all = changes(&[
        ("router_id lb1", "router_id lb2"),
        ("10.8.0.0/16", "10.9.0.0/16"),
    ]);
    assert_eq!(all.global_defs, ["router_id"]);
    assert_eq!(
        (
            all.static_routes.removed.len(),
            all.static_routes.added.len()
        ),
        (1, 1)
    );
    assert!(all.vrrp_instances.is_empty() && all.virtual_servers.is_empty());
}

#[test]
fn servers_in_another_order_are_said_and_nothing_else() {
    let first = "real_server 10.0.1.1 80 { weight 1\nTCP_CHECK { connect_timeout 3 } }";
    let second = "real_server 10.0.1.2 80 { weight 2 }";
    let changes = changes(&[(first, "@1"), (second, first), ("@1", second)]);
    assert!(matches!(
        changes.virtual_servers.as_slice(),
        [ServiceChange::Changed { keywords, servers, reordered: true, .. }]
            if keywords.is_empty() && servers.is_empty()
    ));
}
