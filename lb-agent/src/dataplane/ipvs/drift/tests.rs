use super::*;
use crate::dataplane::ipvs::testing::{key, server, service};
use crate::net::ipvs::Change;

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
fn what_others_do_to_their_own_services_is_nobodys_business() {
    let mut before = three();
    before.ours.remove(&key(2));
    let mut now = before.clone();
    now.services.remove(&key(2));
    assert_eq!(drift(&before, &now), []);
}
