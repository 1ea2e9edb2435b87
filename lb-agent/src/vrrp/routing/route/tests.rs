use std::time::Duration;

use super::*;
use crate::config::model::RouteMetrics;
use crate::net::attribute::attributes as read;

fn via(address: &str, dev: Option<&str>) -> NextHop {
    NextHop {
        via: Some(address.parse().unwrap()),
        dev: dev.map(str::to_owned),
        weight: 1,
        onlink: false,
    }
}

fn index(name: &str) -> Option<u32> {
    (name == "eth0").then_some(7)
}

/// As `ip route add 192.0.2.0/24 via 10.0.0.9 dev eth0 proto keepalived metric 5` sends it, but for
/// the order of the attributes.
#[test]
fn a_route_is_written_as_iproute2_writes_it() {
    let route = Route {
        to: Some("192.0.2.0/24".parse().unwrap()),
        nexthops: vec![via("10.0.0.9", Some("eth0"))],
        metric: Some(5),
        ..Route::default()
    };
    let entry = encode(&route, None, index).unwrap();
    #[rustfmt::skip]
    let golden = [
        2, 24, 0, 0, 254, 18, 0, 1, 0, 0, 0, 0,
        8, 0, 1, 0, 192, 0, 2, 0,
        8, 0, 5, 0, 10, 0, 0, 9,
        8, 0, 4, 0, 7, 0, 0, 0,
        8, 0, 15, 0, 254, 0, 0, 0,
        8, 0, 6, 0, 5, 0, 0, 0,
    ];
    assert_eq!(entry.add.body(), golden);
    assert_eq!(entry.text, "route 192.0.2.0/24 via 10.0.0.9 dev eth0");
}

/// As `ip route prepend`, `append` and `add` send it.
#[test]
fn without_a_word_a_route_goes_before_others_of_its_destination() {
    let flags = |placing| {
        let route = Route {
            placing,
            nexthops: vec![via("10.0.0.9", Some("eth0"))],
            ..Route::default()
        };
        encode(&route, None, index).unwrap().flags
    };
    assert_eq!(flags(Placing::default()), 0x400);
    assert_eq!(flags(Placing::Prepend), 0x400);
    assert_eq!(flags(Placing::Append), 0xc00);
    assert_eq!(flags(Placing::Add), 0x600);
}

#[test]
fn scopes_are_those_that_iproute2_assumes() {
    let on_link = NextHop {
        dev: Some("eth0".into()),
        ..NextHop::default()
    };
    let scope_of = |kind, hops: &[NextHop], to: &str| {
        let route = Route {
            to: Some(to.parse().unwrap()),
            kind,
            nexthops: hops.to_vec(),
            ..Route::default()
        };
        encode(&route, None, index).unwrap().add.body()[6]
    };
    let hop = via("10.0.0.9", None);
    assert_eq!(scope_of(RouteKind::Unicast, &[hop], "192.0.2.0/24"), 0);
    assert_eq!(
        scope_of(
            RouteKind::Unicast,
            std::slice::from_ref(&on_link),
            "192.0.2.0/24"
        ),
        253
    );
    assert_eq!(scope_of(RouteKind::Unicast, &[on_link], "2001:db8::/32"), 0);
    assert_eq!(scope_of(RouteKind::Blackhole, &[], "192.0.2.0/24"), 0);
    assert_eq!(scope_of(RouteKind::Local, &[], "192.0.2.1/32"), 254);
}

#[test]
fn several_next_hops_are_a_multipath_route() {
    let heavy = NextHop {
        weight: 3,
        onlink: true,
        ..via("10.0.0.9", Some("eth0"))
    };
    let route = Route {
        nexthops: vec![heavy, via("2001:db8::1", None)],
        table: Some(1000),
        family: Some(Family::Inet),
        ..Route::default()
    };
    let entry = encode(&route, None, index).unwrap();
    let (header, rest) = entry.add.body().split_at(12);
    assert_eq!(header[..5], [2, 0, 0, 0, 0], "the table does not fit");
    let (_, multipath) = read(rest).find(|(kind, _)| *kind == RTA_MULTIPATH).unwrap();
    #[rustfmt::skip]
    let golden = [
        16, 0, 4, 2, 7, 0, 0, 0, 8, 0, 5, 0, 10, 0, 0, 9,
        32, 0, 0, 0, 0, 0, 0, 0, 22, 0, 18, 0, 10, 0,
        0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
    ];
    assert_eq!(multipath, golden);
}

#[test]
fn metrics_are_an_attribute_of_attributes() {
    let route = Route {
        metrics: RouteMetrics {
            mtu: Some(1400),
            rtt: Some(Duration::from_millis(10)),
            congctl: Some("bbr".into()),
            locked: vec!["mtu"],
            ..RouteMetrics::default()
        },
        ..Route::default()
    };
    let entry = encode(&route, None, index).unwrap();
    let (_, metrics) = read(&entry.add.body()[12..])
        .find(|(kind, _)| *kind == RTA_METRICS)
        .unwrap();
    let all: Vec<(u16, Vec<u8>)> = read(metrics)
        .map(|(kind, value)| (kind, value.to_vec()))
        .collect();
    assert_eq!(
        all,
        [
            (2, 1400u32.to_ne_bytes().to_vec()),
            (4, 80u32.to_ne_bytes().to_vec()),
            (16, b"bbr\0".to_vec()),
            (1, (1u32 << 2).to_ne_bytes().to_vec()),
        ]
    );
}

#[test]
fn what_is_missing_is_named() {
    let route = Route {
        nexthops: vec![via("10.0.0.9", Some("eth9"))],
        ..Route::default()
    };
    assert_eq!(
        encode(&route, None, index).unwrap_err(),
        "cannot add route default via 10.0.0.9 dev eth9: no interface eth9"
    );
}
