//! Packets out and in.

use super::*;
use crate::wire::ipv4;
use crate::wire::vrrp::{AUTH_NONE, Repr, VersionRepr};

/// A whole advert of `PEER`'s for `config`'s virtual router.
pub(super) fn advert(priority: u8, vrid: u8, adver_int: u8, destination: Ipv4Addr) -> Vec<u8> {
    let header = ipv4::Repr {
        identification: 1,
        ttl: 255,
        protocol: PROTOCOL,
        source: PEER,
        destination,
        payload_len: 20,
    };
    let mut packet = header.to_bytes().to_vec();
    Repr {
        vrid,
        priority,
        addresses: &[VIP.into()],
        version: VersionRepr::V2 {
            auth_type: AUTH_NONE,
            adver_int,
            auth_data: [0; 8],
        },
    }
    .emit(&mut packet);
    packet
}

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 18);

#[test]
fn the_whole_packet_is_keepaliveds_byte_for_byte() {
    let config = VrrpInstance {
        virtual_router_id: 66,
        authentication: Some(Authentication::Pass(*b"12345678")),
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    bench.journal.take();
    bench.pass(Duration::from_secs(4));
    let golden = "45c0002800010000ff70d0910a000001e00000122142640101019e820a000064\
                  3132333435363738";
    let packet: Vec<u8> = (0..40)
        .map(|at| u8::from_str_radix(&golden[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let first = Seen::Advert {
        index: ETH0.index,
        destination: GROUP.into(),
        packet,
    };
    assert_eq!(bench.journal.take()[0], first);
}

#[test]
fn mcast_src_ip_is_the_source_of_every_advert_whatever_the_interface_has_first() {
    let source = IpAddr::from([10, 0, 0, 7]);
    let config = VrrpInstance {
        mcast_src_ip: Some(source),
        ..config()
    };
    let mut bench = Bench::new(vec![config]);
    bench.kernel().addresses.push(on(ETH0.index, "10.0.0.7/24"));
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(6));
    assert_eq!(bench.status().source, Some(source));
    let sent = bench
        .journal
        .take()
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::Advert { packet, .. } => Some([packet[12], packet[13], packet[14], packet[15]]),
            _ => None,
        });
    let sent: Vec<IpAddr> = sent.map(IpAddr::from).collect();
    assert_eq!(sent, [source; 3]);
}

#[test]
fn unicast_goes_to_every_peer_as_a_packet_of_its_own() {
    let peers = vec![PEER.into(), IpAddr::from([10, 0, 0, 3])];
    let config = VrrpInstance {
        unicast_peer: peers.clone(),
        unicast_ttl: 64,
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    let opened = Seen::Opened {
        index: ETH0.index,
        groups: vec![],
        buffer: None,
    };
    assert!(
        bench.journal.take().contains(&opened),
        "no group is joined for unicast"
    );
    bench.pass(Duration::from_secs(5));
    let sent: Vec<_> = bench
        .journal
        .take()
        .into_iter()
        .filter_map(|seen| match seen {
            Seen::Advert {
                destination,
                packet,
                ..
            } => {
                // Identification and TTL.
                Some((destination, packet[5], packet[8]))
            }
            _ => None,
        })
        .collect();
    let expected = [
        (peers[0], 1, 64),
        (peers[1], 2, 64),
        (peers[0], 3, 64),
        (peers[1], 4, 64),
    ];
    assert_eq!(sent, expected);
    assert_eq!(bench.status().stats.advert_sent, 4);
}

#[test]
fn an_advert_for_us_counts_and_one_for_others_does_not() {
    let mut bench = Bench::started(vec![config()]);
    bench.pass(Duration::from_secs(3));
    bench
        .router
        .handle_packet(ETH0.index, &advert(200, 51, 1, GROUP), bench.now);
    bench
        .router
        .handle_packet(ETH0.index, &advert(200, 52, 1, GROUP), bench.now);
    bench
        .router
        .handle_packet(ETH1.index, &advert(200, 51, 1, GROUP), bench.now);
    let status = bench.status();
    assert_eq!(status.stats.advert_rcvd, 1);
    assert_eq!(
        (status.master, status.master_priority),
        (Some(PEER.into()), Some(200))
    );
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn an_unacceptable_advert_is_counted_by_its_reason_and_does_not_stop_the_clock() {
    let mut bench = Bench::started(vec![config()]);
    bench.pass(Duration::from_secs(3));
    let mut far = advert(200, 51, 1, GROUP);
    far[8] = 64;
    for packet in [
        far,
        advert(200, 51, 2, GROUP),
        advert(200, 51, 1, Ipv4Addr::new(10, 0, 0, 1)),
    ] {
        bench.router.handle_packet(ETH0.index, &packet, bench.now);
    }
    let stats = bench.status().stats;
    assert_eq!(
        (stats.ip_ttl_err, stats.advert_interval_err, stats.cast_err),
        (1, 1, 1)
    );
    assert_eq!(stats.advert_rcvd, 0);
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.states(), [State::Master]);
}

#[test]
fn another_list_of_addresses_is_counted_and_accepted() {
    let config = VrrpInstance {
        virtual_ipaddress: vec![],
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    bench
        .router
        .handle_packet(ETH0.index, &advert(200, 51, 1, GROUP), bench.now);
    let stats = bench.status().stats;
    assert_eq!((stats.addr_list_err, stats.advert_rcvd), (1, 1));
}

#[test]
fn one_id_on_one_interface_may_be_two_virtual_routers() {
    let multicast = config();
    let unicast = VrrpInstance {
        unicast_peer: vec![PEER.into()],
        ..config()
    };
    let other_peer = VrrpInstance {
        unicast_peer: vec![Ipv4Addr::new(10, 0, 0, 9).into()],
        ..config()
    };
    let mut bench = Bench::started(vec![other_peer, multicast, unicast]);
    let unicast = advert(200, 51, 1, Ipv4Addr::new(10, 0, 0, 1));
    bench
        .router
        .handle_packet(ETH0.index, &advert(200, 51, 1, GROUP), bench.now);
    bench.router.handle_packet(ETH0.index, &unicast, bench.now);
    bench.router.handle_packet(ETH0.index, &unicast, bench.now);
    let received: Vec<_> = bench
        .router
        .boards()
        .iter()
        .map(|board| board.read(bench.now).stats.advert_rcvd)
        .collect();
    assert_eq!(received, [0, 1, 2]);
}

#[test]
fn a_master_that_hears_a_better_one_lets_go() {
    let mut bench = Bench::master(vec![config()]);
    bench
        .router
        .handle_packet(ETH0.index, &advert(200, 51, 1, GROUP), bench.now);
    assert_eq!(
        bench.journal.take(),
        [
            Seen::Removed(on(ETH0.index, "10.0.0.100/32")),
            Seen::Disarmed(0),
            Seen::Changed(Change {
                instance: 0,
                from: State::Master,
                to: State::Backup,
                priority: 100,
            }),
        ]
    );
    assert_eq!(bench.status().stats.release_master, 1);
}
