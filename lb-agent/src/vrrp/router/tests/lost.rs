//! Addresses that somebody removes, and nobody tells, or the kernel does not take back at once.

use super::*;

/// The address of [`config`].
const STANDING: &str = "10.0.0.100/32";

fn is_set(bench: &mut Bench, address: &str) -> bool {
    let address: IpNet = address.parse().unwrap();
    let mut set = bench.kernel().addresses.iter();
    set.any(|it| it.address == address)
}

/// Somebody removes it, and nobody hears of it.
fn lose(bench: &mut Bench, address: &str) {
    let address: IpNet = address.parse().unwrap();
    bench.kernel().addresses.retain(|it| it.address != address);
}

#[test]
fn what_was_removed_while_notifications_were_lost_is_put_back_announced_and_counted() {
    let mut untracked = virtual_address("10.0.0.101/32", "eth0");
    untracked.options.no_track = true;
    let config = VrrpInstance {
        virtual_ipaddress_excluded: vec![untracked],
        ..config()
    };
    let mut bench = Bench::master(vec![config]);
    lose(&mut bench, STANDING);
    lose(&mut bench, "10.0.0.101/32");
    bench.tell(Event::Overrun);
    assert!(is_set(&mut bench, STANDING));
    assert!(!is_set(&mut bench, "10.0.0.101/32"), "nobody minds");
    assert_eq!(bench.status().stats.address_restored, 1);
    let announced = Seen::Frame {
        index: ETH0.index,
        frame: arp::gratuitous(ETH0.mac, VIP).to_vec(),
    };
    assert!(bench.journal.take().contains(&announced));
    // What stands is left alone.
    bench.tell(Event::Overrun);
    assert_eq!(bench.status().stats.address_restored, 1);
}

#[test]
fn what_cannot_be_put_back_at_once_is_within_a_second_of_when_it_can() {
    let mut bench = Bench::master(vec![config()]);
    bench.kernel().refuses = Some(STANDING);
    lose(&mut bench, STANDING);
    bench.tell(Event::AddressRemoved(on(ETH0.index, STANDING)));
    assert!(!bench.status().virtual_ipaddress[0].set);
    bench.pass(Duration::from_secs(5));
    assert!(!is_set(&mut bench, STANDING));
    assert_eq!(bench.status().stats.address_restored, 0);
    bench.journal.take();
    bench.kernel().refuses = None;
    bench.pass(Duration::from_secs(1));
    assert!(is_set(&mut bench, STANDING));
    assert!(bench.status().virtual_ipaddress[0].set);
    assert_eq!(bench.status().stats.address_restored, 1);
    let announced = Seen::Frame {
        index: ETH0.index,
        frame: arp::gratuitous(ETH0.mac, VIP).to_vec(),
    };
    assert!(bench.journal.take().contains(&announced));
    bench.router.stop(bench.now);
    assert!(!is_set(&mut bench, STANDING));
    assert_eq!(bench.router.poll_timeout(), None);
}

#[test]
fn what_nobody_minds_stays_away_when_another_address_is_put_back() {
    const STATIC: &str = "198.51.100.1/32";
    const UNTRACKED: [&str; 2] = ["10.0.0.101/32", "198.51.100.2/32"];
    let untracked = |address, dev| {
        let mut address = virtual_address(address, dev);
        address.options.no_track = true;
        address
    };
    let mut setup = Setup::from(vec![VrrpInstance {
        virtual_ipaddress_excluded: vec![untracked(UNTRACKED[0], "eth0")],
        ..config()
    }]);
    let of_nobody = |address: &str, no_track| {
        let address = address.parse().unwrap();
        let mut address = crate::vrrp::settings::VirtualAddress::new(address, "eth1");
        address.no_track = no_track;
        address
    };
    setup.static_ipaddress = vec![of_nobody(STATIC, false), of_nobody(UNTRACKED[1], true)];
    let mut bench = Bench::master(setup);
    let lose_and_tell = |bench: &mut Bench, (index, address)| {
        lose(bench, address);
        bench.tell(Event::AddressRemoved(on(index, address)));
    };
    for gone in [(ETH0.index, UNTRACKED[0]), (ETH1.index, UNTRACKED[1])] {
        lose_and_tell(&mut bench, gone);
    }
    for refused in [(ETH0.index, STANDING), (ETH1.index, STATIC)] {
        bench.kernel().refuses = Some(refused.1);
        lose_and_tell(&mut bench, refused);
        bench.pass(Duration::from_secs(2));
        bench.kernel().refuses = None;
        bench.pass(Duration::from_secs(1));
        assert!(is_set(&mut bench, refused.1));
        for gone in UNTRACKED {
            assert!(!is_set(&mut bench, gone), "{gone}");
        }
    }
    // Who is MASTER anew begins anew.
    let better = packets::advert(200, 51, 1, Ipv4Addr::new(224, 0, 0, 18));
    bench.router.handle_packet(ETH0.index, &better, bench.now);
    assert_eq!(bench.states(), [State::Backup]);
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.states(), [State::Master]);
    assert!(is_set(&mut bench, UNTRACKED[0]));
}

#[test]
fn what_somebody_sets_again_by_hand_goes_when_the_master_ends_and_is_not_counted() {
    let mut bench = Bench::master(vec![config()]);
    bench.kernel().refuses = Some(STANDING);
    lose(&mut bench, STANDING);
    bench.tell(Event::AddressRemoved(on(ETH0.index, STANDING)));
    bench.pass(Duration::from_secs(2));
    bench.kernel().addresses.push(on(ETH0.index, STANDING));
    bench.pass(Duration::from_secs(1));
    assert!(bench.status().virtual_ipaddress[0].set);
    assert_eq!(bench.status().stats.address_restored, 0);
    let better = packets::advert(200, 51, 1, Ipv4Addr::new(224, 0, 0, 18));
    bench.router.handle_packet(ETH0.index, &better, bench.now);
    assert_eq!(bench.states(), [State::Backup]);
    assert!(!is_set(&mut bench, STANDING), "two hosts would answer");
}

#[test]
fn an_address_that_a_new_master_could_not_set_is_set_when_it_can_be() {
    let mut bench = Bench::started(vec![config()]);
    bench.kernel().refuses = Some(STANDING);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
    assert!(!bench.status().virtual_ipaddress[0].set);
    bench.kernel().refuses = None;
    bench.pass(Duration::from_secs(1));
    assert!(bench.status().virtual_ipaddress[0].set);
    assert_eq!(
        bench.status().stats.address_restored,
        0,
        "nobody removed it"
    );
}

#[test]
fn a_backup_that_could_not_remove_an_address_does_not_put_it_back() {
    let mut bench = Bench::master(vec![config()]);
    bench.kernel().keeps_addresses = true;
    let better = packets::advert(200, 51, 1, Ipv4Addr::new(224, 0, 0, 18));
    bench.router.handle_packet(ETH0.index, &better, bench.now);
    assert_eq!(bench.states(), [State::Backup]);
    assert!(is_set(&mut bench, STANDING), "left behind");
    lose(&mut bench, STANDING);
    bench.tell(Event::AddressRemoved(on(ETH0.index, STANDING)));
    bench.tell(Event::Overrun);
    assert!(!is_set(&mut bench, STANDING));
}

#[test]
fn what_nobody_minds_is_set_again_when_its_interface_comes_up_again() {
    let mut untracked = virtual_address("192.0.2.101/32", "eth1");
    untracked.options.no_track = true;
    let mut bench = Bench::master(vec![VrrpInstance {
        virtual_ipaddress_excluded: vec![untracked],
        ..config()
    }]);
    lose(&mut bench, "192.0.2.101/32");
    let gone = on(ETH1.index, "192.0.2.101/32");
    bench.tell(Event::AddressRemoved(gone));
    for up in [false, true] {
        assert!(!is_set(&mut bench, "192.0.2.101/32"));
        bench.tell(Event::Link(Link { up, ..ETH1.link() }));
    }
    bench.pass(Duration::from_secs(5));
    assert!(is_set(&mut bench, "192.0.2.101/32"));
}

/// An instance with so many IPv6 addresses beside its own.
fn with_many(addresses: u8) -> VrrpInstance {
    let six = |last: u8| virtual_address(&format!("fd00::{last}/64"), "eth0");
    VrrpInstance {
        virtual_ipaddress_excluded: (1..=addresses).map(six).collect(),
        ..config()
    }
}

#[test]
fn of_many_addresses_that_are_refused_some_are_tried_at_a_time_and_all_are_set_when_they_can_be() {
    let mut bench = Bench::started(vec![with_many(40)]);
    bench.kernel().refuses_ipv6 = true;
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
    bench.kernel().asked = 0;
    // Ten times 0.7 s.
    bench.pass(Duration::from_secs(7));
    let asked = bench.kernel().asked;
    assert!((9 * 16..=11 * 16).contains(&asked), "{asked}");
    bench.kernel().refuses_ipv6 = false;
    bench.pass(Duration::from_secs(1));
    let set = bench.kernel().addresses.iter();
    let set = set.filter(|it| it.address.addr().is_ipv6()).count();
    assert_eq!(set, 40);
    assert!(
        bench
            .status()
            .virtual_ipaddress
            .iter()
            .all(|address| address.set)
    );
    bench.kernel().asked = 0;
    bench.pass(Duration::from_secs(7));
    assert_eq!(bench.kernel().asked, 0, "nothing is left to be tried");
}

#[test]
fn many_addresses_that_are_refused_do_not_keep_others_waiting() {
    let other = VrrpInstance {
        name: "VI_2".into(),
        virtual_router_id: 52,
        virtual_ipaddress: vec![virtual_address("10.0.0.101/32", "eth0")],
        ..config()
    };
    let mut bench = Bench::started(vec![with_many(40), other]);
    bench.kernel().refuses_ipv6 = true;
    bench.kernel().refuses = Some("10.0.0.101/32");
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.states(), [State::Master; 2]);
    assert!(!is_set(&mut bench, "10.0.0.101/32"));
    bench.kernel().refuses = None;
    bench.pass(Duration::from_secs(2));
    assert!(is_set(&mut bench, "10.0.0.101/32"));
}
