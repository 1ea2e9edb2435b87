//! One change at a time; the bounds stand in `bounds`, tunnels in `tunnels`, whatever may follow whatever in
//! `histories`.

mod bounds;
mod groups;
mod histories;
mod tunnels;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use lb_common::service::{ServiceKey4, TCP};

use super::*;
use crate::config::model::{Forwarding, Scheduler};
use crate::dataplane::desired::{Path, Persistence, Server};
use crate::dataplane::nexthop::Hop;

const TICKS: Ticks = Ticks::at(250);

fn service(port: u16, servers: &[(u8, u32)]) -> Service {
    Service {
        scheduler: Scheduler::Wrr,
        gate: 1,
        servers: servers
            .iter()
            .map(|(host, weight)| server(*host, *weight, Forwarding::Dr))
            .collect(),
        ..Service::new(ServiceKey4::new(Ipv4Addr::new(10, 0, 0, 100), port, TCP))
    }
}

fn server(host: u8, weight: u32, method: Forwarding) -> Server {
    Server {
        method,
        weight,
        full_weight: weight,
        path: Path::Via(Hop {
            index: 2,
            mtu: 1500,
            src_mac: [2; 6],
            dst_mac: [host; 6],
            source: Some(Ipv4Addr::new(10, 0, 0, 1).into()),
        }),
        ..Server::new(Ipv4Addr::new(10, 0, 0, host), 80)
    }
}

fn desired(services: Vec<Service>) -> Desired {
    Desired { services }
}

/// The slots of a schedule in the order of their turns.
fn slots(table: &Table) -> Vec<u32> {
    let turns = table.turns.iter();
    turns
        .map(|it| lb_common::schedule::slot(*it).into())
        .collect()
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
            Operation::SetFilter(_),
            Operation::WriteBackend { slot: 1, .. },
            Operation::WriteBackend { slot: 2, .. },
            Operation::SetSchedule { pool: 1, ref table },
            Operation::SetPool { is_new: true, .. },
            Operation::SetService { .. },
        ] if slots(table) == [1, 1, 2]
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
            Operation::SetSchedule { pool: 1, ref table },
            Operation::RetireBackend { slot: 1, backend },
        ] if slots(table) == [2] && backend.generation == 1 && backend.flags == 0
    ));
}

#[test]
fn replies_find_a_server_before_its_first_connection_and_until_its_last() {
    let nat = |hosts: &[u8]| {
        let servers = hosts.iter().map(|host| server(*host, 1, Forwarding::Nat));
        desired(vec![Service {
            servers: servers.collect(),
            ..service(80, &[])
        }])
    };
    let mut installed = Installed::default();
    assert!(matches!(
        step(&mut installed, &nat(&[5]))[..],
        [
            Operation::SetFilter(_),
            Operation::WriteBackend { .. },
            Operation::SetSchedule { .. },
            Operation::SetPool { .. },
            Operation::SetService { .. },
        ]
    ));
    assert!(matches!(
        step(&mut installed, &nat(&[6]))[..],
        [
            Operation::SetFilter(ref both),
            Operation::WriteBackend { .. },
            Operation::SetSchedule { .. },
            Operation::RetireBackend { .. },
            Operation::SetFilter(ref only),
        ] if both.servers.len() == 2 && only.servers.len() == 1
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
        [Operation::WriteBackend { slot: 1, backend }, Operation::SetSchedule { ref table, .. }]
            if backend.generation == 0 && slots(table) == [2]
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
            Operation::SetSchedule { pool: 1, ref table },
            Operation::RetireBackend { slot: 1, .. },
            Operation::RemovePool { pool: 1 },
        ] if slots(table).is_empty()
    ));
}

/// Each swap makes the kernel wait, so the swaps of many services have to be one step.
#[test]
fn all_schedules_of_a_plan_are_one_step() {
    let mut installed = Installed::default();
    let services = |hosts: &[(u8, u32)]| (1..=9).map(|port| service(port, hosts)).collect();
    let lengths = |plan: &[Operation]| -> Vec<(usize, bool)> {
        let lengths = steps(plan).map(|step| (step.len(), step[0].table().is_some()));
        lengths.filter(|(_, schedules)| *schedules).collect()
    };
    let plan = step(&mut installed, &desired(services(&[(5, 1), (6, 1)])));
    assert_eq!(lengths(&plan), [(9, true)]);
    let plan = step(&mut installed, &desired(services(&[(6, 1)])));
    assert_eq!(lengths(&plan), [(9, true)]);
    let plan = step(&mut installed, &desired(vec![service(1, &[(5, 1)])]));
    assert_eq!(lengths(&plan), [(9, true)], "those that go, too");
    let ordered = |plan: &[Operation]| {
        let place = |wanted: fn(&Operation) -> bool| plan.iter().position(wanted);
        let retired = place(|it| matches!(it, Operation::RetireBackend { .. }));
        place(|it| it.table().is_some()) < retired
    };
    assert!(ordered(&plan));
}

#[test]
fn the_filter_knows_a_real_server_as_long_as_a_service_in_nat_mode_has_it() {
    let mut installed = Installed::default();
    let nat = |port| Service {
        servers: vec![server(5, 1, Forwarding::Nat)],
        ..service(port, &[])
    };
    let ports = |installed: &Installed| -> Vec<u16> {
        let servers = installed.filter.servers.iter();
        servers.map(|it| it.port).collect()
    };
    let real = server(5, 1, Forwarding::Nat).port;
    step(&mut installed, &desired(vec![nat(80)]));
    assert_eq!(ports(&installed), [real]);
    step(&mut installed, &desired(vec![nat(80), nat(443)]));
    assert_eq!(ports(&installed), [real]);
    step(
        &mut installed,
        &desired(vec![service(80, &[(5, 1)]), nat(443)]),
    );
    assert_eq!(ports(&installed), [real]);
    step(&mut installed, &desired(vec![service(80, &[(5, 1)])]));
    assert_eq!(ports(&installed), [0; 0]);
}

#[test]
fn persistence_is_counted_in_ticks_and_never_rounds_down_to_none() {
    let short = Persistence {
        timeout: Duration::from_secs(1),
        mask: Ipv4Addr::BROADCAST,
        prefix: 64,
    };
    let wanted = Service {
        persistence: Some(short),
        ..service(80, &[(5, 1)])
    };
    let mut installed = Installed::default();
    step(&mut installed, &desired(vec![wanted]));
    let service = installed.services.values().next().unwrap();
    let policy = installed.pools[&service.entry.pool];
    assert_eq!(service.entry.persistent, 1);
    assert_eq!((policy.affinity_ticks, policy.persistence_timeout), (1, 1));
    assert_eq!(policy.granularity, u32::MAX);
}

#[test]
fn a_service_of_ipv6_has_addresses_of_ipv6_and_counts_clients_by_a_prefix() {
    let service_address = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x64));
    let server = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 5);
    let wanted = Service {
        persistence: Some(Persistence {
            timeout: Duration::from_secs(50),
            mask: Ipv4Addr::BROADCAST,
            prefix: 64,
        }),
        servers: vec![Server::new(server, 80)],
        ..Service::new(Key {
            address: service_address,
            port: 80,
            proto: TCP,
        })
    };
    let mut installed = Installed::default();
    step(&mut installed, &desired(vec![wanted.clone()]));
    assert_eq!(installed.filter.destinations, [service_address]);
    let (key, service) = installed.services.first_key_value().unwrap();
    assert_eq!(
        (key, Key::from(service.info.key)),
        (&wanted.key, wanted.key)
    );
    assert_eq!(installed.pools[&service.entry.pool].granularity, 64);
    let slot = installed.backends[&1];
    assert!(slot.has(flags::IPV6));
    assert_eq!(slot.server(), IpAddr::V6(server));
    assert_eq!(slot.service_address(), service_address);
    assert_eq!((slot.port, slot.vport), (80_u16.to_be(), 80_u16.to_be()));
    // The same again is nothing to do: the slot is known by its address.
    assert_eq!(plan(&desired(vec![wanted]), &installed, TICKS).unwrap(), []);
}

#[test]
fn what_is_known_of_a_server_stands_in_its_slot() {
    let hop = |mtu, source: Option<IpAddr>| {
        Path::Via(Hop {
            index: 7,
            mtu,
            src_mac: [1; 6],
            dst_mac: [9; 6],
            source,
        })
    };
    let nat = server(5, 3, Forwarding::Nat);
    let v4 = Some(Ipv4Addr::new(10, 0, 0, 1).into());
    for (path, state, mtu, source) in [
        (Path::Unknown, 0, 0, [0; 4]),
        (Path::Local, flags::LOCAL, 0, [0; 4]),
        (hop(1400, v4), flags::READY, 1400, [10, 0, 0, 1]),
        (hop(65_536, None), flags::READY, u16::MAX, [0; 4]),
    ] {
        let wanted = Server {
            path,
            sorry: true,
            ..nat
        };
        let service = Service {
            servers: vec![wanted],
            ..service(80, &[])
        };
        let mut installed = Installed::default();
        step(&mut installed, &desired(vec![service]));
        let backend = installed.backends[&1];
        let expected = flags::IN_USE | flags::NAT | flags::SORRY | state;
        assert_eq!(backend.flags, expected, "{path:?}");
        assert_eq!(backend.mtu, mtu, "{path:?}");
        assert_eq!(backend.tunnel_source.to_ne_bytes(), source, "{path:?}");
        assert_eq!(
            (backend.pool, backend.gate, backend.weight),
            (1, 1, 3),
            "{path:?}"
        );
        assert_eq!(backend.addr.to_ne_bytes(), [10, 0, 0, 5]);
        assert_eq!(backend.vip.to_ne_bytes(), [10, 0, 0, 100]);
        assert_eq!(
            (backend.port, backend.vport),
            (80_u16.to_be(), 80_u16.to_be())
        );
        assert_eq!((backend.proto, backend.pad, backend.spare), (TCP, 0, 0));
    }
}

#[test]
fn a_server_whose_path_changes_is_written_and_nothing_else() {
    let mut installed = Installed::default();
    let mut wanted = desired(vec![Service {
        scheduler: Scheduler::Sh,
        ..service(80, &[(5, 1), (6, 1)])
    }]);
    step(&mut installed, &wanted);
    wanted.services[0].servers[1].path = Path::Unknown;
    let operations = step(&mut installed, &wanted);
    assert!(matches!(
        operations[..],
        [Operation::WriteBackend { slot: 2, backend }] if !backend.has(flags::READY)
    ));
}

#[test]
fn another_gate_is_written_to_the_service_and_to_its_servers() {
    let mut installed = Installed::default();
    let mut wanted = desired(vec![service(80, &[(5, 1)])]);
    step(&mut installed, &wanted);
    wanted.services[0].gate = 3;
    let operations = step(&mut installed, &wanted);
    assert!(matches!(
        operations[..],
        [
            Operation::WriteBackend { slot: 1, backend },
            Operation::SetService { entry, info, .. },
        ] if backend.gate == 3 && entry.gate == 3 && info.gate == 3
    ));
}

#[test]
fn one_server_in_two_services_has_a_slot_in_each() {
    let mut installed = Installed::default();
    let both = desired(vec![service(80, &[(5, 1)]), service(443, &[(5, 1)])]);
    step(&mut installed, &both);
    let services = |it: &Installed| [1, 2].map(|slot| it.backends[&slot].pool);
    assert_eq!(services(&installed), [1, 2]);
}

#[test]
fn a_server_without_a_way_gets_no_new_connections_while_there_is_a_way_to_another() {
    let of = |installed: &Installed| installed.schedules[&1].clone();
    for (scheduler, spares) in [
        (Scheduler::Wrr, true),
        (Scheduler::Wlc, true),
        (Scheduler::Fo, true),
        (Scheduler::Sh, false),
        (Scheduler::Mh, false),
        (Scheduler::Lblcr, false),
    ] {
        let mut wanted = desired(vec![Service {
            scheduler,
            ..service(80, &[(1, 1), (2, 1)])
        }]);
        let mut installed = Installed::default();
        step(&mut installed, &wanted);
        let both = of(&installed);
        let way = wanted.services[0].servers[0].path;
        wanted.services[0].servers[0].path = Path::Unknown;
        step(&mut installed, &wanted);
        let left = of(&installed);
        assert_eq!(left == both, !spares, "{scheduler:?}");
        assert!(
            !spares || slots(&left).iter().all(|slot| *slot == 2),
            "{scheduler:?}"
        );
        // Nobody can be reached: whose turn it is waits for its way.
        wanted.services[0].servers[1].path = Path::Unknown;
        step(&mut installed, &wanted);
        assert_eq!(of(&installed), both, "{scheduler:?}");
        for server in &mut wanted.services[0].servers {
            server.path = way;
        }
        step(&mut installed, &wanted);
        assert_eq!(of(&installed), both, "{scheduler:?}");
    }
}
