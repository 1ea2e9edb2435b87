//! What is tracked reaches those who track it.

use super::*;
use crate::vrrp::settings::Tracked;
use crate::vrrp::status::Reason;

fn setup(kind: Kind, name: &str, weight: i16) -> Setup {
    let second = VrrpInstance {
        name: "VI_2".into(),
        virtual_router_id: 52,
        virtual_ipaddress: vec![virtual_address("10.0.0.101/32", "eth0")],
        ..config()
    };
    let mut setup = Setup::from(vec![config(), second]);
    setup.instances[0].tracked = vec![Tracked {
        kind,
        name: name.into(),
        weight,
        reverse: false,
    }];
    setup
}

#[test]
fn a_script_moves_the_priority_of_who_tracks_it() {
    let mut bench = Bench::master(setup(Kind::Script, "check", -30));
    bench
        .router
        .track(Kind::Script, "check", Status::Down, bench.now);
    bench
        .router
        .track(Kind::File, "check", Status::Up, bench.now);
    bench
        .router
        .track(Kind::Script, "other", Status::Up, bench.now);
    let priority = |place: usize| {
        bench.router.boards()[place]
            .read(bench.now)
            .effective_priority
    };
    assert_eq!((priority(0), priority(1)), (70, 100));
    let news = Seen::Told(News::Priority {
        instance: 0,
        state: State::Master,
        priority: 70,
    });
    assert!(bench.journal.take().contains(&news));
    let tracked = &bench.status().tracked[0];
    assert_eq!((tracked.up, tracked.adjustment), (Some(false), -30));
}

#[test]
fn a_fault_is_shown_with_its_name() {
    let mut bench = Bench::started(setup(Kind::Process, "nginx", 0));
    assert_eq!(bench.states(), [State::Init, State::Backup]);
    bench
        .router
        .track(Kind::Process, "nginx", Status::Down, bench.now);
    assert_eq!(bench.states(), [State::Fault, State::Backup]);
    let reason = Reason::Tracked {
        kind: Kind::Process,
        name: "nginx".into(),
    };
    assert_eq!(bench.status().faults, [reason]);
    bench
        .router
        .track(Kind::Process, "nginx", Status::Up, bench.now);
    assert_eq!(bench.states(), [State::Backup, State::Backup]);
}

#[test]
fn an_interface_is_seen_without_being_reported() {
    let mut bench = Bench::master(setup(Kind::Interface, "eth1", 0));
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH1.link()
    }));
    assert_eq!(bench.states(), [State::Fault, State::Master]);
    bench.tell(Event::Link(ETH1.link()));
    assert_eq!(bench.states(), [State::Backup, State::Master]);
    bench.tell(Event::LinkGone {
        index: ETH1.index,
        name: "eth1".into(),
    });
    assert_eq!(bench.states(), [State::Fault, State::Master]);
}

#[test]
fn a_tracked_interface_that_does_not_exist_is_down() {
    let bench = Bench::started(setup(Kind::Interface, "eth9", 0));
    assert_eq!(bench.states(), [State::Fault, State::Backup]);
}
