use std::net::Ipv4Addr;

use super::*;

const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const LOWER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// Higher as a number, lower as text.
const HIGHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 10));

fn advert(source: IpAddr, priority: u8) -> Advert {
    Advert {
        source,
        priority,
        adver_int: Duration::from_secs(1),
    }
}

#[test]
fn a_backup_follows_equals_whatever_their_address() {
    for source in [LOWER, OURS, HIGHER] {
        let equal = advert(source, 100);
        assert_eq!(in_backup(equal, 100, Preemption::Allowed), InBackup::Follow);
    }
}

#[test]
fn a_backup_discards_a_lower_master_only_when_it_may_preempt() {
    let lower = advert(HIGHER, 99);
    assert_eq!(
        in_backup(lower, 100, Preemption::Allowed),
        InBackup::Discard
    );
    assert_eq!(
        in_backup(lower, 100, Preemption::Forbidden),
        InBackup::Follow
    );
    assert_eq!(in_backup(lower, 100, Preemption::Delayed), InBackup::Follow);
}

#[test]
fn a_backup_hears_a_release_whatever_the_preemption() {
    for preemption in [
        Preemption::Allowed,
        Preemption::Forbidden,
        Preemption::Delayed,
    ] {
        assert_eq!(
            in_backup(advert(LOWER, 0), 1, preemption),
            InBackup::Released
        );
    }
}

#[test]
fn a_master_yields_to_a_higher_priority_or_address() {
    let table = [
        (advert(LOWER, 101), InMaster::Higher),
        (advert(HIGHER, 99), InMaster::Lower),
        (advert(HIGHER, 100), InMaster::HigherAddress),
        (advert(LOWER, 100), InMaster::Lower),
        (advert(OURS, 100), InMaster::OurAddress),
        (advert(HIGHER, 0), InMaster::Released),
    ];
    for (advert, expected) in table {
        assert_eq!(in_master(advert, 100, Some(OURS)), expected, "{advert:?}");
    }
}

#[test]
fn of_two_equal_masters_exactly_one_yields() {
    for (a, b) in [(LOWER, HIGHER), (OURS, HIGHER), (LOWER, OURS)] {
        let first = in_master(advert(b, 100), 100, Some(a));
        let second = in_master(advert(a, 100), 100, Some(b));
        assert_eq!((first, second), (InMaster::HigherAddress, InMaster::Lower));
    }
}

#[test]
fn two_owners_are_a_mistake() {
    assert!(both_own(advert(LOWER, 255), 255));
    assert!(!both_own(advert(LOWER, 255), 254));
    assert!(!both_own(advert(LOWER, 254), 255));
}
