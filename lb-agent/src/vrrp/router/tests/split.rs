//! Two masters, seen on the wire.

use super::*;
use crate::vrrp::instance::Rival;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn reply(mac: [u8; 6], address: Ipv4Addr) -> Vec<u8> {
    let mut frame = arp::gratuitous(mac, address).to_vec();
    frame[21] = 2;
    frame
}

#[test]
fn a_master_asks_for_its_own_addresses_and_hears_who_else_answers() {
    let mut bench = Bench::master(vec![config()]);
    bench.pass(Duration::from_secs(1));
    let probe = arp::request(ETH0.mac, Ipv4Addr::UNSPECIFIED, VIP).to_vec();
    let asked = Seen::Frame {
        index: ETH0.index,
        frame: probe,
    };
    assert!(bench.journal.take().contains(&asked));
    for _ in 0..2 {
        bench
            .router
            .handle_frame(ETH0.index, &reply(MAC, VIP), bench.now);
    }
    let rival = Rival::Answers {
        address: VIP.into(),
        mac: MAC,
    };
    assert_eq!(bench.status().split_brain, Some(rival));
    assert_eq!(bench.status().stats.split_brain, 1);
    let news = Seen::Told(News::SplitBrain {
        instance: 0,
        priority: 100,
        rival: Some(rival),
        mac: Some(MAC),
    });
    assert!(bench.journal.take().contains(&news));
    // Nobody answers any more.
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.status().split_brain, None);
}

#[test]
fn our_own_answers_and_those_for_other_addresses_are_no_rivals() {
    let mut bench = Bench::master(vec![config()]);
    for _ in 0..3 {
        for (mac, address) in [(ETH0.mac, VIP), (ETH1.mac, VIP), (MAC, PEER)] {
            bench
                .router
                .handle_frame(ETH0.index, &reply(mac, address), bench.now);
        }
        bench.router.handle_frame(99, &reply(MAC, VIP), bench.now);
    }
    assert_eq!(bench.status().split_brain, None);
    let mut backup = Bench::started(vec![config()]);
    for _ in 0..3 {
        backup
            .router
            .handle_frame(ETH0.index, &reply(MAC, VIP), backup.now);
    }
    assert_eq!(
        backup.status().split_brain,
        None,
        "a backup's master answers"
    );
}

#[test]
fn where_a_worse_master_is_gets_asked_once() {
    let mut bench = Bench::master(vec![config()]);
    let group = Ipv4Addr::new(224, 0, 0, 18);
    let advert = packets::advert(50, 51, 1, group);
    for _ in 0..3 {
        bench.router.handle_packet(ETH0.index, &advert, bench.now);
    }
    let question = Seen::Frame {
        index: ETH0.index,
        frame: arp::request(ETH0.mac, Ipv4Addr::new(10, 0, 0, 1), PEER).to_vec(),
    };
    let asked = bench
        .journal
        .take()
        .into_iter()
        .filter(|seen| *seen == question);
    assert_eq!(asked.count(), 1);
    let rival = Rival::Advertises(PEER.into());
    assert_eq!(bench.status().split_brain, Some(rival));
}
