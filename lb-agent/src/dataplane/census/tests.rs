use std::net::Ipv6Addr;

use bytemuck::Zeroable as _;
use lb_common::flow::{self, state};
use lb_common::service::{ServiceEntry, ServiceInfo, TCP};

use super::*;
use crate::dataplane::installed::{Key, Service};

const NOW: u32 = 1000;

fn control() -> Control {
    let mut control = Control::zeroed();
    control.heartbeat = u64::from(NOW) << TICK_SHIFT;
    control.secret = 42;
    for (timeout, seconds) in control.timeouts.iter_mut().zip(state::TIMEOUTS) {
        *timeout = seconds;
    }
    control
}

/// Two services, the second of which nobody counts, with the servers 1 and 2, and 3.
fn installed(flags: u8, source_flows: u32) -> Installed {
    let mut installed = Installed::default();
    for (id, flags, source_flows) in [(1, flags, source_flows), (2, 0, 0)] {
        let key = Key {
            address: [192, 0, 2, 1].into(),
            port: id,
            proto: TCP,
        };
        let service = Service {
            entry: ServiceEntry {
                id,
                pool: id,
                ..ServiceEntry::zeroed()
            },
            info: ServiceInfo {
                key: key.v6(),
                pool: id,
                ..ServiceInfo::zeroed()
            },
        };
        let policy = Policy {
            flags,
            pool: id,
            source_flows,
            ..Policy::zeroed()
        };
        installed.services.insert(key, service);
        installed.pools.insert(id, policy);
    }
    for (slot, pool) in [(1, 1), (2, 1), (3, 2)] {
        let backend = Backend {
            pool,
            generation: 7,
            ..Backend::zeroed()
        };
        installed.backends.insert(slot, backend);
    }
    installed
}

fn flow(port: u16, service: u16, slot: u16, generation: u16, state: u8, age: u32) -> Flow {
    let entry = FlowEntry {
        key: flow::key(u32::from_ne_bytes([10, 0, 0, 9]), port, service),
        target: flow::target(slot, generation),
        life: flow::life(state, NOW - age),
    };
    Flow {
        entry,
        client: entry.client().into(),
    }
}

#[test]
fn live_flows_of_living_servers_count_by_their_state() {
    let (installed, control) = (installed(flags::COUNTED, 0), control());
    let question = Question::new(&installed, &control).unwrap();
    assert_eq!(question.slots().collect::<Vec<_>>(), [1, 2]);
    let flows = [
        flow(1, 1, 1, 7, state::SYN_RECV, 60),
        flow(2, 1, 1, 7, state::ESTABLISHED, 900),
        flow(3, 1, 1, 7, state::FIN_WAIT, 0),
        flow(4, 1, 2, 7, state::UDP, 300),
        // Timed out, of a server that is gone, of a service that nobody counts.
        flow(5, 1, 1, 7, state::SYN_RECV, 61),
        flow(6, 1, 1, 6, state::ESTABLISHED, 0),
        flow(7, 2, 3, 7, state::ESTABLISHED, 0),
    ];
    let census = question.count(flows.into_iter());
    assert_eq!(census.of_server(1), (2, 1));
    assert_eq!(census.of_server(2), (0, 1));
    assert_eq!(census.of_server(3), (0, 0));
    assert!(census.sources().is_empty());
}

#[test]
fn flows_of_a_client_count_where_somebody_asks_for_it() {
    let (installed, control) = (installed(0, 5), control());
    let question = Question::new(&installed, &control).unwrap();
    assert_eq!(question.slots().count(), 0);
    let there = [state::ESTABLISHED, state::FIN_WAIT, state::CLOSE_WAIT];
    // What anybody can send in a client's name counts for nothing, and what is over neither.
    let forged = [state::SYN_RECV, state::ACKED, state::DATAGRAM];
    let over = [state::CLOSE, state::TIME_WAIT];
    let flows = (1..).zip(there.into_iter().chain(forged).chain(over));
    let census = question.count(flows.map(|(port, state)| flow(port, 1, 1, 7, state, 0)));
    let client = u32::from_ne_bytes([10, 0, 0, 9]);
    for counter in source_counters(client, 1, 42) {
        assert_eq!(census.sources()[counter as usize], 3);
    }
    assert_eq!(census.sources().iter().sum::<u32>(), 6);
}

#[test]
fn a_client_of_few_flows_is_not_taken_for_one_of_many_because_there_are_many_clients() {
    let (installed, control) = (installed(0, 5), control());
    let question = Question::new(&installed, &control).unwrap();
    let of = |client: u32| Flow {
        entry: FlowEntry {
            key: flow::key(client.to_be(), 1, 1),
            ..flow(1, 1, 1, 7, state::ESTABLISHED, 0).entry
        },
        client: std::net::Ipv4Addr::from_bits(client).into(),
    };
    // Fifteen to each counter, and one client with a hundred.
    let many = (0..1_000_000).map(of);
    let census = question.count(many.chain((0..99).map(|_| of(7))));
    let guess = |client: u32| {
        let counters = source_counters(client.to_be(), 1, 42).into_iter();
        counters.map(|it| census.sources()[it as usize]).min()
    };
    assert_eq!(guess(7), Some(100));
    let wrong = (0..1_000_000).filter(|client| *client != 7 && guess(*client) != Some(1));
    assert_eq!(wrong.count(), 0);
}

#[test]
fn nothing_is_counted_for_nobody() {
    assert!(Question::new(&installed(0, 0), &control()).is_none());
}

#[test]
fn flows_of_ipv6_are_read_only_for_a_service_of_ipv6_that_is_counted() {
    let (mut installed, control) = (installed(flags::COUNTED, 0), control());
    let counts_v6 = |installed: &Installed| Question::new(installed, &control).unwrap().counts_v6();
    assert!(!counts_v6(&installed));
    for (flags, expected) in [(0, false), (flags::COUNTED, true)] {
        let key = Key {
            address: Ipv6Addr::LOCALHOST.into(),
            port: 3,
            proto: TCP,
        };
        let mut service = *installed.services.values().next().unwrap();
        service.entry.pool = 3;
        installed.services.insert(key, service);
        let policy = Policy {
            pool: 3,
            flags,
            ..Policy::zeroed()
        };
        installed.pools.insert(3, policy);
        assert_eq!(counts_v6(&installed), expected, "{flags}");
    }
}
