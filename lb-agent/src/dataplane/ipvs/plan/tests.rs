use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::dataplane::ipvs::testing::{desired, key, server, service};
use crate::net::ipvs::Forwarding;

/// The tables after `services` have been set up by us.
fn ours(services: impl IntoIterator<Item = Service>) -> Installed {
    let mut installed = Installed::default();
    follow(
        &mut installed,
        &plan(&desired(services), &Installed::default()),
    );
    installed
}

/// The same tables, set up by somebody else.
fn theirs(services: impl IntoIterator<Item = Service>) -> Installed {
    Installed {
        ours: BTreeSet::new(),
        ..ours(services)
    }
}

fn follow(installed: &mut Installed, changes: &[Change]) {
    for change in changes {
        installed.record(change);
    }
}

#[test]
fn a_new_service_comes_before_its_servers() {
    let web = service(1, "rr", &[server(1, 1), server(2, 1)]);
    assert_eq!(
        plan(&desired([web.clone()]), &Installed::default()),
        [
            Change::NewService(web.settings),
            Change::NewDestination(key(1), server(1, 1)),
            Change::NewDestination(key(1), server(2, 1)),
        ]
    );
}

#[test]
fn who_takes_over_is_there_before_who_goes() {
    let before = service(1, "rr", &[server(1, 1)]);
    let after = service(2, "rr", &[server(1, 1)]);
    assert_eq!(
        plan(&desired([after.clone()]), &ours([before])),
        [
            Change::NewService(after.settings),
            Change::NewDestination(key(2), server(1, 1)),
            Change::DeleteService(key(1)),
        ]
    );
}

#[test]
fn what_is_as_desired_is_left_alone() {
    let web = service(1, "rr", &[server(1, 1), server(2, 1)]);
    assert_eq!(plan(&desired([web.clone()]), &ours([web.clone()])), []);
    assert_eq!(plan(&desired([web.clone()]), &theirs([web])), []);
}

#[test]
fn within_a_service_servers_come_and_change_before_others_go() {
    let before = service(1, "rr", &[server(1, 1), server(2, 1), server(3, 1)]);
    let after = service(1, "wrr", &[server(4, 1), server(3, 0), server(2, 1)]);
    assert_eq!(
        plan(&desired([after.clone()]), &ours([before])),
        [
            Change::SetService(after.settings),
            Change::NewDestination(key(1), server(4, 1)),
            Change::SetDestination(key(1), server(3, 0)),
            Change::DeleteDestination(key(1), server(1, 1).key),
        ]
    );
}

/// The servers of the service, the first that was added first.
fn order(installed: &Installed) -> Vec<DestinationKey> {
    installed.services[&key(1)].order.keys()
}

#[test]
fn where_the_order_decides_a_server_that_comes_back_stands_where_the_file_has_it() {
    let all = || [1, 2, 3].map(|last| server(last, 1));
    for scheduler in ["sh", "dh", "mh"] {
        let full = service(1, scheduler, &all());
        let less = service(1, scheduler, &[server(1, 1), server(3, 1)]);
        let mut installed = ours([full.clone()]);
        let changes = plan(&desired([less]), &installed);
        assert_eq!(
            changes,
            [Change::DeleteDestination(key(1), server(2, 1).key)],
            "who stays is not touched"
        );
        follow(&mut installed, &changes);
        let changes = plan(&desired([full]), &installed);
        assert_eq!(
            changes,
            [
                Change::NewDestination(key(1), server(2, 1)),
                Change::DeleteDestination(key(1), server(3, 1).key),
                Change::NewDestination(key(1), server(3, 1)),
            ],
            "who comes after it is there without a pause"
        );
        follow(&mut installed, &changes);
        assert_eq!(order(&installed), all().map(|it| it.key));
    }
}

#[test]
fn with_all_other_schedulers_a_server_that_comes_back_is_added_and_nobody_else_is_touched() {
    let full = service(1, "wrr", &[1, 2, 3].map(|last| server(last, 1)));
    let less = service(1, "wrr", &[server(2, 1), server(3, 1)]);
    assert_eq!(
        plan(&desired([full]), &ours([less])),
        [Change::NewDestination(key(1), server(1, 1))]
    );
}

#[test]
fn what_is_adopted_is_put_in_order_and_a_weight_alone_moves_nobody() {
    let wanted = service(1, "sh", &[server(1, 1), server(2, 5), server(3, 1)]);
    let there = service(1, "sh", &[server(1, 1), server(3, 1), server(2, 1)]);
    let mut installed = theirs([there]);
    let desired = desired([wanted]);
    installed.claim(&desired);
    let changes = plan(&desired, &installed);
    assert_eq!(
        changes,
        [
            Change::SetDestination(key(1), server(2, 5)),
            Change::DeleteDestination(key(1), server(3, 1).key),
            Change::NewDestination(key(1), server(3, 1)),
        ]
    );
    follow(&mut installed, &changes);
    assert_eq!(plan(&desired, &installed), []);
    let lighter = service(1, "sh", &[server(1, 0), server(2, 5), server(3, 1)]);
    assert_eq!(
        plan(&self::desired([lighter]), &installed),
        [Change::SetDestination(key(1), server(1, 0))]
    );
}

#[test]
fn our_services_go_when_they_are_no_longer_desired_and_those_of_others_never() {
    let services = || [service(1, "rr", &[server(1, 1)]), service(2, "rr", &[])];
    assert_eq!(
        plan(&desired([]), &ours(services())),
        [Change::DeleteService(key(1)), Change::DeleteService(key(2))]
    );
    assert_eq!(plan(&desired([]), &theirs(services())), []);
}

#[test]
fn a_service_of_somebody_else_with_our_key_is_made_ours() {
    let there = service(1, "lc", &[server(1, 1), server(9, 1)]);
    let wanted = service(1, "rr", &[server(1, 1), server(2, 1)]);
    let mut installed = theirs([there]);
    let desired = desired([wanted.clone()]);
    assert_eq!(installed.claim(&desired), [key(1)]);
    assert_eq!(
        plan(&desired, &installed),
        [
            Change::SetService(wanted.settings),
            Change::NewDestination(key(1), server(2, 1)),
            Change::DeleteDestination(key(1), server(9, 1).key),
        ]
    );
    assert_eq!(installed.claim(&desired), []);
}

#[test]
fn a_server_that_is_this_host_is_as_desired_whatever_the_method() {
    let wanted = service(1, "rr", &[server(1, 1)]);
    let mut installed = ours([wanted.clone()]);
    let there = installed.services.get_mut(&key(1)).unwrap();
    there.servers.get_mut(&server(1, 1).key).unwrap().forwarding = Forwarding::Local;
    assert_eq!(plan(&desired([wanted]), &installed), []);
    let heavier = service(1, "rr", &[server(1, 2)]);
    assert_eq!(
        plan(&desired([heavier]), &installed),
        [Change::SetDestination(key(1), server(1, 2))]
    );
}

/// A scheduler, and servers with their weights.
type Sample = (&'static str, Vec<(u8, u32)>);

fn any_services() -> impl Strategy<Value = Vec<Service>> {
    let scheduler = prop_oneof![Just("rr"), Just("wrr"), Just("mh")];
    let servers = proptest::collection::btree_map(0..6_u8, 0..3_u32, 0..5)
        .prop_map(|servers| servers.into_iter().collect::<Vec<_>>())
        .prop_shuffle();
    proptest::collection::btree_map(1..6_u32, (scheduler, servers), 0..5).prop_map(|services| {
        let service = |(mark, (scheduler, servers)): (u32, Sample)| {
            let servers: Vec<_> = servers
                .into_iter()
                .map(|(last, weight)| server(last, weight))
                .collect();
            service(mark, scheduler, &servers)
        };
        services.into_iter().map(service).collect()
    })
}

proptest! {
    #[test]
    fn the_plan_leads_to_what_is_desired_and_leaves_the_others_alone(
        before in any_services(),
        claimed in proptest::collection::btree_set(1..6_u32, 0..5),
        after in any_services(),
    ) {
        let mut installed = theirs(before);
        installed.ours = claimed.into_iter().map(key).collect();
        let old = installed.clone();
        let desired = desired(after.clone());
        follow(&mut installed, &plan(&desired, &old));
        installed.claim(&desired);
        prop_assert_eq!(plan(&desired, &installed), []);
        let wanted = ours(after);
        for (key, service) in &installed.services {
            if let Some(wanted) = wanted.services.get(key) {
                prop_assert_eq!(&service.settings, &wanted.settings);
                prop_assert_eq!(&service.servers, &wanted.servers);
                if order::matters(&service.settings.scheduler) {
                    prop_assert_eq!(&service.order, &wanted.order);
                }
            } else {
                prop_assert!(!old.ours.contains(key), "{} should be gone", key);
                prop_assert_eq!(Some(service), old.services.get(key));
            }
        }
        let kept = |key: &ServiceKey| installed.services.contains_key(key) || old.ours.contains(key);
        prop_assert!(old.services.keys().all(kept));
    }
}
