//! Any sequence of events, and what has to be true after each.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Watch(u8),
    Forget(u8),
    Route(u8, Option<(u32, Option<u8>, bool)>),
    RoutesChanged,
    Link(u32, bool, u8),
    LinkGone(u32),
    Neighbour(u32, u8, u8, NeighbourState),
    NeighbourGone(u32, u8),
    Snapshot,
    Wait(u64),
}

fn host(number: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, number])
}

fn link(index: u32, up: bool, mac: u8) -> Link {
    Link {
        index,
        up,
        mac: [2, 0, 0, 0, 1, mac],
        ..eth0()
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let states = prop::sample::select(vec![
        NeighbourState::None,
        NeighbourState::Incomplete,
        NeighbourState::Reachable,
        NeighbourState::Stale,
        NeighbourState::Delay,
        NeighbourState::Probe,
        NeighbourState::Failed,
        NeighbourState::NoArp,
        NeighbourState::Permanent,
    ]);
    let (address, index) = (0u8..4, 1u32..3);
    let route = prop::option::of((index.clone(), prop::option::of(4u8..6), any::<bool>()));
    prop::collection::vec(
        prop_oneof![
            address.clone().prop_map(Step::Watch),
            address.clone().prop_map(Step::Forget),
            (address, route).prop_map(|(address, route)| Step::Route(address, route)),
            Just(Step::RoutesChanged),
            (index.clone(), any::<bool>(), 0u8..3).prop_map(|(i, up, mac)| Step::Link(i, up, mac)),
            index.clone().prop_map(Step::LinkGone),
            (index.clone(), 0u8..6, 1u8..4, states)
                .prop_map(|(index, a, mac, state)| Step::Neighbour(index, a, mac, state)),
            (index, 0u8..6).prop_map(|(index, address)| Step::NeighbourGone(index, address)),
            Just(Step::Snapshot),
            (0u64..20_000).prop_map(Step::Wait),
        ],
        0..80,
    )
}

fn take(hops: &mut NextHops, step: &Step, now: Instant) {
    match *step {
        Step::Watch(address) => hops.watch(host(address)),
        Step::Forget(address) => hops.forget(host(address)),
        Step::Route(address, route) => {
            let route = route.map(|(index, gateway, local)| Route {
                index,
                gateway: gateway.map(host),
                local,
                ..on_link()
            });
            hops.handle_route(host(address), route.ok_or_else(|| "no".into()), now);
        }
        Step::RoutesChanged => hops.handle_routes_changed(now),
        Step::Link(index, up, mac) => hops.handle_link(link(index, up, mac), now),
        Step::LinkGone(index) => hops.handle_link_gone(index, now),
        Step::Neighbour(index, address, mac, state) => {
            let neighbour = Neighbour {
                index,
                address: host(address),
                mac: Some([2, 0, 0, 0, 2, mac]),
                state,
            };
            hops.handle_neighbour(neighbour, now);
        }
        Step::NeighbourGone(index, address) => {
            hops.handle_neighbour_gone(index, host(address), now);
        }
        Step::Snapshot => {
            let links = hops.links.values().take(1).cloned().collect();
            let neighbours = hops.neighbours.values().take(3).cloned().collect();
            hops.handle_snapshot(links, neighbours, now);
        }
        Step::Wait(_) => {}
    }
}

/// What has to be true at any time.
fn check(hops: &mut NextHops, now: Instant) {
    let timers: BTreeSet<_> = hops
        .hops
        .states
        .iter()
        .filter_map(|(key, hop)| Some((hop.schedule.due()?, *key)))
        .collect();
    assert_eq!(hops.hops.timers, timers);
    assert!(
        hops.hops
            .probes
            .iter()
            .all(|key| hops.hops.states.contains_key(key))
    );
    assert!(
        hops.lookups
            .iter()
            .all(|address| hops.watched.contains_key(address))
    );
    assert!(
        hops.changed
            .iter()
            .all(|address| hops.watched.contains_key(address))
    );
    for (key, hop) in &hops.hops.states {
        assert!(!hop.users.is_empty());
        let fixed = hops.phase(*key) == Phase::Fixed;
        let due = hop.schedule.due();
        assert_eq!(due.is_none(), fixed, "only fixed ones are never asked");
        assert!(
            due.is_none_or(|due| due <= now + LONGEST),
            "asked at least every 30 s"
        );
    }
    for (address, watched) in &hops.watched {
        let key = hop_key(*address, &watched.way);
        assert!(key.is_none_or(|key| hops.hops.states[&key].users.contains(address)));
        // Never a MAC that the kernel would not use now.
        if let Resolution::Via(hop) = watched.resolution {
            let key = key.unwrap();
            assert_eq!(Some(hop.dst_mac), hops.neighbours[&key].usable_mac());
            assert!(hops.links[&key.index].up);
            assert_eq!(hop.src_mac, hops.links[&key.index].mac);
        }
    }
    let users: usize = hops.hops.states.values().map(|hop| hop.users.len()).sum();
    let with_hop =
        |(address, watched): &(&IpAddr, &Watched)| hop_key(**address, &watched.way).is_some();
    assert_eq!(users, hops.watched.iter().filter(with_hop).count());
    // The stored resolutions are those that a fresh look gives.
    changes(hops);
    for address in hops.watched.keys().copied().collect::<Vec<_>>() {
        hops.resolve(address);
    }
    assert!(changes(hops).is_empty());
}

const LONGEST: Duration = Duration::from_secs(30);

proptest! {
    #[test]
    fn any_sequence_of_events_keeps_the_invariants_and_never_floods(steps in steps()) {
        let mut now = start();
        let mut hops = NextHops::new();
        let mut asked: HashMap<HopKey, Instant> = HashMap::new();
        for step in &steps {
            if let Step::Wait(milliseconds) = step {
                now += Duration::from_millis(*milliseconds);
                hops.handle_timeout(now);
            }
            take(&mut hops, step, now);
            check(&mut hops, now);
            asked.retain(|key, _| hops.hops.states.contains_key(key));
            // The owner may be late.
            let Step::Wait(_) = step else { continue };
            for action in actions(&mut hops) {
                let Action::Probe { index, address } = action else { continue };
                let key = HopKey { index, address };
                prop_assert!(hops.hops.states.contains_key(&key));
                let before = asked.insert(key, now);
                prop_assert!(before.is_none_or(|before| now - before >= seconds(1)));
            }
        }
    }
}
