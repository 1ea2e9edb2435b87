use std::net::Ipv4Addr;

use super::*;
use crate::vrrp::instance::tests::config;

fn tracked(weight: i16, reverse: bool) -> Tracked {
    Tracked {
        kind: Kind::Script,
        name: "check".into(),
        weight,
        reverse,
    }
}

#[test]
fn a_weight_counts_while_its_sign_and_the_thing_agree() {
    use Status::{Down, Unknown, Up, Value};
    let table = [
        (20, false, Up, 20),
        (20, false, Down, 0),
        (-20, false, Up, 0),
        (-20, false, Down, -20),
        (20, true, Down, 20),
        (20, true, Up, 0),
        (-20, true, Up, -20),
        (-20, true, Down, 0),
        (20, false, Unknown, 0),
        (-20, false, Unknown, 0),
        (2, false, Value(-7), -14),
        (2, true, Value(-7), 14),
    ];
    for (weight, reverse, status, adjustment) in table {
        let tracked = tracked(weight, reverse);
        assert_eq!(
            tracked.adjustment(status),
            adjustment,
            "{weight} {reverse} {status:?}"
        );
        assert!(!tracked.is_fault(status));
    }
}

#[test]
fn a_weight_of_zero_is_all_or_nothing() {
    use Status::{Down, Unknown, Up, Value};
    for (reverse, status, fault) in [
        (false, Up, false),
        (false, Down, true),
        (true, Up, true),
        (true, Down, false),
        (false, Unknown, false),
        (true, Unknown, false),
        (false, Value(0), false),
        (false, Value(-1), true),
    ] {
        let tracked = tracked(0, reverse);
        assert_eq!(tracked.is_fault(status), fault, "{reverse} {status:?}");
        assert_eq!(tracked.adjustment(status), 0);
    }
}

#[test]
fn the_first_address_decides_the_family_and_the_others_are_not_advertised() {
    let mut router = VirtualRouter::from(&config());
    let six = |text: &str| VirtualAddress::new(text.parse().unwrap(), "eth0");
    router.virtual_ipaddress.insert(0, six("fe80::100/64"));
    router.virtual_ipaddress.push(six("2001:db8::100/64"));
    router.advert_int = Duration::from_millis(123);
    router.settle();
    assert_eq!((router.family, router.version), (Family::V6, Version::V3));
    assert_eq!(
        router.virtual_ipaddress,
        [six("fe80::100/64"), six("2001:db8::100/64")]
    );
    assert_eq!(router.virtual_ipaddress_excluded.len(), 1);
    assert_eq!(router.mcast_dst_ip, "ff02::12".parse::<IpAddr>().unwrap());
    assert_eq!(router.advert_int, Duration::from_millis(120));
}

#[test]
fn an_interval_is_what_the_version_can_say() {
    for (given, seconds, centi) in [
        (1, 1, 1),
        (499, 1, 50),
        (1500, 2, 150),
        (1_000_000, 255, 4095),
    ] {
        let given = Duration::from_millis(given);
        assert_eq!(adver_int_seconds(given), seconds);
        assert_eq!(centiseconds(given), centi);
    }
    let mut router = VirtualRouter::from(&config());
    router.source = Some(Ipv4Addr::new(10, 0, 0, 1).into());
    router.authentication = Some(Authentication::Pass([1; 8]));
    router.version = Version::V3;
    router.settle();
    assert_eq!(router.authentication, None);
    assert!(router.source.is_some());
}
