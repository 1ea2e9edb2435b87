//! Which addresses are set, kept, put back.

use super::*;
use crate::config::model::{AddressFlags, InitialState};

#[test]
fn an_address_is_set_as_it_is_configured() {
    let labelled = VirtualAddress {
        label: Some("eth1:1".into()),
        scope: 253,
        brd: Some(Broadcast::AllOnes),
        ..virtual_address("192.0.2.100/24", "eth1")
    };
    let zeros = VirtualAddress {
        brd: Some(Broadcast::AllZeros),
        ..virtual_address("10.1.2.3/16", "eth0")
    };
    let own = Broadcast::Address(Ipv4Addr::new(10, 9, 9, 9));
    let own = VirtualAddress {
        brd: Some(own),
        ..virtual_address("10.2.2.3/16", "eth0")
    };
    let config = VrrpInstance {
        virtual_ipaddress: vec![labelled, zeros],
        virtual_ipaddress_excluded: vec![own],
        ..config()
    };
    let mut bench = Bench::master(vec![config]);
    let set: Vec<_> = bench.kernel().addresses.iter().skip(2).cloned().collect();
    assert_eq!(
        set,
        [
            Address {
                label: Some("eth1:1".into()),
                scope: 253,
                broadcast: Some(Ipv4Addr::new(192, 0, 2, 255)),
                ..on(ETH1.index, "192.0.2.100/24")
            },
            Address {
                broadcast: Some(Ipv4Addr::new(10, 1, 0, 0)),
                ..on(ETH0.index, "10.1.2.3/16")
            },
            Address {
                broadcast: Some(Ipv4Addr::new(10, 9, 9, 9)),
                ..on(ETH0.index, "10.2.2.3/16")
            },
        ]
    );
}

#[test]
fn no_ipv6_address_waits_for_the_detection_of_duplicates() {
    use nix::libc::{IFA_F_NODAD, IFA_F_NOPREFIXROUTE};
    let without_route = VirtualAddress {
        options: AddressFlags {
            noprefixroute: true,
            ..AddressFlags::default()
        },
        ..virtual_address("fd00::101/64", "eth0")
    };
    let config = VrrpInstance {
        virtual_ipaddress_excluded: vec![virtual_address("fd00::100/64", "eth0"), without_route],
        ..config()
    };
    let mut setup = Setup::from(vec![config]);
    let lasting = "fd00::55/64".parse().unwrap();
    setup.static_ipaddress = vec![crate::vrrp::settings::VirtualAddress::new(lasting, "eth1")];
    let mut bench = Bench::master(setup);
    let address = on(ETH0.index, "fd00::100/64");
    bench
        .kernel()
        .addresses
        .retain(|it| it.address != address.address);
    bench.tell(Event::AddressRemoved(address));
    for (address, expected) in [
        ("10.0.0.100/32", 0),
        ("fd00::101/64", IFA_F_NODAD | IFA_F_NOPREFIXROUTE),
        ("fd00::55/64", IFA_F_NODAD),
        ("fd00::100/64", IFA_F_NODAD),
    ] {
        let address: IpNet = address.parse().unwrap();
        let mut set = bench.kernel().addresses.iter();
        let flags = set.find(|it| it.address == address).map(|it| it.flags);
        assert_eq!(flags, Some(expected), "{address}");
    }
}

#[test]
fn an_address_is_announced_where_it_is_and_from_the_mac_that_is_there() {
    let config = VrrpInstance {
        virtual_ipaddress: vec![virtual_address("192.0.2.100/32", "eth1")],
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    bench.pass(Duration::from_secs(4));
    let frame = arp::gratuitous(ETH1.mac, Ipv4Addr::new(192, 0, 2, 100)).to_vec();
    assert!(bench.journal.take().contains(&Seen::Frame {
        index: ETH1.index,
        frame
    }));
}

#[test]
fn an_address_that_somebody_else_has_set_is_not_removed() {
    let mut bench = Bench::started(vec![config()]);
    bench
        .kernel()
        .addresses
        .push(on(ETH0.index, "10.0.0.100/32"));
    bench.pass(Duration::from_secs(4));
    bench.router.stop(bench.now);
    assert!(
        bench
            .kernel()
            .addresses
            .contains(&on(ETH0.index, "10.0.0.100/32"))
    );
}

#[test]
fn what_an_earlier_run_left_is_removed_at_the_start() {
    let mut bench = Bench::new(vec![config()]);
    bench
        .kernel()
        .addresses
        .push(on(ETH0.index, "10.0.0.100/32"));
    bench.router.start(bench.now);
    assert!(
        bench
            .journal
            .take()
            .contains(&Seen::Removed(on(ETH0.index, "10.0.0.100/32")))
    );
    assert_eq!(
        bench.router.members[0].source(),
        Some(IpAddr::from([10, 0, 0, 1]))
    );
}

#[test]
fn an_owner_does_not_saw_off_the_branch_it_sits_on() {
    let config = VrrpInstance {
        priority: 255,
        state: InitialState::Master,
        virtual_ipaddress: vec![virtual_address("10.0.0.1/24", "eth0")],
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.states(), [State::Master]);
    bench.router.stop(bench.now);
    assert!(
        bench
            .kernel()
            .addresses
            .contains(&on(ETH0.index, "10.0.0.1/24"))
    );
}

#[test]
fn what_somebody_removes_from_a_master_is_put_back_and_announced() {
    let mut bench = Bench::master(vec![config()]);
    let address = on(ETH0.index, "10.0.0.100/32");
    bench.kernel().addresses.retain(|other| *other != address);
    bench.tell(Event::AddressRemoved(address.clone()));
    let frame = arp::gratuitous(ETH0.mac, VIP).to_vec();
    let seen = bench.journal.take();
    assert_eq!(
        seen,
        [
            Seen::Added(address),
            Seen::Frame {
                index: ETH0.index,
                frame
            }
        ]
    );
    assert_eq!(bench.status().stats.address_restored, 1);
}

#[test]
fn late_news_of_our_own_removal_changes_nothing() {
    let mut bench = Bench::master(vec![config()]);
    bench.tell(Event::AddressRemoved(on(ETH0.index, "10.0.0.100/32")));
    assert_eq!(bench.journal.take(), []);
    bench.router.stop(bench.now);
    assert!(
        !bench
            .kernel()
            .addresses
            .contains(&on(ETH0.index, "10.0.0.100/32"))
    );
}

#[test]
fn a_backup_puts_nothing_back() {
    let mut bench = Bench::started(vec![config()]);
    bench.journal.take();
    bench.tell(Event::AddressRemoved(on(ETH0.index, "10.0.0.100/32")));
    assert_eq!(bench.journal.take(), []);
}

#[test]
fn an_address_whose_interface_comes_later_is_set_then() {
    let config = VrrpInstance {
        virtual_ipaddress: vec![virtual_address("10.7.0.1/24", "eth7")],
        ..config()
    };
    let mut bench = Bench::master(vec![config]);
    assert!(!bench.status().virtual_ipaddress[0].set);
    bench.tell(Event::Link(Link {
        index: 7,
        name: "eth7".into(),
        ..ETH0.link()
    }));
    let frame = arp::gratuitous(ETH0.mac, Ipv4Addr::new(10, 7, 0, 1)).to_vec();
    let seen = bench.journal.take();
    assert_eq!(
        seen,
        [
            Seen::Added(on(7, "10.7.0.1/24")),
            Seen::Frame { index: 7, frame }
        ]
    );
    assert!(bench.status().virtual_ipaddress[0].set);
}
