//! What is told when a pool goes on from what an earlier agent knew: a table over how it ended.

use super::*;
use crate::health::Hand;

/// A server of a virtual server as it was.
fn known(host: u8, up: bool, told: bool) -> ServerRecord {
    ServerRecord {
        real_server: format!("[10.0.0.{host}]:tcp:80"),
        up,
        more_weight: 0,
        hand: None,
        told,
        slow_start: None,
    }
}

fn record(has_quorum: bool, servers: Vec<ServerRecord>) -> PoolRecord {
    PoolRecord {
        virtual_server: VIP.to_string(),
        has_quorum,
        servers,
    }
}

/// Its notices at the start.
fn begin(
    servers: Vec<Server>,
    sorry: bool,
    init: bool,
    past: &PoolRecord,
) -> (Pool, Vec<(Option<u8>, bool)>) {
    let mut service = virtual_server(servers, sorry.then_some(9));
    service.rules.rs_init_notifies = init;
    let (pool, change) = Pool::begin(service, Past::All(past, clock::now()));
    (pool, notices(&change))
}

#[test]
fn a_start_tells_what_is_so_and_nothing_that_is_not() {
    let (up, down, never) = (
        known(2, true, true),
        known(2, false, true),
        known(2, false, false),
    );
    let (plain, alpha) = (real_server(2, 1), with_alpha(2, 1));
    let server = |up| (Some(2), up);
    let quorum = |up| (None, up);
    for (row, service, sorry, init, has_quorum, past, expected) in [
        // keepalived tells the first success with alpha, and the quorum, at each start.
        (
            1,
            &alpha,
            true,
            false,
            true,
            &up,
            vec![server(true), quorum(true)],
        ),
        (
            2,
            &alpha,
            false,
            false,
            true,
            &up,
            vec![server(true), quorum(true)],
        ),
        (3, &plain, true, false, true, &up, vec![quorum(true)]),
        (
            4,
            &plain,
            true,
            true,
            true,
            &up,
            vec![server(true), quorum(true)],
        ),
        // Down: never "up" first.
        (
            5,
            &plain,
            true,
            true,
            false,
            &down,
            vec![server(false), quorum(false)],
        ),
        (
            6,
            &plain,
            false,
            false,
            false,
            &down,
            vec![server(false), quorum(false)],
        ),
        (
            7,
            &alpha,
            true,
            false,
            false,
            &down,
            vec![server(false), quorum(false)],
        ),
        // It was never checked: the first failure will be told.
        (8, &alpha, true, false, false, &never, vec![quorum(false)]),
        // Nor has anybody heard of its quorum, and no sorry server begins.
        (9, &alpha, false, false, false, &never, vec![]),
    ] {
        let past = record(has_quorum, vec![past.clone()]);
        let (_, told) = begin(vec![service.clone()], sorry, init, &past);
        assert_eq!(told, expected, "row {row}");
    }
}

#[test]
fn the_first_failure_after_a_start_is_told_to_who_has_not_heard_of_it() {
    for (told, expected) in [(false, vec![(Some(2), false)]), (true, vec![])] {
        let past = record(false, vec![known(2, false, told)]);
        let (mut pool, _) = begin(vec![with_alpha(2, 1)], true, false, &past);
        let change = handle(&mut pool, &server_key(2), false);
        assert_eq!(notices(&change), expected);
    }
}

#[test]
fn within_the_hysteresis_a_start_goes_on_as_it_was() {
    for had in [false, true] {
        let servers = (2..6).map(|host| real_server(host, 1)).collect();
        let mut service = virtual_server(servers, Some(9));
        service.rules.quorum = 2;
        service.rules.hysteresis = 1;
        let servers = (2..6).map(|host| known(host, host < 4, true)).collect();
        let past = record(had, servers);
        let (pool, change) = Pool::begin(service, Past::All(&past, clock::now()));
        assert_eq!(pool.status().has_quorum, had);
        assert_eq!(notices(&change).last(), Some(&(None, had)));
        let says = if had {
            "Starting with quorum up 2-1=1 <= 2 for VS [192.168.0.1]:tcp:80"
        } else {
            "Starting with quorum down 2+1=3 > 2 for VS [192.168.0.1]:tcp:80"
        };
        assert_eq!(texts(&change)[0], says);
    }
}

#[test]
fn a_drained_server_keeps_its_connections_while_the_sorry_server_serves() {
    let (mut pool, _) = Pool::new(virtual_server(
        vec![real_server(2, 4), real_server(3, 1)],
        Some(9),
    ));
    drop(pool.set_by_hand(&server_key(2), Some(Hand::Drain)));
    drop(pool.set_by_hand(&server_key(3), Some(Hand::Weight(0))));
    assert_eq!(members(&pool), [(2, 0, false), (3, 0, false), (9, 1, true)]);
    // One that fails goes.
    drop(handle(&mut pool, &server_key(3), false));
    assert_eq!(members(&pool), [(2, 0, false), (9, 1, true)]);
    drop(pool.set_by_hand(&server_key(2), None));
    assert_eq!(members(&pool), [(2, 4, false)]);
}

#[test]
fn a_slow_start_goes_on_over_a_restart_where_it_was() {
    let service = |seconds| {
        let mut service = virtual_server(vec![real_server(2, 20), real_server(3, 20)], None);
        service.rules.xdp_slow_start = SECOND * seconds;
        service
    };
    let (mut before, _) = Pool::new(service(60));
    drop(handle(&mut before, &server_key(2), false));
    let start = clock::now();
    drop(before.handle_event(&event(server_key(2), Change::Up, start)));
    // Two of ten steps are over, and a second of the third.
    let end = start + SECOND * 13;
    drop(before.handle_timeout(end));
    assert_eq!(members(&before), [(2, 6, false), (3, 20, false)]);
    let text = serde_json::to_string(&before.record(end)).unwrap();
    let record: PoolRecord = serde_json::from_str(&text).unwrap();

    // The time without an agent does not count.
    let again = end + SECOND * 30;
    let (mut after, _) = Pool::begin(service(60), Past::All(&record, again));
    assert_eq!(members(&after), [(2, 6, false), (3, 20, false)]);
    assert_eq!(after.poll_timeout(), Some(again + SECOND * 5));
    drop(after.handle_timeout(again + SECOND * 47));
    assert_eq!(members(&after), [(2, 20, false), (3, 20, false)]);
    assert_eq!(after.poll_timeout(), None);

    // A shorter one is over, and none is configured any more.
    for seconds in [0, 10] {
        let (after, _) = Pool::begin(service(seconds), Past::All(&record, again));
        assert_eq!(members(&after), [(2, 20, false), (3, 20, false)]);
        assert_eq!(after.poll_timeout(), None);
    }
    // Its results are too old.
    let (after, _) = Pool::begin(service(60), Past::Hands(&record));
    assert_eq!(members(&after), [(2, 20, false), (3, 20, false)]);
}

#[test]
fn a_file_that_says_nothing_of_slow_starts_can_be_read() {
    let text = r#"{"real_server": "a", "up": true, "more_weight": 0, "hand": null, "told": true}"#;
    let record: ServerRecord = serde_json::from_str(text).unwrap();
    assert_eq!(record.slow_start, None);
}
