//! A `virtual_server_group` is one pool, whatever comes and goes of its addresses and ports.

use super::*;

/// A group of these ports, with the gate 1.
fn group(ports: &[u16], servers: &[(u8, u32)]) -> Service {
    let keys = ports.iter().map(|port| (service(*port, &[]).key, 1));
    service(0, servers).of(keys.collect()).unwrap()
}

/// The pool of each port.
fn pools(installed: &Installed) -> Vec<(u16, u16)> {
    let services = installed.services.iter();
    services
        .map(|(key, it)| (key.port, it.entry.pool))
        .collect()
}

fn in_use(installed: &Installed) -> usize {
    let backends = installed.backends.values();
    backends.filter(|it| it.has(flags::IN_USE)).count()
}

#[test]
fn all_of_a_group_share_one_pool_and_each_has_an_id_of_its_own() {
    let mut installed = Installed::default();
    let wanted = desired(vec![group(&[80, 443, 8080], &[(5, 1), (6, 1)])]);
    step(&mut installed, &wanted);
    assert_eq!(pools(&installed), [(80, 1), (443, 1), (8080, 1)]);
    let ids: Vec<u16> = installed.services.values().map(|it| it.entry.id).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!((in_use(&installed), installed.schedules.len()), (2, 1));
    assert_eq!(plan(&wanted, &installed, TICKS), Ok(Vec::new()));
}

#[test]
fn a_port_that_joins_or_leaves_a_group_changes_nothing_for_the_others() {
    let mut installed = Installed::default();
    step(&mut installed, &desired(vec![group(&[80, 443], &[(5, 1)])]));
    let joined = step(
        &mut installed,
        &desired(vec![group(&[80, 443, 81], &[(5, 1)])]),
    );
    assert!(matches!(
        joined[..],
        [Operation::SetService { key: Key { port: 81, .. }, entry, .. }] if entry.pool == 1
    ));
    // Also the one that was first.
    let left = step(&mut installed, &desired(vec![group(&[443, 81], &[(5, 1)])]));
    let is_harmless = |operation: &Operation| match operation {
        Operation::RemoveService { key, .. } => key.port == 80,
        // The slot says which port is the first.
        Operation::WriteBackend { backend, .. } => backend.generation == 0 && backend.pool == 1,
        _ => false,
    };
    assert!(left.iter().all(is_harmless), "{left:?}");
    assert_eq!(pools(&installed), [(81, 1), (443, 1)]);
}

#[test]
fn a_virtual_server_that_becomes_a_group_keeps_its_servers_slots() {
    let mut installed = Installed::default();
    step(
        &mut installed,
        &desired(vec![service(80, &[(5, 1)]), service(443, &[(5, 1)])]),
    );
    let operations = step(&mut installed, &desired(vec![group(&[80, 443], &[(5, 1)])]));
    assert_eq!(pools(&installed), [(80, 1), (443, 1)]);
    let place = |wanted: fn(&Operation) -> bool| operations.iter().position(wanted).unwrap();
    // Packets to the second one go to the first one's servers before its own are taken away.
    let over = place(|it| {
        matches!(
            it,
            Operation::SetService {
                key: Key { port: 443, .. },
                ..
            }
        )
    });
    let emptied = place(|it| matches!(it, Operation::SetSchedule { pool: 2, .. }));
    let retired = place(|it| matches!(it, Operation::RetireBackend { slot: 2, .. }));
    assert!(over < emptied && emptied < retired, "{operations:?}");
    assert_eq!(
        (in_use(&installed), installed.backends[&1].generation),
        (1, 0)
    );
}

#[test]
fn of_a_group_that_falls_apart_one_goes_on_with_its_servers() {
    let mut installed = Installed::default();
    step(&mut installed, &desired(vec![group(&[80, 443], &[(5, 1)])]));
    let apart = desired(vec![service(443, &[(5, 1)]), service(80, &[(5, 1)])]);
    step(&mut installed, &apart);
    assert_eq!(pools(&installed), [(80, 2), (443, 1)]);
    assert_eq!(
        (in_use(&installed), installed.backends[&1].generation),
        (2, 0)
    );
}

#[test]
fn one_address_that_leaves_a_group_leaves_the_pool_to_the_others() {
    let mut installed = Installed::default();
    step(
        &mut installed,
        &desired(vec![group(&[80, 443, 8080], &[(5, 1)])]),
    );
    let apart = desired(vec![service(443, &[(5, 1)]), group(&[80, 8080], &[(5, 1)])]);
    step(&mut installed, &apart);
    assert_eq!(pools(&installed), [(80, 1), (443, 2), (8080, 1)]);
    assert_eq!(installed.backends[&1].generation, 0);
}

#[test]
fn a_virtual_server_that_takes_an_address_of_a_group_keeps_its_own_pool() {
    let mut installed = Installed::default();
    let before = [group(&[80, 443, 8080], &[(5, 1)]), service(81, &[(6, 1)])];
    step(&mut installed, &desired(before.to_vec()));
    let moved = [group(&[443, 81], &[(6, 1)]), group(&[80, 8080], &[(5, 1)])];
    step(&mut installed, &desired(moved.to_vec()));
    assert_eq!(pools(&installed), [(80, 1), (81, 2), (443, 2), (8080, 1)]);
}

#[test]
fn addresses_of_one_group_may_have_gates_of_their_own() {
    let mut installed = Installed::default();
    let mut wanted = group(&[80, 443], &[(5, 1)]);
    wanted.others[0].1 = 3;
    step(&mut installed, &desired(vec![wanted]));
    let gates = installed.services.values();
    let gates: Vec<(u16, u16)> = gates.map(|it| (it.entry.gate, it.info.gate)).collect();
    assert_eq!(gates, [(1, 1), (3, 3)]);
}
