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
