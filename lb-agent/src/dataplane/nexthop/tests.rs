mod gateways;
mod links_and_routes;
mod path_mtu;
mod properties;

use super::*;
use crate::net::link::LinkKind;

const ETH0: u32 = 2;
const OWN_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

#[expect(
    clippy::disallowed_methods,
    reason = "any moment will do: only differences count"
)]
fn start() -> Instant {
    Instant::now()
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn server() -> IpAddr {
    ip("192.0.2.9")
}

fn eth0() -> Link {
    Link {
        index: ETH0,
        name: "eth0".into(),
        mac: OWN_MAC,
        up: true,
        mtu: 1500,
        kind: LinkKind::Ethernet,
        master: None,
        alias: None,
    }
}

fn on_link() -> Route {
    Route {
        index: ETH0,
        gateway: None,
        source: Some(ip("192.0.2.1")),
        local: false,
        mtu: None,
    }
}

fn entry(address: IpAddr, state: NeighbourState) -> Neighbour {
    Neighbour {
        index: ETH0,
        address,
        mac: Some(SERVER_MAC),
        state,
    }
}

fn hop() -> Hop {
    Hop {
        index: ETH0,
        src_mac: OWN_MAC,
        dst_mac: SERVER_MAC,
        mtu: 1500,
        source: Some(ip("192.0.2.1")),
    }
}

fn probe(address: IpAddr) -> Action {
    Action::Probe {
        index: ETH0,
        address,
    }
}

fn actions(hops: &mut NextHops) -> Vec<Action> {
    std::iter::from_fn(|| hops.poll_action()).collect()
}

fn changes(hops: &mut NextHops) -> Vec<IpAddr> {
    std::iter::from_fn(|| hops.poll_changed()).collect()
}

/// One server on the link, its route known, its MAC not: the first probe is out.
fn asking(now: Instant) -> NextHops {
    let mut hops = NextHops::new();
    hops.handle_link(eth0(), now);
    hops.watch(server());
    assert_eq!(actions(&mut hops), [Action::LookUpRoute(server())]);
    hops.handle_route(server(), Ok(on_link()), now);
    assert_eq!(actions(&mut hops), [probe(server())]);
    hops
}

/// The same with its MAC known since `now`.
fn resolved(now: Instant) -> NextHops {
    let mut hops = asking(now);
    hops.handle_neighbour(entry(server(), NeighbourState::Reachable), now);
    assert_eq!(*hops.resolved(server()), Resolution::Via(hop()));
    // The route is asked for once more because the link was new.
    hops.handle_timeout(now + ROUTES_SETTLE);
    assert_eq!(actions(&mut hops), [Action::LookUpRoute(server())]);
    changes(&mut hops);
    hops
}

/// Lets the time run and gives when which actions came, in seconds after `from`.
fn run(hops: &mut NextHops, from: Instant, duration: Duration) -> Vec<(u64, Action)> {
    let mut found = Vec::new();
    while let Some(due) = hops.poll_timeout().filter(|due| *due <= from + duration) {
        hops.handle_timeout(due);
        let at = due.saturating_duration_since(from).as_secs();
        found.extend(actions(hops).into_iter().map(|action| (at, action)));
    }
    found
}

#[test]
fn the_interface_of_a_route_does_not_depend_on_its_neighbour() {
    let now = start();
    let mut hops = NextHops::new();
    hops.watch(server());
    assert_eq!(hops.interface(server()), None);
    hops.handle_link(eth0(), now);
    hops.handle_route(server(), Ok(on_link()), now);
    assert_eq!(hops.interface(server()), Some(ETH0));
    hops.handle_neighbour(entry(server(), NeighbourState::Reachable), now);
    hops.handle_neighbour(entry(server(), NeighbourState::Failed), now);
    assert!(matches!(
        hops.resolved(server()),
        Resolution::Unknown(Reason::NoAnswer { .. })
    ));
    assert_eq!(hops.interface(server()), Some(ETH0));
    hops.handle_route(server(), Err("no route".into()), now);
    assert_eq!(hops.interface(server()), Some(ETH0));
    let local = Route {
        local: true,
        ..on_link()
    };
    hops.handle_route(server(), Ok(local), now);
    assert_eq!(hops.interface(server()), None);
}

#[test]
fn a_server_on_the_link_is_resolved_in_three_steps() {
    let now = start();
    let mut hops = asking(now);
    let asking = Reason::Asking {
        next_hop: server(),
        name: "eth0".into(),
    };
    assert_eq!(*hops.resolved(server()), Resolution::Unknown(asking));
    hops.handle_neighbour(entry(server(), NeighbourState::Reachable), now);
    assert_eq!(*hops.resolved(server()), Resolution::Via(hop()));
    assert_eq!(changes(&mut hops), [server()]);
    assert!(changes(&mut hops).is_empty());
}

#[test]
fn what_is_not_watched_is_not_known() {
    let nothing = Resolution::Unknown(Reason::RouteNotAsked);
    assert_eq!(*NextHops::new().resolved(server()), nothing);
}

#[test]
fn a_server_on_this_host_is_local_and_nobody_is_asked() {
    let now = start();
    let mut hops = NextHops::new();
    hops.watch(server());
    let local = Route {
        local: true,
        index: 1,
        ..on_link()
    };
    hops.handle_route(server(), Ok(local), now);
    assert_eq!(*hops.resolved(server()), Resolution::Local);
    assert_eq!(actions(&mut hops), [Action::LookUpRoute(server())]);
    assert_eq!(hops.poll_timeout(), None);
}

#[test]
fn two_servers_behind_one_router_share_its_entry_and_its_probes() {
    let now = start();
    let mut hops = NextHops::new();
    hops.handle_link(eth0(), now);
    let router = ip("192.0.2.254");
    let routed = Route {
        gateway: Some(router),
        ..on_link()
    };
    let (one, two) = (ip("203.0.113.1"), ip("203.0.113.2"));
    for address in [one, two] {
        hops.watch(address);
        hops.handle_route(address, Ok(routed), now);
    }
    let expected = [
        Action::LookUpRoute(one),
        Action::LookUpRoute(two),
        probe(router),
    ];
    assert_eq!(actions(&mut hops), expected);
    changes(&mut hops);
    hops.handle_neighbour(entry(router, NeighbourState::Reachable), now);
    assert_eq!(changes(&mut hops), [one, two]);
    assert_eq!(*hops.resolved(one), Resolution::Via(hop()));

    hops.forget(one);
    hops.handle_neighbour(entry(router, NeighbourState::Stale), now + seconds(5));
    assert_eq!(
        actions(&mut hops),
        [probe(router)],
        "the other still needs it"
    );
    hops.forget(two);
    hops.handle_timeout(now + seconds(100));
    assert_eq!((actions(&mut hops), hops.poll_timeout()), (vec![], None));
}

#[test]
fn a_server_that_does_not_answer_is_asked_after_1_2_4_8_16_and_then_every_30_seconds() {
    let now = start();
    let mut hops = asking(now);
    hops.handle_timeout(now + ROUTES_SETTLE);
    actions(&mut hops);
    let times: Vec<u64> = run(&mut hops, now, seconds(125))
        .into_iter()
        .map(|(at, action)| {
            assert_eq!(action, probe(server()));
            at
        })
        .collect();
    assert_eq!(times, [1, 3, 7, 15, 31, 61, 91, 121]);
}

#[test]
fn what_the_kernel_tells_while_it_asks_in_vain_does_not_hasten_us() {
    let now = start();
    let mut hops = asking(now);
    for state in [NeighbourState::Incomplete, NeighbourState::Failed] {
        hops.handle_neighbour(entry(server(), state), now);
    }
    hops.handle_neighbour_gone(ETH0, server(), now);
    assert_eq!(actions(&mut hops), []);
}

#[test]
fn a_server_that_failed_stays_without_an_answer_until_it_answers() {
    let now = start();
    let mut hops = asking(now);
    changes(&mut hops);
    hops.handle_neighbour(entry(server(), NeighbourState::Failed), now);
    let no_answer = Resolution::Unknown(Reason::NoAnswer {
        next_hop: server(),
        name: "eth0".into(),
    });
    assert_eq!(*hops.resolved(server()), no_answer);
    assert_eq!(changes(&mut hops), [server()]);
    hops.handle_neighbour(entry(server(), NeighbourState::Incomplete), now);
    assert_eq!(*hops.resolved(server()), no_answer);
    assert!(changes(&mut hops).is_empty(), "asking again is no news");
    hops.handle_neighbour(entry(server(), NeighbourState::Reachable), now);
    assert_eq!(*hops.resolved(server()), Resolution::Via(hop()));
}

#[test]
fn a_server_that_answers_is_asked_again_after_20_to_30_seconds() {
    let now = start();
    let mut hops = resolved(now);
    let found = run(&mut hops, now, seconds(30));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, probe(server()));
    assert!((20..30).contains(&found[0].0), "after {} s", found[0].0);
}

#[test]
fn servers_are_not_all_refreshed_in_the_same_moment() {
    let now = start();
    let mut hops = NextHops::new();
    hops.handle_link(eth0(), now);
    for host in 1..=100u8 {
        let address = IpAddr::from([192, 0, 2, host]);
        hops.watch(address);
        hops.handle_route(address, Ok(on_link()), now);
        hops.handle_neighbour(entry(address, NeighbourState::Reachable), now);
    }
    hops.handle_timeout(now + seconds(1));
    actions(&mut hops);
    let mut busiest = [0; 40];
    for (at, _) in run(&mut hops, now, seconds(31)) {
        busiest[usize::try_from(at).unwrap()] += 1;
    }
    assert_eq!(busiest.iter().sum::<i32>(), 100);
    assert!(busiest.iter().all(|count| *count < 25), "{busiest:?}");
}

/// What each state of the kernel's entry does to a hop that was resolved two seconds ago.
#[test]
fn every_state_of_the_neighbour_does_what_it_should() {
    use NeighbourState::{
        Delay, Failed, Incomplete, NoArp, None, Permanent, Probe, Reachable, Stale,
    };
    for (state, usable, asked_at_once, asked_ever) in [
        (None, false, true, true),
        (Incomplete, false, true, true),
        (Reachable, true, false, true),
        (Stale, true, true, true),
        (Delay, true, false, true),
        (Probe, true, false, true),
        (Failed, false, true, true),
        (NoArp, true, false, false),
        (Permanent, true, false, false),
    ] {
        let now = start();
        let mut hops = resolved(now);
        hops.handle_neighbour(entry(server(), state), now + seconds(2));
        let is_usable = matches!(hops.resolved(server()), Resolution::Via(_));
        assert_eq!(is_usable, usable, "{state:?}");
        assert_eq!(!actions(&mut hops).is_empty(), asked_at_once, "{state:?}");
        let later = run(&mut hops, now, seconds(60));
        assert_eq!(asked_at_once || !later.is_empty(), asked_ever, "{state:?}");
    }
}

#[test]
fn an_entry_that_turns_stale_over_and_over_is_asked_once_a_second_at_most() {
    let now = start();
    let mut hops = resolved(now);
    let mut asked = 0;
    for step in 0..100u64 {
        let at = now + seconds(2) + Duration::from_millis(step * 50);
        hops.handle_neighbour(entry(server(), NeighbourState::Stale), at);
        hops.handle_timeout(at);
        asked += actions(&mut hops).len();
    }
    assert_eq!(asked, 5, "in five seconds");
}

#[test]
fn a_new_mac_is_used_at_once() {
    let now = start();
    let mut hops = resolved(now);
    let mut moved = entry(server(), NeighbourState::Stale);
    moved.mac = Some([2, 0, 0, 0, 0, 0x77]);
    hops.handle_neighbour(moved, now);
    let expected = Hop {
        dst_mac: [2, 0, 0, 0, 0, 0x77],
        ..hop()
    };
    assert_eq!(*hops.resolved(server()), Resolution::Via(expected));
    assert_eq!(changes(&mut hops), [server()]);
}

#[test]
fn a_forgotten_entry_is_asked_for_at_once_and_its_mac_not_used_meanwhile() {
    let now = start();
    let mut hops = resolved(now);
    hops.handle_neighbour_gone(ETH0, server(), now + seconds(5));
    assert!(matches!(
        hops.resolved(server()),
        Resolution::Unknown(Reason::Asking { .. })
    ));
    assert_eq!(actions(&mut hops), [probe(server())]);
}

#[test]
fn an_entry_that_was_there_before_is_used_and_asked() {
    let now = start();
    let mut hops = NextHops::new();
    let stale = entry(server(), NeighbourState::Stale);
    hops.handle_snapshot(vec![eth0()], vec![stale], now);
    hops.watch(server());
    hops.handle_route(server(), Ok(on_link()), now);
    assert_eq!(*hops.resolved(server()), Resolution::Via(hop()));
    assert!(actions(&mut hops).contains(&probe(server())));
}

#[test]
fn an_entry_of_the_operator_is_used_and_never_asked() {
    let now = start();
    let mut hops = NextHops::new();
    let fixed = entry(server(), NeighbourState::Permanent);
    hops.handle_snapshot(vec![eth0()], vec![fixed], now);
    hops.watch(server());
    hops.handle_route(server(), Ok(on_link()), now);
    assert_eq!(*hops.resolved(server()), Resolution::Via(hop()));
    actions(&mut hops);
    // Not even when the link comes back.
    hops.handle_link(
        Link {
            up: false,
            ..eth0()
        },
        now,
    );
    hops.handle_link(eth0(), now);
    let lookups = run(&mut hops, now, seconds(100));
    assert_eq!(lookups, [(0, Action::LookUpRoute(server()))]);
}

#[test]
fn what_a_snapshot_does_not_name_is_gone() {
    let now = start();
    let mut hops = resolved(now);
    hops.handle_snapshot(vec![eth0()], vec![], now + seconds(5));
    assert!(matches!(
        hops.resolved(server()),
        Resolution::Unknown(Reason::Asking { .. })
    ));
    let expected = [Action::LookUpRoute(server()), probe(server())];
    assert_eq!(actions(&mut hops), expected);
    hops.handle_snapshot(vec![], vec![], now + seconds(5));
    let gone = Resolution::Unknown(Reason::LinkGone { index: ETH0 });
    assert_eq!(*hops.resolved(server()), gone);
}

#[test]
fn the_reasons_read_as_sentences() {
    let now = start();
    let mut hops = asking(now);
    let text = |hops: &NextHops| match hops.resolved(server()) {
        Resolution::Unknown(reason) => reason.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        text(&hops),
        "192.0.2.9 on eth0 is being asked for its Ethernet address"
    );
    hops.handle_neighbour(entry(server(), NeighbourState::Failed), now);
    assert_eq!(
        text(&hops),
        "192.0.2.9 on eth0 does not answer when asked for its Ethernet address"
    );
    hops.handle_link(
        Link {
            up: false,
            ..eth0()
        },
        now,
    );
    assert_eq!(text(&hops), "interface eth0 is down");
}
