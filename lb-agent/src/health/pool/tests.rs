use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::health::spec::{Check, Kind, Server};
use crate::health::testing::{VIP, checker, real_server, server_key, virtual_server};
use crate::runtime::clock;

fn texts(change: &PoolChange) -> Vec<&str> {
    change.lines.iter().map(LogLine::text).collect()
}

/// (host, weight, sorry) of each member.
fn members(pool: &Pool) -> Vec<(u8, u32, bool)> {
    let host = |member: &Member| match member.key.address {
        std::net::IpAddr::V4(address) => address.octets()[3],
        std::net::IpAddr::V6(_) => panic!("no v6 in these tests"),
    };
    pool.members()
        .iter()
        .map(|member| (host(member), member.weight, member.sorry))
        .collect()
}

fn handle(pool: &mut Pool, server: &RealServerKey, up: bool) -> PoolChange {
    pool.handle_event(&event(
        *server,
        if up { Change::Up } else { Change::Down },
        clock::now(),
    ))
}

fn event(real_server: RealServerKey, change: Change, at: Instant) -> Event {
    Event {
        virtual_server: VIP,
        real_server,
        change,
        reason: String::new(),
        at,
    }
}

fn inhibited(host: u8, weight: u32) -> Server {
    Server {
        inhibit_on_failure: true,
        ..real_server(host, weight)
    }
}

fn with_alpha(host: u8, weight: u32) -> Server {
    let check = Check {
        alpha: true,
        ..checker(Kind::Tcp, 0)
    };
    Server {
        checks: vec![check],
        ..real_server(host, weight)
    }
}

#[test]
fn a_server_leaves_and_returns_with_its_weight() {
    let servers = vec![real_server(2, 1), real_server(3, 2)];
    let (mut pool, start) = Pool::new(virtual_server(servers, None));
    assert_eq!(texts(&start), [""; 0]);
    assert_eq!(members(&pool), [(2, 1, false), (3, 2, false)]);

    let change = handle(&mut pool, &server_key(3), false);
    assert_eq!(
        texts(&change),
        ["Removing service [10.0.0.3]:tcp:80 from VS [192.168.0.1]:tcp:80"]
    );
    assert!(change.members_changed);
    assert_eq!(members(&pool), [(2, 1, false)]);

    let change = handle(&mut pool, &server_key(3), true);
    assert_eq!(
        texts(&change),
        ["Adding service [10.0.0.3]:tcp:80 to VS [192.168.0.1]:tcp:80"]
    );
    assert_eq!(members(&pool), [(2, 1, false), (3, 2, false)]);
}

#[test]
fn the_sorry_server_comes_with_the_last_server_gone_and_leaves_with_the_first_back() {
    let servers = vec![real_server(2, 1), real_server(3, 1)];
    let (mut pool, _) = Pool::new(virtual_server(servers, Some(9)));
    drop(handle(&mut pool, &server_key(2), false));
    let change = handle(&mut pool, &server_key(3), false);
    assert_eq!(
        texts(&change),
        [
            "Removing service [10.0.0.3]:tcp:80 from VS [192.168.0.1]:tcp:80",
            "Lost quorum 1-0=1 > 0 for VS [192.168.0.1]:tcp:80",
            "Adding sorry server [10.0.0.9]:tcp:80 to VS [192.168.0.1]:tcp:80",
            "Removing alive servers from the pool for VS [192.168.0.1]:tcp:80",
        ]
    );
    assert_eq!(members(&pool), [(9, 1, true)]);

    let change = handle(&mut pool, &server_key(2), true);
    assert_eq!(
        texts(&change),
        [
            "Adding service [10.0.0.2]:tcp:80 to VS [192.168.0.1]:tcp:80",
            "Gained quorum 1+0=1 <= 1 for VS [192.168.0.1]:tcp:80",
            "Removing sorry server [10.0.0.9]:tcp:80 from VS [192.168.0.1]:tcp:80",
            "Adding alive servers to the pool for VS [192.168.0.1]:tcp:80",
        ]
    );
    assert_eq!(members(&pool), [(2, 1, false)]);
}

#[test]
fn without_a_sorry_server_the_quorum_changes_no_member() {
    let (mut pool, _) = Pool::new(virtual_server(vec![real_server(2, 3)], None));
    let change = handle(&mut pool, &server_key(2), false);
    assert_eq!(
        texts(&change),
        [
            "Removing service [10.0.0.2]:tcp:80 from VS [192.168.0.1]:tcp:80",
            "Lost quorum 1-0=1 > 0 for VS [192.168.0.1]:tcp:80",
        ]
    );
    assert_eq!(members(&pool), []);
    let change = handle(&mut pool, &server_key(2), true);
    assert_eq!(
        texts(&change)[1],
        "Gained quorum 1+0=1 <= 3 for VS [192.168.0.1]:tcp:80"
    );
    assert_eq!(members(&pool), [(2, 3, false)]);
}

#[test]
fn inhibit_on_failure_keeps_the_server_without_weight() {
    let servers = vec![inhibited(2, 5), real_server(3, 1)];
    let (mut pool, _) = Pool::new(virtual_server(servers, Some(9)));
    let change = handle(&mut pool, &server_key(2), false);
    assert_eq!(
        texts(&change),
        ["Disabling service [10.0.0.2]:tcp:80 of VS [192.168.0.1]:tcp:80"]
    );
    assert_eq!(members(&pool), [(2, 0, false), (3, 1, false)]);
    drop(handle(&mut pool, &server_key(3), false));
    assert_eq!(members(&pool), [(2, 0, false), (9, 1, true)]);
    let change = handle(&mut pool, &server_key(2), true);
    assert_eq!(
        texts(&change)[0],
        "Enabling service [10.0.0.2]:tcp:80 of VS [192.168.0.1]:tcp:80"
    );
    assert_eq!(members(&pool), [(2, 5, false)]);
}

#[test]
fn servers_of_weight_zero_do_not_make_a_quorum() {
    let servers = vec![real_server(2, 0), real_server(3, 1)];
    let (mut pool, _) = Pool::new(virtual_server(servers, Some(9)));
    assert_eq!(members(&pool), [(2, 0, false), (3, 1, false)]);
    drop(handle(&mut pool, &server_key(3), false));
    assert_eq!(members(&pool), [(9, 1, true)]);
}

#[test]
fn with_alpha_the_pool_starts_empty_and_says_so_for_the_sorry_server() {
    let servers = vec![with_alpha(2, 1), with_alpha(3, 1)];
    let (mut pool, start) = Pool::new(virtual_server(servers, Some(9)));
    assert_eq!(
        texts(&start),
        [
            "Starting with quorum down 1-0=1 > 0 for VS [192.168.0.1]:tcp:80",
            "Adding sorry server [10.0.0.9]:tcp:80 to VS [192.168.0.1]:tcp:80",
            "Removing alive servers from the pool for VS [192.168.0.1]:tcp:80",
        ]
    );
    assert_eq!(members(&pool), [(9, 1, true)]);
    drop(handle(&mut pool, &server_key(3), true));
    assert_eq!(members(&pool), [(3, 1, false)]);
}

#[test]
fn a_server_that_nothing_checks_is_in_the_pool() {
    let (pool, _) = Pool::new(virtual_server(vec![real_server(2, 1)], None));
    assert_eq!(members(&pool), [(2, 1, false)]);
}

#[test]
fn with_alpha_and_inhibit_on_failure_the_server_starts_without_weight() {
    let server = Server {
        inhibit_on_failure: true,
        ..with_alpha(2, 4)
    };
    let (mut pool, start) = Pool::new(virtual_server(vec![server], None));
    assert_eq!(texts(&start), [""; 0]);
    assert_eq!(members(&pool), [(2, 0, false)]);
    drop(handle(&mut pool, &server_key(2), true));
    assert_eq!(members(&pool), [(2, 4, false)]);
}

#[test]
fn a_server_that_is_also_the_sorry_server_stands_there_once() {
    let (mut pool, _) = Pool::new(virtual_server(vec![inhibited(2, 3)], Some(2)));
    drop(handle(&mut pool, &server_key(2), false));
    assert_eq!(members(&pool), [(2, 1, true)]);
}

#[test]
fn news_that_is_none_changes_nothing() {
    let (mut pool, _) = Pool::new(virtual_server(vec![real_server(2, 1)], Some(9)));
    assert_eq!(
        handle(&mut pool, &server_key(2), true),
        PoolChange::default()
    );
    assert_eq!(
        handle(&mut pool, &server_key(7), false),
        PoolChange::default()
    );
    drop(handle(&mut pool, &server_key(2), false));
    assert_eq!(
        handle(&mut pool, &server_key(2), false),
        PoolChange::default()
    );
}

#[test]
fn a_change_behind_the_sorry_server_changes_no_member() {
    let (mut pool, _) = Pool::new(virtual_server(vec![real_server(2, 0)], Some(9)));
    let change = handle(&mut pool, &server_key(2), false);
    assert_eq!(texts(&change).len(), 1);
    assert!(!change.members_changed);
}

proptest! {
    #[test]
    fn members_are_the_servers_that_are_up_or_the_sorry_server(
        weights in prop::collection::vec((0_u32..3, any::<bool>()), 1..6),
        sorry: bool,
        events in prop::collection::vec((0_u8..6, any::<bool>()), 0..40),
    ) {
        let server = |(host, &(weight, inhibit_on_failure)): (u8, &(u32, bool))| {
            Server { inhibit_on_failure, ..real_server(host, weight) }
        };
        let servers: Vec<_> = (0..).zip(&weights).map(server).collect();
        let (mut pool, _) = Pool::new(virtual_server(servers.clone(), sorry.then_some(99)));
        let mut up: BTreeSet<_> = servers.iter().map(|server| server.key).collect();
        for (host, is_up) in events {
            let key = server_key(host);
            let before = pool.members().to_vec();
            let change = handle(&mut pool, &key, is_up);
            prop_assert_eq!(change.members_changed, before != pool.members());
            if is_up && servers.iter().any(|server| server.key == key) {
                up.insert(key);
            } else {
                up.remove(&key);
            }
            let alive: u32 =
                servers.iter().filter(|s| up.contains(&s.key)).map(|s| s.weight).sum();
            let says_sorry = sorry && alive == 0;
            prop_assert_eq!(pool.members().iter().any(|m| m.sorry), says_sorry);
            for server in &servers {
                let weight = pool.members().iter().find(|m| m.key == server.key).map(|m| m.weight);
                let serves = up.contains(&server.key) && !says_sorry;
                let expected = match (serves, server.inhibit_on_failure) {
                    (true, _) => Some(server.weight),
                    (false, true) => Some(0),
                    (false, false) => None,
                };
                prop_assert_eq!(weight, expected);
            }
        }
    }
}
