//! A pool that goes on with other settings.

use super::*;
use crate::health::Hand;

#[test]
fn servers_that_stay_are_as_they_were_and_new_ones_as_at_a_start() {
    let servers = vec![real_server(2, 1), real_server(3, 2), real_server(4, 4)];
    let (mut pool, _) = Pool::new(virtual_server(servers, None));
    drop(handle(&mut pool, &server_key(2), false));
    drop(pool.set_by_hand(&server_key(3), Some(Hand::Drain)));
    let servers = vec![real_server(5, 8), real_server(3, 7), real_server(2, 1)];
    let (pool, change) = pool.reload(virtual_server(servers, None));
    assert_eq!(members(&pool), [(5, 8, false), (3, 0, false)]);
    assert!(change.members_changed);
    // As in keepalived, whatever `omega` says.
    let key = server_key(4);
    assert_eq!(change.notices, [Notice::ShutDown { key, removed: true }]);
    assert_eq!(
        texts(&change),
        [
            "Removing service [10.0.0.4]:tcp:80 from VS [192.168.0.1]:tcp:80: it is configured no \
          longer"
        ]
    );
}

#[test]
fn a_weight_that_checkers_moved_moves_with_the_configured_one() {
    let (mut pool, _) = Pool::new(virtual_server(vec![real_server(2, 10)], None));
    let at = clock::now();
    drop(pool.handle_event(&event(server_key(2), Change::Weight(7), at)));
    let (pool, _) = pool.reload(virtual_server(vec![real_server(2, 20)], None));
    assert_eq!(members(&pool), [(2, 17, false)]);
}

#[test]
fn the_quorum_is_what_the_new_servers_come_to() {
    let (mut pool, _) = Pool::new(virtual_server(vec![real_server(2, 1)], Some(9)));
    drop(handle(&mut pool, &server_key(2), false));
    assert_eq!(members(&pool), [(9, 1, true)]);
    // Nothing new: nothing to tell.
    let (pool, change) = pool.reload(virtual_server(vec![real_server(2, 1)], Some(9)));
    assert_eq!((texts(&change).len(), change.notices.len()), (0, 0));
    let servers = vec![real_server(2, 1), real_server(3, 1)];
    let (pool, change) = pool.reload(virtual_server(servers, Some(9)));
    assert!(matches!(
        change.notices.as_slice(),
        [Notice::Quorum { up: true, .. }]
    ));
    assert_eq!(members(&pool), [(3, 1, false)]);
}

#[test]
fn the_last_server_that_goes_takes_the_quorum_with_it() {
    let servers = vec![real_server(2, 1), real_server(3, 1)];
    let (mut pool, _) = Pool::new(virtual_server(servers, None));
    drop(handle(&mut pool, &server_key(2), false));
    let (_, change) = pool.reload(virtual_server(vec![real_server(2, 1)], None));
    assert_eq!(notices(&change), [(Some(3), false), (None, false)]);
}

#[test]
fn a_virtual_server_that_goes_tells_what_was_up_with_omega_and_without() {
    for omega in [false, true] {
        let mut service = virtual_server(vec![real_server(2, 1), real_server(3, 1)], None);
        service.rules.omega = omega;
        let (mut pool, _) = Pool::new(service);
        drop(handle(&mut pool, &server_key(2), false));
        let change = pool.remove();
        assert_eq!(notices(&change), [(Some(3), false), (None, false)]);
        assert!(matches!(
            &change.notices[..],
            [
                Notice::ShutDown { removed: true, .. },
                Notice::Quorum { sentence, .. }
            ] if sentence == "Removing"
        ));
        let line = "Removing service [10.0.0.3]:tcp:80 from VS [192.168.0.1]:tcp:80: it is \
                    configured no longer";
        assert_eq!(texts(&change), [line]);
    }
}
