use super::*;
use crate::dataplane::ipvs::testing::{desired, key, server, service};
use crate::net::ipvs::{DestinationEntry, ServiceEntry, Statistics};

fn entry(mark: u32, servers: &[Destination]) -> Entry {
    let of = |destination: &Destination| DestinationEntry {
        destination: *destination,
        active_connections: 1,
        inactive_connections: 2,
        persistent_connections: 3,
        statistics: Statistics::default(),
    };
    Entry {
        service: ServiceEntry {
            service: service(mark, "rr", &[]).settings,
            statistics: Statistics::default(),
        },
        destinations: servers.iter().map(of).collect(),
    }
}

#[test]
fn what_the_kernel_says_replaces_the_picture_but_not_whose_it_is() {
    let mut installed = Installed::default();
    installed.record(&Change::NewService(service(1, "rr", &[]).settings));
    installed.read(&[entry(2, &[server(1, 1)])]);
    assert_eq!(installed.services.len(), 1);
    assert_eq!(
        installed.services[&key(2)].servers[&server(1, 1).key],
        server(1, 1)
    );
    assert_eq!(installed.ours, BTreeSet::from([key(1)]));
}

#[test]
fn the_head_of_the_kernel_s_list_was_added_last() {
    let list = [3, 1, 2].map(|last| server(last, 1));
    let mut installed = Installed::default();
    installed.read(&[entry(1, &list)]);
    let order = &installed.services[&key(1)].order;
    assert_eq!(order.keys(), [2, 1, 3].map(|last| server(last, 1).key));
    let mut ours = Installed::default();
    ours.record(&Change::NewService(service(1, "rr", &[]).settings));
    for last in [2, 1, 3] {
        ours.record(&Change::NewDestination(key(1), server(last, 1)));
    }
    assert_eq!(ours.services, installed.services);
}

#[test]
fn only_what_is_there_can_be_claimed() {
    let mut installed = Installed::default();
    installed.read(&[entry(1, &[]), entry(2, &[])]);
    let both = desired([service(2, "rr", &[]), service(3, "rr", &[])]);
    assert_eq!(installed.claim(&both), [key(2)]);
    assert_eq!(installed.ours, BTreeSet::from([key(2)]));
}

#[test]
fn a_service_that_somebody_has_removed_and_nobody_wants_is_ours_no_more() {
    let mut installed = Installed::default();
    for mark in [1, 2, 3] {
        installed.record(&Change::NewService(service(mark, "rr", &[]).settings));
    }
    // Somebody removes the first two; the second is desired, the third is to go.
    installed.read(&[entry(3, &[])]);
    installed.forget_gone(&desired([service(2, "rr", &[])]));
    assert_eq!(installed.ours, BTreeSet::from([key(2), key(3)]));
}

#[test]
fn the_picture_follows_every_change() {
    let mut installed = Installed::default();
    let mut settings = service(1, "rr", &[]).settings;
    installed.record(&Change::NewService(settings.clone()));
    installed.record(&Change::NewDestination(key(1), server(1, 1)));
    installed.record(&Change::NewDestination(key(1), server(2, 1)));
    installed.record(&Change::SetDestination(key(1), server(1, 5)));
    installed.record(&Change::DeleteDestination(key(1), server(2, 1).key));
    settings.scheduler = "wlc".to_owned();
    installed.record(&Change::SetService(settings.clone()));
    let there = &installed.services[&key(1)];
    assert_eq!(there.settings, settings);
    assert_eq!(there.servers.values().collect::<Vec<_>>(), [&server(1, 5)]);
    installed.record(&Change::Flush);
    assert_eq!(installed.services.len(), 0);
    installed.record(&Change::NewService(settings));
    installed.record(&Change::DeleteService(key(1)));
    assert_eq!(installed, Installed::default());
}
