//! Two masters, seen on the wire.

use super::*;
use crate::vrrp::instance::Rival;

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

/// Lets intervals pass in which a host answers for `taken` whenever it is asked; how many it takes
/// until it is noticed.
fn intervals_until_seen(bench: &mut Bench, interval: Duration, taken: Ipv4Addr) -> Option<u32> {
    for passed in 1..=10 {
        bench.pass(interval);
        for seen in bench.journal.take() {
            // RFC 5227 2.1.1: the sender is nobody; what is announced comes from the address.
            if let Seen::Frame { index, frame } = seen
                && frame.len() == arp::FRAME_LEN
                && frame[28..32] == [0; 4]
                && frame[38..42] == taken.octets()
            {
                bench
                    .router
                    .handle_frame(index, &reply(MAC, taken), bench.now);
            }
        }
        if bench.status().split_brain.is_some() {
            return Some(passed);
        }
    }
    None
}

/// With so many addresses from 10.0.0.100 on.
fn config_with(addresses: u8) -> VrrpInstance {
    let vip = |place| virtual_address(&format!("10.0.0.{}/32", 100 + place), "eth0");
    VrrpInstance {
        virtual_ipaddress: (0..addresses).map(vip).collect(),
        ..config()
    }
}

#[test]
fn a_host_that_has_one_of_many_addresses_is_seen_within_three_intervals() {
    let second = Duration::from_secs(1);
    for (addresses, taken) in [(1, 0), (4, 0), (4, 3), (16, 15), (30, 29)] {
        let mut bench = Bench::master(vec![config_with(addresses)]);
        let taken = Ipv4Addr::new(10, 0, 0, 100 + taken);
        let took = intervals_until_seen(&mut bench, second, taken);
        assert!(took.is_some_and(|took| took <= 3), "{addresses}: {took:?}");
    }
}

#[test]
fn addresses_of_the_other_family_cost_the_others_no_turn() {
    let six = |last: u8| virtual_address(&format!("fd00::{last}/64"), "eth0");
    let config = VrrpInstance {
        virtual_ipaddress_excluded: (1..=40).map(six).collect(),
        ..config()
    };
    let mut bench = Bench::master(vec![config]);
    let took = intervals_until_seen(&mut bench, Duration::from_secs(1), VIP);
    assert!(took.is_some_and(|took| took <= 3), "{took:?}");
}

#[test]
fn a_second_master_is_seen_within_three_intervals_of_a_tenth_of_a_second_as_well() {
    let interval = Duration::from_millis(100);
    let mut setup = Setup::from(vec![config()]);
    setup.instances[0].version = crate::vrrp::settings::Version::V3;
    setup.instances[0].advert_int = interval;
    setup.instances[0].settle();
    let mut bench = Bench::master(setup);
    let took = intervals_until_seen(&mut bench, interval, VIP);
    assert!(took.is_some_and(|took| took <= 3), "{took:?}");
}

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
