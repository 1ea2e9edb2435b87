mod reload;
mod start;

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
    assert_eq!(
        texts(&start),
        ["Gained quorum 1+0=1 <= 3 for VS [192.168.0.1]:tcp:80"]
    );
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
            "Starting with quorum down 1+0=1 > 0 for VS [192.168.0.1]:tcp:80",
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

const SECOND: std::time::Duration = std::time::Duration::from_secs(1);

fn notices(change: &PoolChange) -> Vec<(Option<u8>, bool)> {
    let host = |key: &RealServerKey| match key.address {
        std::net::IpAddr::V4(address) => address.octets()[3],
        std::net::IpAddr::V6(_) => panic!("no v6 in these tests"),
    };
    change
        .notices
        .iter()
        .map(|notice| match notice {
            Notice::RealServer { key, up } => (Some(host(key)), *up),
            Notice::ShutDown { key, .. } => (Some(host(key)), false),
            Notice::Quorum { up, .. } => (None, *up),
        })
        .collect()
}

#[test]
fn everybody_is_told_of_servers_and_quorum_in_order() {
    let servers = vec![real_server(2, 1), real_server(3, 1)];
    let (mut pool, start) = Pool::new(virtual_server(servers, None));
    assert_eq!(notices(&start), [(None, true)]);
    assert_eq!(
        notices(&handle(&mut pool, &server_key(2), false)),
        [(Some(2), false)]
    );
    assert_eq!(
        notices(&handle(&mut pool, &server_key(3), false)),
        [(Some(3), false), (None, false)]
    );
    assert_eq!(
        notices(&handle(&mut pool, &server_key(3), true)),
        [(Some(3), true), (None, true)]
    );
}

#[test]
fn with_rs_init_notifies_each_server_in_the_pool_is_told_before_the_quorum() {
    let mut service = virtual_server(vec![real_server(2, 1), with_alpha(3, 1)], None);
    service.rules.rs_init_notifies = true;
    let (_, start) = Pool::new(service);
    assert_eq!(notices(&start), [(Some(2), true), (None, true)]);
}

#[test]
fn the_mail_about_a_quorum_has_the_comparison() {
    let (mut pool, start) = Pool::new(virtual_server(vec![real_server(2, 3)], None));
    let quorum = |change: &PoolChange| {
        change.notices.iter().find_map(|notice| match notice {
            Notice::Quorum { sentence, .. } => Some(sentence.clone()),
            Notice::RealServer { .. } | Notice::ShutDown { .. } => None,
        })
    };
    let mail = |change: &PoolChange| quorum(change).unwrap();
    assert_eq!(mail(&start), "Starting with quorum up 1+0=1 <= 3");
    let down = handle(&mut pool, &server_key(2), false);
    assert_eq!(mail(&down), "Lost quorum 1-0=1 > 0");
    let up = handle(&mut pool, &server_key(2), true);
    assert_eq!(mail(&up), "Gained quorum 1+0=1 <= 3");
}

#[test]
fn with_alpha_the_first_failure_is_told_once() {
    let (mut pool, _) = Pool::new(virtual_server(vec![with_alpha(2, 1)], None));
    let first = handle(&mut pool, &server_key(2), false);
    assert_eq!(
        (notices(&first), texts(&first)),
        (vec![(Some(2), false)], vec![])
    );
    assert_eq!(notices(&handle(&mut pool, &server_key(2), false)), []);
}

#[test]
fn quorum_and_hysteresis_decide_when_the_sorry_server_serves() {
    let servers = (2..8).map(|host| real_server(host, 1)).collect();
    let mut service = virtual_server(servers, Some(99));
    service.rules.quorum = 3;
    service.rules.hysteresis = 1;
    let (mut pool, _) = Pool::new(service);
    let mut sorry = Vec::new();
    let steps = (2..8)
        .map(|host| (host, false))
        .chain((2..8).map(|host| (host, true)));
    for (host, up) in steps {
        drop(handle(&mut pool, &server_key(host), up));
        sorry.push(pool.members().iter().any(|member| member.sorry));
    }
    // Six servers: gone below 2, back with 4.
    let expected = [
        false, false, false, false, true, true, true, true, true, false, false, false,
    ];
    assert_eq!(sorry, expected);
}

#[test]
fn a_quorum_that_could_never_be_met_is_reduced_and_said() {
    let mut service = virtual_server(vec![real_server(2, 2), real_server(3, 1)], None);
    service.rules.quorum = 9;
    service.rules.hysteresis = 3;
    let (mut pool, start) = Pool::new(service);
    assert_eq!(
        texts(&start),
        [
            "Virtual server [192.168.0.1]:tcp:80: quorum 9 exceeds the total weight of its real servers, 3: reducing quorum to 3",
            "Virtual server [192.168.0.1]:tcp:80: hysteresis 3 is too much for quorum 3: reducing it to 0",
            "Gained quorum 3+0=3 <= 3 for VS [192.168.0.1]:tcp:80",
        ]
    );
    assert_eq!((pool.status().quorum, pool.status().hysteresis), (3, 0));
    let change = handle(&mut pool, &server_key(3), false);
    assert_eq!(notices(&change), [(Some(3), false), (None, false)]);
}

#[test]
fn sorry_server_inhibit_keeps_it_without_weight() {
    let mut service = virtual_server(vec![real_server(2, 3)], Some(9));
    service.rules.sorry_server_inhibit = true;
    let (mut pool, _) = Pool::new(service);
    assert_eq!(members(&pool), [(2, 3, false), (9, 0, true)]);
    let change = handle(&mut pool, &server_key(2), false);
    assert_eq!(
        texts(&change)[2],
        "Enabling sorry server [10.0.0.9]:tcp:80 to VS [192.168.0.1]:tcp:80"
    );
    assert_eq!(members(&pool), [(9, 1, true)]);
    let change = handle(&mut pool, &server_key(2), true);
    assert_eq!(
        texts(&change)[2],
        "Disabling sorry server [10.0.0.9]:tcp:80 from VS [192.168.0.1]:tcp:80"
    );
}

#[test]
fn a_weight_changes_in_the_pool_and_counts_for_the_quorum() {
    let servers = vec![real_server(2, 1), real_server(3, 1)];
    let (mut pool, _) = Pool::new(virtual_server(servers, Some(9)));
    let weigh = |pool: &mut Pool, host, weight| {
        let event = event(server_key(host), Change::Weight(weight), clock::now());
        pool.handle_event(&event)
    };
    let change = weigh(&mut pool, 2, 5);
    assert_eq!(
        texts(&change),
        [
            "Changing weight from 1 to 5 for active service [10.0.0.2]:tcp:80 of VS [192.168.0.1]:tcp:80"
        ]
    );
    assert_eq!(members(&pool), [(2, 5, false), (3, 1, false)]);
    assert_eq!(weigh(&mut pool, 2, 5), PoolChange::default());
    drop(weigh(&mut pool, 2, 0));
    drop(weigh(&mut pool, 3, 0));
    assert_eq!(members(&pool), [(9, 1, true)]);
    drop(handle(&mut pool, &server_key(3), false));
    let change = weigh(&mut pool, 3, 7);
    assert_eq!(
        texts(&change),
        [
            "Changing weight from 0 to 7 for inactive service [10.0.0.3]:tcp:80 of VS [192.168.0.1]:tcp:80"
        ]
    );
    assert_eq!(members(&pool), [(9, 1, true)]);
}

#[test]
fn what_is_set_by_hand_stands_until_it_is_cleared() {
    let servers = vec![real_server(2, 4), real_server(3, 1)];
    let (mut pool, _) = Pool::new(virtual_server(servers, None));
    let change = pool.set_by_hand(&server_key(2), Some(Hand::Drain));
    assert_eq!(
        texts(&change),
        [
            "Changing weight from 4 to 0 for active service [10.0.0.2]:tcp:80 of VS [192.168.0.1]:tcp:80, set by hand"
        ]
    );
    assert_eq!(members(&pool), [(2, 0, false), (3, 1, false)]);
    // Neither a check nor a recovery gives it back.
    drop(pool.handle_event(&event(server_key(2), Change::Weight(9), clock::now())));
    drop(handle(&mut pool, &server_key(2), false));
    drop(handle(&mut pool, &server_key(2), true));
    assert_eq!(members(&pool), [(2, 0, false), (3, 1, false)]);
    let status = serde_json::to_value(pool.status()).unwrap();
    assert_eq!(
        status["servers"][0],
        serde_json::json!({
            "real_server": "[10.0.0.2]:tcp:80",
            "up": true,
            "configured_weight": 4,
            "checked_weight": 9,
            "weight": 0,
            "set_by_hand": "drain",
            "slow_start_percent": null,
        })
    );
    drop(pool.set_by_hand(&server_key(2), Some(Hand::Weight(7))));
    assert_eq!(members(&pool)[0], (2, 7, false));
    drop(pool.set_by_hand(&server_key(2), None));
    assert_eq!(members(&pool)[0], (2, 9, false));
    assert_eq!(
        pool.set_by_hand(&server_key(77), None),
        PoolChange::default()
    );
}

#[test]
fn a_server_that_recovers_gets_its_weight_in_steps() {
    let mut service = virtual_server(vec![real_server(2, 1), real_server(3, 2)], None);
    service.rules.xdp_slow_start = SECOND * 10;
    let (mut pool, _) = Pool::new(service);
    assert_eq!(pool.poll_timeout(), None, "not at start");
    drop(handle(&mut pool, &server_key(2), false));
    let now = clock::now();
    drop(pool.handle_event(&event(server_key(2), Change::Up, now)));
    let mut seen = Vec::new();
    for second in 1..=10 {
        seen.push(members(&pool)[0].1);
        assert_eq!(members(&pool)[1].1, 20, "the others in the same measure");
        assert_eq!(pool.poll_timeout(), Some(now + SECOND * second));
        assert!(pool.handle_timeout(now + SECOND * second).members_changed);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    assert_eq!(members(&pool), [(2, 1, false), (3, 2, false)]);
    assert_eq!(pool.poll_timeout(), None);
}

#[test]
fn a_slow_start_ends_when_the_server_fails_and_needs_no_scale_for_great_weights() {
    let mut service = virtual_server(vec![real_server(2, 100), real_server(3, 50)], None);
    service.rules.xdp_slow_start = SECOND;
    let (mut pool, _) = Pool::new(service);
    drop(handle(&mut pool, &server_key(2), false));
    drop(handle(&mut pool, &server_key(2), true));
    assert_eq!(members(&pool), [(2, 10, false), (3, 50, false)]);
    drop(handle(&mut pool, &server_key(2), false));
    assert_eq!(
        (pool.poll_timeout(), members(&pool)),
        (None, vec![(3, 50, false)])
    );
}

#[test]
fn omega_tells_at_stop_what_was_up() {
    for (omega, expected) in [
        (false, vec![]),
        (true, vec![(Some(3), false), (None, false)]),
    ] {
        let mut service = virtual_server(vec![real_server(2, 1), real_server(3, 1)], None);
        service.rules.omega = omega;
        let (mut pool, _) = Pool::new(service);
        drop(handle(&mut pool, &server_key(2), false));
        let change = pool.stop();
        assert_eq!(notices(&change), expected);
        assert_eq!(
            texts(&change),
            [
                "Shutting down service [10.0.0.2]:tcp:80 from VS [192.168.0.1]:tcp:80",
                "Shutting down service [10.0.0.3]:tcp:80 from VS [192.168.0.1]:tcp:80"
            ]
        );
    }
}

#[test]
fn a_pool_goes_on_where_it_was_with_the_servers_that_it_still_has() {
    let servers = |hosts: &[u8]| hosts.iter().map(|&host| real_server(host, 3)).collect();
    let (mut before, _) = Pool::new(virtual_server(servers(&[2, 3, 4]), Some(9)));
    drop(handle(&mut before, &server_key(2), false));
    drop(before.set_by_hand(&server_key(3), Some(Hand::Weight(8))));
    drop(before.handle_event(&event(server_key(4), Change::Weight(5), clock::now())));
    let text = serde_json::to_string(&before.record(clock::now())).unwrap();
    let record = serde_json::from_str(&text).unwrap();
    let service = virtual_server(servers(&[5, 4, 3, 2]), Some(9));
    let (after, change) = Pool::begin(service, Past::All(&record, clock::now()));
    assert!(change.members_changed);
    assert_eq!(notices(&change), [(Some(2), false), (None, true)]);
    assert_eq!(
        members(&after),
        [(5, 3, false), (4, 5, false), (3, 8, false)]
    );

    // All that is left is down: the quorum is gone.
    let service = virtual_server(servers(&[2]), Some(9));
    let (after, change) = Pool::begin(service, Past::All(&record, clock::now()));
    assert_eq!(notices(&change), [(Some(2), false), (None, false)]);
    assert_eq!(members(&after), [(9, 1, true)]);

    // Too old: who was down is tried, who was drained is not.
    let service = virtual_server(servers(&[2, 3]), Some(9));
    let (after, change) = Pool::begin(service, Past::Hands(&record));
    assert_eq!(notices(&change), [(None, true)]);
    assert_eq!(members(&after), [(2, 3, false), (3, 8, false)]);
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
