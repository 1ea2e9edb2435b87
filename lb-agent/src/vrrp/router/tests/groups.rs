//! Sync groups.

use super::*;

/// Two instances on two interfaces, in one group.
fn setup() -> Setup {
    let second = VrrpInstance {
        name: "VI_2".into(),
        interface: "eth1".into(),
        virtual_ipaddress: vec![virtual_address("192.0.2.100/32", "eth1")],
        ..config()
    };
    let mut setup = Setup::from(vec![config(), second]);
    setup.groups = vec![SyncGroup {
        name: "G1".into(),
        members: vec![0, 1],
    }];
    setup
}

/// An advert for the second instance.
fn advert(priority: u8) -> Vec<u8> {
    let mut packet = packets::advert(priority, 51, 1, Ipv4Addr::new(224, 0, 0, 18));
    packet[12..16].copy_from_slice(&[192, 0, 2, 2]);
    packet
}

fn group_news(bench: &Bench) -> Vec<State> {
    let news = bench.journal.take().into_iter();
    news.filter_map(|seen| match seen {
        Seen::Told(News::Group { group: 0, to }) => Some(to),
        _ => None,
    })
    .collect()
}

#[test]
fn all_become_master_when_the_last_one_can() {
    let mut bench = Bench::started(setup());
    bench.pass(Duration::from_secs(2));
    // The second hears a better master: the first has to wait for it.
    bench
        .router
        .handle_packet(ETH1.index, &advert(200), bench.now);
    bench.pass(Duration::from_millis(2500));
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master, State::Master]);
    assert_eq!(group_news(&bench), [State::Backup, State::Master]);
}

/// What is told, in its order: of the group or of a member.
fn told(bench: &Bench) -> Vec<(&'static str, State)> {
    let news = bench.journal.take().into_iter();
    news.filter_map(|seen| match seen {
        Seen::Told(News::Group { to, .. }) => Some(("GROUP", to)),
        Seen::Changed(change) => Some(("INSTANCE", change.to)),
        _ => None,
    })
    .collect()
}

/// As keepalived 2.2.7 writes into its FIFO.
#[test]
fn a_group_is_told_before_its_members_at_the_start_and_after_them_from_then_on() {
    use State::{Backup, Fault, Init, Master};
    let mut bench = Bench::started(setup());
    let (group, instance) = (|to| ("GROUP", to), |to| ("INSTANCE", to));
    assert_eq!(
        told(&bench),
        [group(Backup), instance(Backup), instance(Backup)]
    );
    bench.pass(Duration::from_secs(4));
    assert_eq!(
        told(&bench),
        [instance(Master), instance(Master), group(Master)]
    );
    bench.router.stop(bench.now);
    assert_eq!(told(&bench), [instance(Init), instance(Init), group(Init)]);

    let mut bench = Bench::new(setup());
    bench.kernel().links.retain(|link| link.name != "eth1");
    bench.router.start(bench.now);
    let first = told(&bench);
    assert_eq!(first.first(), Some(&group(Fault)), "{first:?}");
    assert_eq!(bench.states(), [Fault, Fault]);
    let again = first.iter().filter(|it| **it == group(Fault));
    assert_eq!(again.count(), 1, "{first:?}");
}

#[test]
fn one_that_yields_takes_the_others_with_it() {
    let mut bench = Bench::master(setup());
    bench
        .router
        .handle_packet(ETH1.index, &advert(200), bench.now);
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
    let seen = bench.journal.take();
    let released = |seen: &Seen| matches!(seen, Seen::Advert { packet, .. } if packet[22] == 0);
    assert!(!seen.iter().any(released), "nobody is hurried");
    assert!(seen.contains(&Seen::Disarmed(0)) && seen.contains(&Seen::Disarmed(1)));
}

#[test]
fn a_fault_of_one_is_the_fault_of_all_and_each_says_so_on_the_wire() {
    let mut bench = Bench::master(setup());
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH1.link()
    }));
    assert_eq!(bench.states(), [State::Fault, State::Fault]);
    let releases = bench
        .journal
        .take()
        .into_iter()
        .filter(|seen| matches!(seen, Seen::Advert { packet, .. } if packet[22] == 0));
    assert_eq!(releases.count(), 2);
    let faults: Vec<_> = bench.router.boards()[0].read(bench.now).faults;
    assert_eq!(faults, [crate::vrrp::status::Reason::Group]);
    bench.tell(Event::Link(ETH1.link()));
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master, State::Master]);
}

#[test]
fn a_worse_master_heard_by_one_is_answered_by_the_announcements_of_all() {
    let mut bench = Bench::master(setup());
    bench
        .router
        .handle_packet(ETH1.index, &advert(50), bench.now);
    let announced = arp::gratuitous(ETH0.mac, VIP).to_vec();
    assert!(bench.journal.take().contains(&Seen::Frame {
        index: ETH0.index,
        frame: announced
    }));
    assert_eq!(bench.states(), [State::Master, State::Master]);
}

#[test]
fn a_group_stops_as_one() {
    let mut bench = Bench::master(setup());
    bench.router.stop(bench.now);
    assert_eq!(bench.states(), [State::Init, State::Init]);
    assert_eq!(group_news(&bench), [State::Init]);
}
