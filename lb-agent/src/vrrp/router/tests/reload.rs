//! Other settings while instances run.

use std::collections::BTreeSet;

use super::*;
use crate::vrrp::settings::{Tracked, VirtualRouter};

impl Bench {
    /// From `old` to `new`, as the driver does it.
    pub(super) fn reload(&mut self, old: impl Into<Setup>, new: impl Into<Setup>) {
        let old: Vec<VirtualRouter> = old.into().complete();
        let boards = self.router.boards();
        let gate = Box::new(self.journal.clone());
        let none = BTreeSet::new();
        let reload = Reload::new(&old, &boards, new.into(), &none, gate, self.now);
        self.router.reload(reload, self.now);
    }
}

fn second() -> VrrpInstance {
    VrrpInstance {
        name: "VI_2".into(),
        interface: "eth1".into(),
        virtual_ipaddress: vec![virtual_address("192.0.2.100/32", "eth1")],
        ..config()
    }
}

fn priorities(seen: &[Seen]) -> Vec<u8> {
    let adverts = seen.iter().filter_map(|it| match it {
        Seen::Advert { packet, .. } => Some(packet[22]),
        _ => None,
    });
    adverts.collect()
}

#[test]
fn a_reload_of_the_same_does_nothing() {
    let mut bench = Bench::master(vec![config(), second()]);
    let before = bench.status();
    bench.reload(vec![config(), second()], vec![config(), second()]);
    assert_eq!(
        bench.journal.take(),
        [Seen::Told(News::Reloaded), Seen::Armed(0), Seen::Armed(1)]
    );
    assert_eq!(bench.status(), before);
}

#[test]
fn a_changed_priority_keeps_the_master_and_stands_in_the_next_advert() {
    let mut bench = Bench::master(vec![config()]);
    let due = bench.router.poll_timeout();
    let lower = VrrpInstance {
        priority: 70,
        ..config()
    };
    bench.reload(vec![config()], vec![lower]);
    assert_eq!(bench.states(), [State::Master]);
    assert_eq!(bench.router.poll_timeout(), due, "adverts keep their beat");
    bench.pass(Duration::from_secs(1));
    let seen = bench.journal.take();
    assert_eq!(priorities(&seen), [70]);
    let told = News::Priority {
        instance: 0,
        state: State::Master,
        priority: 70,
    };
    assert!(seen.contains(&Seen::Told(told)), "{seen:?}");
    let status = bench.status();
    assert_eq!((status.priority, status.effective_priority), (70, 70));
    assert_eq!(status.stats.become_master, 1, "counters go on");
}

#[test]
fn only_the_addresses_that_differ_are_touched_and_the_new_ones_are_announced() {
    let before = VrrpInstance {
        virtual_ipaddress: vec![
            virtual_address("10.0.0.100/32", "eth0"),
            virtual_address("10.0.0.101/32", "eth0"),
        ],
        ..config()
    };
    let after = VrrpInstance {
        virtual_ipaddress: vec![
            virtual_address("10.0.0.102/32", "eth0"),
            virtual_address("10.0.0.100/32", "eth0"),
        ],
        ..config()
    };
    let mut bench = Bench::master(vec![before.clone()]);
    bench.reload(vec![before], vec![after]);
    let seen = bench.journal.take();
    let touched: Vec<&Seen> = seen
        .iter()
        .filter(|it| matches!(it, Seen::Added(_) | Seen::Removed(_)))
        .collect();
    assert_eq!(
        touched,
        [
            &Seen::Removed(on(ETH0.index, "10.0.0.101/32")),
            &Seen::Added(on(ETH0.index, "10.0.0.102/32")),
        ]
    );
    let announced = Seen::Frame {
        index: ETH0.index,
        frame: arp::gratuitous(ETH0.mac, Ipv4Addr::new(10, 0, 0, 102)).to_vec(),
    };
    assert!(seen.contains(&announced), "{seen:?}");
    assert!(!seen.contains(&Seen::Disarmed(0)) && priorities(&seen).is_empty());
    bench.router.stop(bench.now);
    let left: Vec<_> = bench.kernel().addresses.clone();
    assert_eq!(left.len(), 2, "only the interfaces' own: {left:?}");
}

#[test]
fn a_backup_sets_no_address_because_of_a_reload() {
    let mut bench = Bench::started(vec![config()]);
    bench.journal.take();
    let more = VrrpInstance {
        virtual_ipaddress: vec![
            virtual_address("10.0.0.100/32", "eth0"),
            virtual_address("10.0.0.102/32", "eth0"),
        ],
        ..config()
    };
    bench.reload(vec![config()], vec![more]);
    assert_eq!(bench.journal.take(), [Seen::Told(News::Reloaded)]);
    bench.pass(Duration::from_secs(4));
    assert!(
        bench
            .journal
            .take()
            .contains(&Seen::Added(on(ETH0.index, "10.0.0.102/32")))
    );
}

#[test]
fn instances_keep_their_state_when_their_places_change() {
    let mut bench = Bench::master(vec![config(), second()]);
    bench.reload(vec![config(), second()], vec![second(), config()]);
    assert_eq!(bench.states(), [State::Master, State::Master]);
    bench.journal.take();
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH1.link()
    }));
    assert_eq!(bench.states(), [State::Fault, State::Master]);
    let seen = bench.journal.take();
    assert!(seen.contains(&Seen::Disarmed(0)) && !seen.contains(&Seen::Disarmed(1)));
}

#[test]
fn who_is_removed_releases_its_duty_before_places_change_and_who_is_new_starts() {
    let mut bench = Bench::master(vec![config()]);
    bench.reload(vec![config()], vec![second()]);
    let seen = bench.journal.take();
    assert_eq!(priorities(&seen), [0]);
    let place = |wanted: &Seen| seen.iter().position(|it| it == wanted);
    let gone = Seen::Changed(Change {
        instance: 0,
        from: State::Master,
        to: State::Init,
        priority: 100,
    });
    let reloaded = place(&Seen::Told(News::Reloaded)).unwrap();
    assert!(place(&gone).unwrap() < reloaded);
    assert!(seen.contains(&Seen::Removed(on(ETH0.index, "10.0.0.100/32"))));
    assert!(seen.contains(&Seen::Closed(ETH0.index)), "{seen:?}");
    assert!(
        seen.iter()
            .any(|it| matches!(it, Seen::Opened { index: 3, .. }))
    );
    assert_eq!(bench.states(), [State::Backup]);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
}

#[test]
fn another_virtual_router_under_the_name_starts_anew() {
    let other = VrrpInstance {
        virtual_router_id: 77,
        ..config()
    };
    let mut bench = Bench::master(vec![config()]);
    bench.reload(vec![config()], vec![other]);
    assert_eq!(bench.states(), [State::Backup]);
    let seen = bench.journal.take();
    assert_eq!(priorities(&seen), [0], "the old one has released its duty");
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
    assert!(bench.journal.take().iter().any(
        |it| matches!(it, Seen::Advert { packet, .. } if packet[21] == 77 && packet[22] == 100)
    ));
}

#[test]
fn another_interval_is_told_at_once_and_kept_from_then_on() {
    let slower = VrrpInstance {
        advert_int: Duration::from_secs(3),
        ..config()
    };
    let mut bench = Bench::master(vec![config()]);
    bench.reload(vec![config()], vec![slower]);
    assert_eq!(priorities(&bench.journal.take()), [100]);
    bench.pass(Duration::from_secs(10));
    let adverts = priorities(&bench.journal.take());
    assert_eq!(adverts.len(), 3, "{adverts:?}");
}

#[test]
fn another_group_needs_a_socket_of_its_own_and_the_same_none() {
    let elsewhere = VrrpInstance {
        mcast_dst_ip: Ipv4Addr::new(224, 0, 0, 99).into(),
        ..config()
    };
    let mut bench = Bench::master(vec![config()]);
    bench.reload(vec![config()], vec![elsewhere.clone()]);
    let opened = Seen::Opened {
        index: ETH0.index,
        groups: vec![Ipv4Addr::new(224, 0, 0, 99).into()],
        buffer: None,
    };
    assert!(bench.journal.take().contains(&opened));
    bench.reload(vec![elsewhere.clone()], vec![elsewhere]);
    let seen = bench.journal.take();
    assert!(!seen.iter().any(|it| matches!(it, Seen::Opened { .. })));
}

#[test]
fn what_is_tracked_anew_counts_as_it_is() {
    let tracking = || {
        let mut setup = Setup::from(vec![config()]);
        setup.instances[0].tracked.push(Tracked {
            kind: Kind::Interface,
            name: "eth1".into(),
            weight: 0,
            reverse: false,
        });
        setup
    };
    let mut bench = Bench::master(vec![config()]);
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH1.link()
    }));
    assert_eq!(bench.states(), [State::Master]);
    bench.reload(vec![config()], tracking());
    assert_eq!(bench.states(), [State::Fault]);
    bench.reload(tracking(), vec![config()]);
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn a_script_that_another_instance_knows_is_known_to_the_new_one() {
    let tracking = |places: &[usize]| {
        let mut setup = Setup::from(vec![config(), second()]);
        for place in places {
            setup.instances[*place].tracked.push(Tracked {
                kind: Kind::Script,
                name: "check".into(),
                weight: -30,
                reverse: false,
            });
        }
        setup
    };
    let mut bench = Bench::master(tracking(&[0]));
    bench
        .router
        .track(Kind::Script, "check", Status::Down, bench.now);
    bench.reload(tracking(&[0]), tracking(&[0, 1]));
    let boards = bench.router.boards();
    let priorities: Vec<u8> = boards
        .iter()
        .map(|board| board.read(bench.now).effective_priority)
        .collect();
    assert_eq!(priorities, [70, 70]);
}

#[test]
fn who_leaves_a_group_in_fault_is_on_its_own() {
    let grouped = || {
        let mut setup = Setup::from(vec![config(), second()]);
        setup.groups.push(SyncGroup {
            name: "G".into(),
            members: vec![0, 1],
        });
        setup
    };
    let mut bench = Bench::started(grouped());
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH1.link()
    }));
    assert_eq!(bench.states(), [State::Fault, State::Fault]);
    bench.reload(grouped(), vec![config(), second()]);
    assert_eq!(bench.states(), [State::Backup, State::Fault]);
}
