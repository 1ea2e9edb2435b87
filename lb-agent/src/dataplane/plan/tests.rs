use std::net::Ipv4Addr;
use std::time::Duration;

use lb_common::service::{ServiceKey4, TCP};
use proptest::prelude::*;

use super::*;
use crate::dataplane::desired::{Path, Persistence, Server};
use crate::dataplane::nexthop::Hop;

const TICKS: Ticks = Ticks::at(250);

fn service(port: u16, servers: &[(u8, u32)]) -> Service {
    Service {
        key: ServiceKey4::new(Ipv4Addr::new(10, 0, 0, 100), port, TCP),
        scheduler: Scheduler::Wrr,
        persistence: None,
        gate: 1,
        servers: servers
            .iter()
            .map(|(host, weight)| server(*host, *weight, Forwarding::Dr))
            .collect(),
    }
}

fn server(host: u8, weight: u32, method: Forwarding) -> Server {
    Server {
        address: Ipv4Addr::new(10, 0, 0, host),
        port: 80,
        method,
        weight,
        sorry: false,
        path: Path::Via(Hop {
            index: 2,
            mtu: 1500,
            src_mac: [2; 6],
            dst_mac: [host; 6],
            source: Some(Ipv4Addr::new(10, 0, 0, 1).into()),
        }),
    }
}

fn desired(services: Vec<Service>) -> Desired {
    Desired { services }
}

/// Applies the plan for `desired` and says what it was.
fn step(installed: &mut Installed, desired: &Desired) -> Vec<Operation> {
    let operations = plan(desired, installed, TICKS).unwrap();
    for operation in &operations {
        installed.record(operation);
    }
    operations
}

#[test]
fn what_is_installed_needs_no_operation() {
    let mut installed = Installed::default();
    let wanted = desired(vec![
        service(80, &[(5, 1), (6, 2)]),
        service(443, &[(5, 1)]),
    ]);
    assert!(!step(&mut installed, &wanted).is_empty());
    assert_eq!(step(&mut installed, &wanted), []);
}

#[test]
fn a_new_service_is_written_from_the_servers_up() {
    let mut installed = Installed::default();
    let operations = step(
        &mut installed,
        &desired(vec![service(80, &[(5, 2), (6, 1)])]),
    );
    assert!(matches!(
        operations[..],
        [
            Operation::WriteBackend { slot: 1, .. },
            Operation::WriteBackend { slot: 2, .. },
            Operation::SetSchedule { service: 1, ref turns },
            Operation::SetService { .. },
            Operation::SetFilter(_),
        ] if turns[..] == [1, 1, 2]
    ));
}

#[test]
fn a_server_that_goes_leaves_the_schedule_before_its_slot_is_retired() {
    let mut installed = Installed::default();
    step(
        &mut installed,
        &desired(vec![service(80, &[(5, 1), (6, 1)])]),
    );
    let operations = step(&mut installed, &desired(vec![service(80, &[(6, 1)])]));
    assert!(matches!(
        operations[..],
        [
            Operation::SetSchedule { service: 1, ref turns },
            Operation::RetireBackend { slot: 1, backend },
        ] if turns[..] == [2] && backend.generation == 1 && backend.flags == 0
    ));
}

#[test]
fn a_server_that_returns_gets_the_next_generation() {
    let mut installed = Installed::default();
    let both = desired(vec![service(80, &[(5, 1), (6, 1)])]);
    step(&mut installed, &both);
    step(&mut installed, &desired(vec![service(80, &[(6, 1)])]));
    step(&mut installed, &both);
    assert_eq!(installed.backends[&1].generation, 1);
    assert_eq!(installed.backends[&2].generation, 0);
}

#[test]
fn weight_zero_keeps_slot_and_generation_and_loses_the_turns() {
    let mut installed = Installed::default();
    step(
        &mut installed,
        &desired(vec![service(80, &[(5, 1), (6, 1)])]),
    );
    let operations = step(
        &mut installed,
        &desired(vec![service(80, &[(5, 0), (6, 1)])]),
    );
    assert!(matches!(
        operations[..],
        [Operation::WriteBackend { slot: 1, backend }, Operation::SetSchedule { ref turns, .. }]
            if backend.generation == 0 && turns[..] == [2]
    ));
}

#[test]
fn a_service_that_goes_leaves_the_lookup_before_its_servers() {
    let mut installed = Installed::default();
    step(
        &mut installed,
        &desired(vec![service(80, &[(5, 1)]), service(443, &[(5, 1)])]),
    );
    let operations = step(&mut installed, &desired(vec![service(443, &[(5, 1)])]));
    assert!(matches!(
        operations[..],
        [
            Operation::RemoveService { id: 1, .. },
            Operation::RetireBackend { slot: 1, .. }
        ]
    ));
}

#[test]
fn a_real_server_of_two_nat_services_belongs_to_neither_alone() {
    let mut installed = Installed::default();
    let nat = |port| Service {
        servers: vec![server(5, 1, Forwarding::Nat)],
        ..service(port, &[])
    };
    step(&mut installed, &desired(vec![nat(80)]));
    assert_eq!(
        installed
            .reals
            .values()
            .map(|it| it.slot)
            .collect::<Vec<_>>(),
        [1]
    );
    step(&mut installed, &desired(vec![nat(80), nat(443)]));
    assert_eq!(
        installed
            .reals
            .values()
            .map(|it| it.slot)
            .collect::<Vec<_>>(),
        [0]
    );
    step(&mut installed, &desired(vec![service(80, &[(5, 1)])]));
    assert!(installed.reals.is_empty());
    assert!(installed.filter.sources.is_empty());
}

#[test]
fn persistence_is_counted_in_ticks_and_never_rounds_down_to_none() {
    let short = Persistence {
        timeout: Duration::from_secs(1),
        mask: Ipv4Addr::BROADCAST,
    };
    let wanted = Service {
        persistence: Some(short),
        ..service(80, &[(5, 1)])
    };
    let mut installed = Installed::default();
    step(&mut installed, &desired(vec![wanted]));
    let service = installed.services.values().next().unwrap();
    assert_eq!(service.entry.affinity_ticks, 1);
    assert_eq!(service.info.persistence_granularity, u32::MAX);
}

prop_compose! {
    fn any_desired()(
        services in prop::collection::btree_map(
            0_u16..6,
            prop::collection::btree_map(0_u8..8, (0_u32..4, 0_u8..3), 0..6),
            0..5,
        ),
    ) -> Desired {
        let methods = [Forwarding::Dr, Forwarding::Tun, Forwarding::Nat];
        desired(services.iter().map(|(port, servers)| Service {
            servers: servers
                .iter()
                .map(|(host, (weight, method))| server(*host, *weight, methods[*method as usize]))
                .collect(),
            ..service(*port, &[])
        }).collect())
    }
}

proptest! {
    #[test]
    fn after_any_history_the_maps_hold_what_is_desired(history in prop::collection::vec(any_desired(), 1..8)) {
        let mut installed = Installed::default();
        for wanted in &history {
            for operation in plan(wanted, &installed, TICKS).unwrap() {
                installed.record(&operation);
                let dangling = installed.schedules.values().flatten().any(
                    |slot| !installed.backends.get(slot).is_some_and(|it| it.has(flags::IN_USE)),
                );
                prop_assert!(!dangling, "a schedule names a slot that is not in use");
            }
            prop_assert_eq!(plan(wanted, &installed, TICKS).unwrap(), []);
            prop_assert_eq!(installed.services.len(), wanted.services.len());
            let in_use = installed.backends.values().filter(|it| it.has(flags::IN_USE)).count();
            prop_assert_eq!(in_use, wanted.services.iter().map(|it| it.servers.len()).sum::<usize>());
        }
    }
}
