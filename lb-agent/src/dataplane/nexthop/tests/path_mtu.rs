//! Paths that are narrower than their first link.

use super::*;

fn mtu(hops: &NextHops) -> u32 {
    match hops.resolved(server()) {
        Resolution::Via(hop) => hop.mtu,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_router_says_holds_for_ten_minutes() {
    let now = start();
    let mut hops = resolved(now);
    let tell = |hops: &mut NextHops, mtu| {
        hops.handle_path_mtu(server(), ip("192.0.2.1"), mtu, now);
    };
    tell(&mut hops, 1300);
    assert_eq!(mtu(&hops), 1300);
    assert_eq!(changes(&mut hops), [server()]);
    // A larger one is old news, or a lie; a smaller one may be another router's.
    tell(&mut hops, 1400);
    assert_eq!((mtu(&hops), changes(&mut hops)), (1300, vec![]));
    tell(&mut hops, 1200);
    assert_eq!((mtu(&hops), changes(&mut hops)), (1200, vec![server()]));
    assert!(
        hops.poll_timeout()
            .is_some_and(|due| due <= now + seconds(600))
    );
    hops.handle_timeout(now + seconds(599));
    assert_eq!(mtu(&hops), 1200);
    hops.handle_timeout(now + seconds(600));
    assert_eq!(mtu(&hops), 1500);
    assert_eq!(changes(&mut hops), [server()]);
}

#[test]
fn nobody_is_believed_who_says_too_little_or_speaks_of_what_we_do_not_send() {
    let now = start();
    let mut hops = resolved(now);
    hops.handle_path_mtu(server(), ip("192.0.2.77"), 1300, now);
    assert_eq!(mtu(&hops), 1500, "sent by somebody else");
    hops.handle_path_mtu(ip("192.0.2.10"), ip("192.0.2.1"), 1300, now);
    assert_eq!(mtu(&hops), 1500, "to somebody else");
    hops.handle_path_mtu(server(), ip("192.0.2.1"), 68, now);
    assert_eq!(mtu(&hops), 552);
    hops.forget(server());
    hops.watch(server());
    hops.handle_route(server(), Ok(on_link()), now);
    assert_eq!(mtu(&hops), 1500, "another server under the address");
}

#[test]
fn of_ipv6_nobody_is_believed_who_says_less_than_every_link_carries() {
    let now = start();
    let mut paths = Paths::default();
    paths.note(ip("fd00::9"), 1000, now);
    assert_eq!(paths.mtu(ip("fd00::9")), Some(1280));
}
