use super::*;
use crate::dataplane::ipvs::testing::{key, server, service};
use crate::net::ipvs::{Change, Statistics};

fn three() -> Installed {
    let mut installed = Installed::default();
    for mark in 1..=3 {
        installed.record(&Change::NewService(service(mark, "rr", &[]).settings));
        installed.record(&Change::NewDestination(key(mark), server(1, 1)));
    }
    installed
}

#[test]
fn an_emptied_table_is_told_service_by_service() {
    let mut now = three();
    now.services.clear();
    let found = drift(&three(), &now);
    assert_eq!(found, [1, 2, 3].map(|mark| Drift::ServiceGone(key(mark))));
    assert_eq!(
        found[0].to_string(),
        "somebody has removed virtual service FWM 1 from IPVS"
    );
}

#[test]
fn every_change_of_ours_is_told() {
    let mut now = three();
    let changes = [
        Change::SetService(service(1, "wlc", &[]).settings),
        Change::SetDestination(key(1), server(1, 7)),
        Change::NewDestination(key(2), server(9, 1)),
        Change::DeleteDestination(key(3), server(1, 1).key),
    ];
    for change in &changes {
        now.record(change);
    }
    assert_eq!(
        drift(&three(), &now),
        [
            Drift::ServiceChanged(key(1)),
            Drift::ServerChanged(key(1), server(1, 1).key),
            Drift::ServerAdded(key(2), server(9, 1).key),
            Drift::ServerGone(key(3), server(1, 1).key),
        ]
    );
}

#[test]
fn another_order_is_told_where_it_matters() {
    for (scheduler, told) in [("sh", true), ("mh", true), ("dh", true), ("wrr", false)] {
        let mut before = Installed::default();
        before.record(&Change::NewService(service(1, scheduler, &[]).settings));
        for last in [1, 2, 3] {
            before.record(&Change::NewDestination(key(1), server(last, 1)));
        }
        let mut now = before.clone();
        now.record(&Change::DeleteDestination(key(1), server(1, 1).key));
        now.record(&Change::NewDestination(key(1), server(1, 1)));
        let expected: &[Drift] = if told {
            &[Drift::Reordered(key(1))]
        } else {
            &[]
        };
        assert_eq!(drift(&before, &now), expected, "{scheduler}");
        // One that is gone is no other order of the rest.
        now = before.clone();
        now.record(&Change::DeleteDestination(key(1), server(2, 1).key));
        let gone = [Drift::ServerGone(key(1), server(2, 1).key)];
        assert_eq!(drift(&before, &now), gone, "{scheduler}");
    }
}

#[test]
fn a_glance_at_the_services_misses_none_that_is_gone_or_changed() {
    let entries = |installed: &Installed| -> Vec<ServiceEntry> {
        let services = installed.services.values();
        let entry = |service: &Service| ServiceEntry {
            service: service.settings.clone(),
            statistics: Statistics::default(),
        };
        services.map(entry).collect()
    };
    let mut before = three();
    before.ours.remove(&key(2));
    assert!(are_there(&before, &entries(&before)));
    let without = |mark: u32| {
        let mut now = before.clone();
        now.services.remove(&key(mark));
        are_there(&before, &entries(&now))
    };
    assert!(!without(1) && without(2) && !without(3));
    let mut now = before.clone();
    now.record(&Change::SetService(service(3, "wlc", &[]).settings));
    assert!(!are_there(&before, &entries(&now)));
    // What the kernel has refused is not there, which is nobody's doing.
    before.ours.insert(key(9));
    assert!(are_there(&before, &entries(&before)));
    assert!(!are_there(&before, &[]));
}

#[test]
fn what_others_do_to_their_own_services_is_nobodys_business() {
    let mut before = three();
    before.ours.remove(&key(2));
    let mut now = before.clone();
    now.services.remove(&key(2));
    assert_eq!(drift(&before, &now), []);
}
