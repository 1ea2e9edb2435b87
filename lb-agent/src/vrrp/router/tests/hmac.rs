//! `auth_hmac` between two routers: signed by one, accepted by the other, once.

use super::*;
use crate::config::model::{AuthHmac, HmacKey, HmacMode, Secret};
use crate::vrrp::settings::VirtualAddress;

fn setup(priority: u8, mode: HmacMode, vip: &str) -> Setup {
    let mut setup = Setup::from(vec![VrrpInstance {
        priority,
        ..config()
    }]);
    let router = &mut setup.instances[0];
    router.auth_hmac = Some(AuthHmac {
        key: vec![(1, HmacKey::Bytes(Secret::new([7; 32])))],
        active_key: 1,
        mode,
        ..AuthHmac::default()
    });
    router.virtual_ipaddress = vec![VirtualAddress::new(vip.parse().unwrap(), "eth0")];
    router.settle();
    setup
}

fn started(setup: Setup, last: u8) -> Bench {
    let mut bench = Bench::new(setup);
    bench.kernel().addresses = vec![
        on(ETH0.index, &format!("10.0.0.{last}/24")),
        on(ETH0.index, &format!("fe80::{last}/64")),
    ];
    bench.router.start(bench.now);
    bench
}

fn adverts(bench: &Bench) -> Vec<Vec<u8>> {
    let seen = bench.journal.take().into_iter();
    seen.filter_map(|seen| match seen {
        Seen::Advert { packet, .. } => Some(packet),
        _ => None,
    })
    .collect()
}

/// What a master of priority 200 sends in some seconds.
fn signed_by(mode: HmacMode, vip: &str) -> Vec<Vec<u8>> {
    let mut sender = started(setup(200, mode, vip), 2);
    sender.pass(Duration::from_secs(6));
    adverts(&sender)
}

#[test]
fn what_one_signs_the_other_accepts_and_only_once_in_either_family() {
    for vip in ["10.0.0.100/32", "fd00::100/64"] {
        let sent = signed_by(HmacMode::Enforce, vip);
        let mut receiver = started(setup(100, HmacMode::Enforce, vip), 1);
        for packet in &sent {
            receiver
                .router
                .handle_packet(ETH0.index, packet, receiver.now);
        }
        let count = u64::try_from(sent.len()).unwrap();
        assert!(count >= 3, "{vip}");
        assert_eq!(receiver.status().stats.advert_rcvd, count, "{vip}");
        let again = &sent[0];
        receiver
            .router
            .handle_packet(ETH0.index, again, receiver.now);
        assert_eq!(receiver.status().stats.advert_rcvd, count, "{vip}");
        assert_eq!(receiver.status().stats.auth_failure, 1, "{vip}");
    }
}

#[test]
fn receive_only_sends_no_trailer_and_a_permissive_one_takes_that() {
    let vip = "10.0.0.100/32";
    let sent = signed_by(HmacMode::ReceiveOnly, vip);
    assert_eq!(sent[0].len(), 40);
    let mut permissive = started(setup(100, HmacMode::Permissive, vip), 1);
    permissive
        .router
        .handle_packet(ETH0.index, &sent[0], permissive.now);
    assert_eq!(permissive.status().stats.hmac_missing, 1);
    let mut strict = started(setup(100, HmacMode::Enforce, vip), 1);
    strict
        .router
        .handle_packet(ETH0.index, &sent[0], strict.now);
    assert_eq!(strict.status().stats.advert_rcvd, 0);
}

#[test]
fn all_peers_get_the_same_number() {
    let mut setup = setup(200, HmacMode::Enforce, "10.0.0.100/32");
    let peer = |last: u8| crate::vrrp::settings::Peer {
        address: IpAddr::from([10, 0, 0, last]),
        min_ttl: 0,
        max_ttl: 255,
    };
    setup.instances[0].unicast_peer = vec![peer(3), peer(4)];
    let mut sender = started(setup, 2);
    sender.pass(Duration::from_secs(5));
    let sent = adverts(&sender);
    assert_eq!(sent[0][20..], sent[1][20..]);
    assert_ne!(sent[0][20..], sent[2][20..]);
}
