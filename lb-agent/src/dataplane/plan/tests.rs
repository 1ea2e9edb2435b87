use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use lb_common::service::{ServiceKey4, TCP};
use proptest::prelude::*;

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
            Operation::SetSchedule { service: 1, ref table },
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
            Operation::SetSchedule { service: 1, ref table },
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
            Operation::SetSchedule { service: 1, ref table },
            Operation::RetireBackend { slot: 1, .. }
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
    assert_eq!(service.entry.affinity_ticks, 1);
    assert_eq!(service.info.persistence_granularity, u32::MAX);
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
    assert_eq!(service.info.persistence_granularity, 64);
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
            (backend.service, backend.gate, backend.weight),
            (1, 1, 3),
            "{path:?}"
        );
        assert_eq!(backend.addr.to_ne_bytes(), [10, 0, 0, 5]);
        assert_eq!(backend.vip.to_ne_bytes(), [10, 0, 0, 100]);
        assert_eq!(
            (backend.port, backend.vport),
            (80_u16.to_be(), 80_u16.to_be())
        );
        assert_eq!(
            (backend.proto, backend.pad, backend.spare),
            (TCP, 0, [0; 2])
        );
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
    let services = |it: &Installed| [1, 2].map(|slot| it.backends[&slot].service);
    assert_eq!(services(&installed), [1, 2]);
}

#[test]
fn more_services_than_there_are_ids_change_nothing() {
    let services = |count: u32| {
        let address = |number: u32| Ipv4Addr::from(0x0a00_0000 + number);
        let services = (0..count).map(|number| Service {
            key: ServiceKey4::new(address(number), 80, TCP).into(),
            ..service(80, &[])
        });
        desired(services.collect())
    };
    let installed = Installed::default();
    assert!(plan(&services(MAX_SERVICES - 1), &installed, TICKS).is_ok());
    let error = plan(&services(MAX_SERVICES), &installed, TICKS).unwrap_err();
    assert_eq!(error, PlanError::TooManyServices);
    assert_eq!(
        error.to_string(),
        "more than 16383 virtual servers do not fit the XDP data plane"
    );
}

#[test]
fn more_servers_than_there_are_slots_change_nothing() {
    let servers = |count: u32| {
        let servers = (0..count).map(|number| Server {
            address: Ipv4Addr::from(0x0a00_0000 + number).into(),
            ..server(1, 1, Forwarding::Dr)
        });
        desired(vec![Service {
            servers: servers.collect(),
            ..service(80, &[])
        }])
    };
    let installed = Installed::default();
    assert!(plan(&servers(MAX_BACKENDS - 1), &installed, TICKS).is_ok());
    let error = plan(&servers(MAX_BACKENDS), &installed, TICKS).unwrap_err();
    assert_eq!(error, PlanError::TooManyServers);
}

/// So many servers from a number on, in services of at most so many.
fn crowd(first: u32, count: u32, in_one: u32) -> Desired {
    let server = |number: u32| Server {
        address: Ipv4Addr::from(0x0a00_0000 + first + number).into(),
        ..server(1, 1, Forwarding::Dr)
    };
    let services = (0..count.div_ceil(in_one)).map(|number| {
        let servers = number * in_one..count.min((number + 1) * in_one);
        Service {
            servers: servers.map(server).collect(),
            ..service(u16::try_from(number).unwrap(), &[])
        }
    });
    desired(services.collect())
}

#[test]
fn all_servers_may_be_exchanged_even_if_there_are_not_slots_for_both() {
    for in_one in [MAX_BACKENDS, 1000] {
        let most = MAX_BACKENDS - 1;
        let mut installed = Installed::default();
        step(&mut installed, &crowd(0, most, in_one));
        // All but the last ones.
        let wanted = crowd(most - 5, most, in_one);
        for operation in plan(&wanted, &installed, TICKS).unwrap() {
            if let Operation::WriteBackend { slot, backend } = &operation {
                let held = installed.backends.get(slot);
                let held = held.filter(|it| it.has(flags::IN_USE));
                assert!(
                    held.is_none_or(|it| it.addr == backend.addr),
                    "slot {slot} is taken from a server"
                );
                let before = installed.backends.get(slot).map_or(0, |it| it.generation);
                assert_eq!(backend.generation, before);
            }
            installed.record(&operation);
        }
        assert_eq!(plan(&wanted, &installed, TICKS), Ok(Vec::new()));
        let in_use = installed.backends.values();
        let in_use = in_use.filter(|it| it.has(flags::IN_USE)).count();
        assert_eq!(in_use, most as usize);
        for (id, table) in &installed.schedules {
            let servers = table
                .servers
                .iter()
                .map(|it| u32::from(lb_common::schedule::slot(*it)));
            assert!(
                servers
                    .into_iter()
                    .all(|it| installed.backends[&it].service == *id)
            );
        }
    }
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
            step(&mut installed, wanted);
            prop_assert_eq!(plan(wanted, &installed, TICKS).unwrap(), []);
            prop_assert_eq!(installed.services.len(), wanted.services.len());
            let in_use = installed.backends.values().filter(|it| it.has(flags::IN_USE)).count();
            prop_assert_eq!(in_use, wanted.services.iter().map(|it| it.servers.len()).sum::<usize>());
            for service in &wanted.services {
                let id = installed.services[&service.key].entry.id;
                // Its servers have slots of its own, written as desired.
                let slots: Vec<u32> = service.servers.iter().map(|server| {
                    let slot = installed.backends.iter().find(|(_, it)| {
                        it.has(flags::IN_USE) && it.service == id && pool::address(&(0, **it)) == pool::address_of(server)
                    });
                    let (slot, backend) = slot.unwrap();
                    assert_eq!(*backend, pool::backend(service, server, id, backend.generation));
                    *slot
                }).collect();
                // Its turns are those of its servers.
                let candidates = slots.iter().zip(&service.servers);
                let candidates = pool::candidates(service.scheduler, candidates.map(|(slot, it)| (*slot, it)));
                let table = schedule::table(service.scheduler, &candidates);
                prop_assert_eq!(&installed.schedules[&id], &table);
                for (slot, server) in slots.iter().zip(&service.servers) {
                    let thresholds = installed.thresholds.get(slot).copied().unwrap_or_default();
                    prop_assert_eq!(thresholds, pool::thresholds(server));
                }
            }
        }
    }

    #[test]
    fn no_step_on_the_way_shows_half_a_change(history in prop::collection::vec(any_desired(), 1..8)) {
        let mut installed = Installed::default();
        for wanted in &history {
            for operation in plan(wanted, &installed, TICKS).unwrap() {
                let before = installed.clone();
                installed.record(&operation);
                for (key, service) in &installed.services {
                    let found = installed.filter.destinations.contains(&key.address);
                    prop_assert!(found, "the filter hides a service");
                    let table = &installed.schedules[&service.entry.id];
                    let named = table.turns.iter().chain(&table.servers);
                    let turns: Vec<u32> = named.map(|it| lb_common::schedule::slot(*it).into()).collect();
                    let own = |slot: &u32| installed.backends.get(slot).is_some_and(|it| {
                        it.has(flags::IN_USE) && it.service == service.entry.id
                    });
                    prop_assert!(turns.iter().all(own), "a turn of nobody's or somebody else's");
                    let answered = |slot: &u32| {
                        let backend = installed.backends[slot];
                        let address = backend.server();
                        let port = u16::from_be(backend.port);
                        let key = Key { address, port, proto: backend.proto };
                        !backend.has(flags::NAT) || installed.filter.servers.contains(&key)
                    };
                    prop_assert!(turns.iter().all(answered), "a turn whose replies are lost");
                }
                for (slot, old) in &before.backends {
                    let new = installed.backends[slot];
                    let someone_else = old.has(flags::IN_USE)
                        && (!new.has(flags::IN_USE) || (old.addr, old.port, old.service) != (new.addr, new.port, new.service));
                    prop_assert_eq!(someone_else, old.generation != new.generation);
                }
            }
        }
    }

    #[test]
    fn the_filter_knows_exactly_the_servers_in_nat_mode(history in prop::collection::vec(any_desired(), 1..5)) {
        let mut installed = Installed::default();
        for wanted in &history {
            step(&mut installed, wanted);
            let nat = installed.backends.values().filter(|it| it.has(flags::NAT));
            let servers: BTreeSet<Key> = nat.map(|it| Key {
                address: it.server(),
                port: u16::from_be(it.port),
                proto: it.proto,
            }).collect();
            prop_assert_eq!(&installed.filter.servers, &servers.into_iter().collect::<Vec<_>>());
        }
    }
}

#[test]
fn slots_of_an_agent_that_was_killed_in_the_middle_of_its_plan_are_freed() {
    let whole = desired(vec![service(80, &[(1, 1), (2, 1)]), service(81, &[(3, 1)])]);
    let before = desired(vec![service(82, &[(4, 1)])]);
    let mut start = Installed::default();
    step(&mut start, &before);
    let operations = plan(&whole, &start, TICKS).unwrap();
    for done in 0..=operations.len() {
        let mut installed = start.clone();
        for operation in operations.iter().take(done) {
            installed.record(operation);
        }
        // The next agent wants nothing of it, and then everything.
        step(&mut installed, &desired(Vec::new()));
        let used = |it: &Installed| {
            it.backends
                .values()
                .filter(|it| it.has(flags::IN_USE))
                .count()
        };
        assert_eq!(used(&installed), 0, "killed after {done} operations");
        step(&mut installed, &whole);
        assert_eq!(used(&installed), 3, "killed after {done} operations");
    }
}
