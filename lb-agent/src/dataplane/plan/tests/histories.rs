//! Any configurations one after the other, and plans that were cut off.

use proptest::prelude::*;

use super::*;

prop_compose! {
    fn any_desired()(
        services in prop::collection::vec(
            prop::collection::btree_map(0_u8..8, (0_u32..4, 0_u8..3), 0..6),
            0..5,
        ),
        // Whose each port is: groups come together and fall apart.
        owners in prop::collection::vec((0_usize..7, 1_u16..4), 9),
    ) -> Desired {
        let methods = [Forwarding::Dr, Forwarding::Tun, Forwarding::Nat];
        let of = |(owner, servers): (usize, &BTreeMap<u8, (u32, u8)>)| {
            let ports = (1..).zip(&owners).filter(|(_, (it, _))| *it == owner);
            let keys = ports.map(|(port, (_, gate))| (service(port, &[]).key, *gate));
            let service = Service {
                servers: servers
                    .iter()
                    .map(|(host, (weight, method))| server(*host, *weight, methods[*method as usize]))
                    .collect(),
                ..service(0, &[])
            };
            service.of(keys.collect())
        };
        desired(services.iter().enumerate().filter_map(of).collect())
    }
}

proptest! {
    #[test]
    fn after_any_history_the_maps_hold_what_is_desired(history in prop::collection::vec(any_desired(), 1..8)) {
        let mut installed = Installed::default();
        for wanted in &history {
            step(&mut installed, wanted);
            prop_assert_eq!(plan(wanted, &installed, TICKS).unwrap(), []);
            let keys = wanted.services.iter().flat_map(Service::keys).count();
            prop_assert_eq!(installed.services.len(), keys);
            prop_assert_eq!(installed.pools.len(), wanted.services.len());
            let in_use = installed.backends.values().filter(|it| it.has(flags::IN_USE)).count();
            prop_assert_eq!(in_use, wanted.services.iter().map(|it| it.servers.len()).sum::<usize>());
            for service in &wanted.services {
                let pool = installed.services[&service.key].entry.pool;
                prop_assert_eq!(installed.pools[&pool].pool, pool);
                for (key, gate) in service.served() {
                    let installed::Service { entry, info } = installed.services[&key];
                    prop_assert_eq!((entry.pool, entry.gate, info.pool, info.gate), (pool, gate, pool, gate));
                    prop_assert_eq!(Key::from(info.key), key);
                }
                // Its servers have slots of its own, written as desired.
                let slots: Vec<u32> = service.servers.iter().map(|server| {
                    let slot = installed.backends.iter().find(|(_, it)| {
                        it.has(flags::IN_USE) && it.pool == pool && pool::address(&(0, **it)) == pool::address_of(server)
                    });
                    let (slot, backend) = slot.unwrap();
                    assert_eq!(*backend, pool::backend(service, server, pool, backend.generation));
                    *slot
                }).collect();
                // Its turns are those of its servers.
                let candidates = slots.iter().zip(&service.servers);
                let candidates = pool::candidates(service.scheduler, candidates.map(|(slot, it)| (*slot, it)));
                let table = schedule::table(service.scheduler, &candidates);
                prop_assert_eq!(&installed.schedules[&pool], &table);
                for (slot, server) in slots.iter().zip(&service.servers) {
                    let thresholds = installed.thresholds.get(slot).copied().unwrap_or_default();
                    prop_assert_eq!(thresholds, pool::thresholds(server));
                }
            }
        }
    }

    /// Whoever knows what was desired before has the same plan.
    #[test]
    fn what_is_desired_as_before_need_not_be_looked_at(
        history in prop::collection::vec((any_desired(), any::<[bool; 6]>()), 1..8),
    ) {
        let mut installed = Installed::default();
        let mut before: Option<Desired> = None;
        for (mut wanted, stays) in history {
            // Some services stay as they are: chance alone would seldom have that.
            for at in 0..wanted.services.len() {
                let key = wanted.services[at].key;
                let mut known = before.iter().flat_map(|it| &it.services);
                let known = known.find(|it| it.key == key);
                let stays = stays.get(usize::from(key.port)) == Some(&true);
                let Some(known) = known.filter(|_| stays) else {
                    continue;
                };
                // No address and port belongs to two.
                let others = wanted.services.iter().filter(|it| it.key != key);
                let taken: BTreeSet<Key> = others.flat_map(Service::keys).collect();
                if !known.keys().any(|key| taken.contains(&key)) {
                    wanted.services[at] = known.clone();
                }
            }
            let known = plan_since(before.as_ref(), &wanted, &installed, TICKS).unwrap();
            prop_assert_eq!(known, step(&mut installed, &wanted));
            before = Some(wanted);
        }
    }

    #[test]
    fn no_step_on_the_way_shows_half_a_change(history in prop::collection::vec(any_desired(), 1..8)) {
        let mut installed = Installed::default();
        for wanted in &history {
            for operation in plan(wanted, &installed, TICKS).unwrap() {
                let before = installed.clone();
                installed.record(&operation);
                let ids: BTreeSet<u16> = installed.services.values().map(|it| it.entry.id).collect();
                prop_assert_eq!(ids.len(), installed.services.len(), "one id for two");
                for (key, service) in &installed.services {
                    let is_there = installed.pools.contains_key(&service.entry.pool);
                    prop_assert!(is_there, "a service without a pool");
                    let found = installed.filter.destinations.contains(&key.address);
                    prop_assert!(found, "the filter hides a service");
                    let table = &installed.schedules[&service.entry.pool];
                    let named = table.turns.iter().chain(&table.servers);
                    let turns: Vec<u32> = named.map(|it| lb_common::schedule::slot(*it).into()).collect();
                    let own = |slot: &u32| installed.backends.get(slot).is_some_and(|it| {
                        it.has(flags::IN_USE) && it.pool == service.entry.pool
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
                        && (!new.has(flags::IN_USE) || (old.addr, old.port, old.pool) != (new.addr, new.port, new.pool));
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
