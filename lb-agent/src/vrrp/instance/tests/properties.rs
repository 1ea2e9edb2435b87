//! What holds after any inputs, in any order, at any time.

use super::*;
use crate::vrrp::settings::{Kind, Tracked};

fn any_source() -> impl Strategy<Value = IpAddr> {
    prop_oneof![Just(SELF), Just(LOWER), Just(HIGHER)]
}

fn any_input() -> impl Strategy<Value = Input> {
    let priority = prop_oneof![
        Just(0),
        Just(99),
        Just(100),
        Just(101),
        Just(255),
        any::<u8>()
    ];
    prop_oneof![
        1 => Just(Input::Start),
        8 => (any_source(), priority).prop_map(|(source, priority)| advert(source, priority)),
        8 => Just(Input::Timeout),
        2 => prop_oneof![
            4 => Just(Interface::Up), 1 => Just(Interface::Down), 1 => Just(Interface::Missing),
        ].prop_map(Input::Interface),
        2 => prop_oneof![4 => Just(Some(SELF)), 1 => Just(None)].prop_map(Input::Source),
        1 => prop_oneof![3 => Just(false), 1 => Just(true)].prop_map(Input::VmacNameTaken),
        4 => (0usize..4, any_status()).prop_map(|(place, status)| Input::Tracked { place, status }),
        4 => prop_oneof![
            3 => Just(Input::GroupMaster),
            1 => Just(Input::GroupBackup),
            1 => Just(Input::GroupAnnounce),
            2 => Just(Input::GroupFault(false)),
            1 => Just(Input::GroupFault(true)),
        ],
        2 => Just(Input::Attached),
        2 => any_rival().prop_map(Input::Rival),
        1 => Just(Input::Shutdown),
    ]
}

fn any_status() -> impl Strategy<Value = Status> {
    prop_oneof![
        4 => Just(Status::Up),
        2 => Just(Status::Down),
        1 => Just(Status::Unknown),
        1 => any::<i32>().prop_map(Status::Value),
    ]
}

fn any_rival() -> impl Strategy<Value = Rival> {
    let answers = Rival::Answers {
        address: Ipv4Addr::new(10, 0, 0, 100).into(),
        mac: [2, 0, 0, 0, 0, 9],
    };
    prop_oneof![any_source().prop_map(Rival::Advertises), Just(answers)]
}

fn any_config() -> impl Strategy<Value = VrrpInstance> {
    (
        prop_oneof![Just(InitialState::Master), Just(InitialState::Backup)],
        prop_oneof![Just(1u8), Just(100), Just(255), 1u8..],
        any::<[bool; 6]>(),
        0u64..20,
        1u8..100,
    )
        .prop_map(|(state, priority, switches, delay, down_timer_adverts)| {
            let [nopreempt, track, lower, higher, unicast, paced] = switches;
            let base = config();
            VrrpInstance {
                state,
                priority,
                nopreempt,
                preempt_delay: Duration::from_secs(delay),
                dont_track_primary: track,
                lower_prio_no_advert: lower,
                higher_prio_send_advert: higher,
                down_timer_adverts,
                unicast_peer: if unicast { vec![LOWER] } else { vec![] },
                garp: Garp {
                    interval: if paced { seconds(0.3) } else { Duration::ZERO },
                    ..Garp::default()
                },
                ..base
            }
        })
}

/// Up to three tracked things, perhaps in a group, perhaps with a data plane that is awaited.
fn any_router() -> impl Strategy<Value = VirtualRouter> {
    let weight = prop_oneof![Just(0), -254i16..=254];
    let tracked = proptest::collection::vec((weight, any::<bool>()), 0..4);
    (any_config(), tracked, any::<[bool; 2]>()).prop_map(|(config, tracked, [grouped, awaits])| {
        VirtualRouter {
            tracked: tracked
                .into_iter()
                .map(|(weight, reverse)| Tracked {
                    kind: Kind::Script,
                    name: "check".into(),
                    weight,
                    reverse,
                })
                .collect(),
            sync_group: grouped.then(|| "G1".into()),
            xdp_attach_master: awaits,
            ..VirtualRouter::from(&config)
        }
    })
}

proptest! {
    #[test]
    fn gate_addresses_and_states_always_agree(
        router in any_router(),
        inputs in proptest::collection::vec((any_input(), 0u64..6000), 1..60),
    ) {
        let mut bench = Bench::of(&router);
        let mut now = bench.start;
        let (mut armed, mut addresses) = (false, false);
        let mut state = State::Init;
        for (input, milliseconds) in inputs {
            now += Duration::from_millis(milliseconds);
            let before = bench.machine.effective_priority();
            bench.machine.handle_timeout(now);
            let between = bench.machine.effective_priority();
            bench.machine.handle(input, now);
            let priorities = [before, between, bench.machine.effective_priority()];
            for action in bench.actions() {
                match action {
                    Action::ArmGate => { prop_assert!(!armed); armed = true; }
                    Action::DisarmGate => {
                        prop_assert!(!addresses, "the gate closes last");
                        armed = false;
                    }
                    Action::AddAddresses => {
                        prop_assert!(armed && !addresses, "the gate opens first");
                        addresses = true;
                    }
                    Action::RemoveAddresses => {
                        // There are none yet while the data plane is awaited.
                        let there = addresses || router.xdp_attach_master;
                        prop_assert!(armed && there, "the gate closes last");
                        addresses = false;
                    }
                    Action::Announce { .. } => prop_assert!(addresses),
                    Action::SendAdvert { priority: 0 } => prop_assert!(armed),
                    Action::RemoveResidual => prop_assert!(!addresses),
                    Action::Changed { from, to } => {
                        prop_assert_eq!(from, state);
                        prop_assert_ne!(from, to);
                        state = to;
                    }
                    Action::SendAdvert { priority } => prop_assert!(priorities.contains(&priority)),
                    Action::Priority { from, to } => {
                        prop_assert_ne!(from, to);
                        prop_assert!((1..=254).contains(&to) && router.priority != 255);
                    }
                    Action::SplitBrain(rival) => {
                        prop_assert!(rival.is_none() || state == State::Master);
                    }
                    Action::AnnounceSource
                    | Action::Log(_)
                    | Action::Probe { .. }
                    | Action::LowerPriority => {}
                }
            }
            prop_assert_eq!(state, bench.machine.state());
            prop_assert_eq!(armed, state == State::Master);
            prop_assert_eq!(addresses, bench.machine.holds_addresses());
            prop_assert_eq!(
                bench.machine.deadline.is_some(),
                matches!(state, State::Backup | State::Master)
            );
        }
    }

    /// A BACKUP that hears nothing is master after one master-down time, or wants to be if its
    /// group has to agree.
    #[test]
    fn silence_makes_a_master(router in any_router(), heard in 0u64..30) {
        let mut bench = Bench::of(&router);
        for (place, tracked) in router.tracked.iter().enumerate() {
            let status = if tracked.reverse { Status::Down } else { Status::Up };
            bench.at(0.0, Input::Tracked { place, status });
        }
        bench.at(0.0, Input::Start);
        prop_assert_eq!(bench.machine.state(), State::Backup);
        let mut now = bench.start;
        for _ in 0..heard {
            now += seconds(0.9);
            bench.machine.handle(advert(HIGHER, 254), now);
            bench.machine.handle_timeout(now);
        }
        let priority = bench.machine.effective_priority();
        now += bench.machine.timers.master_down(priority);
        bench.machine.handle_timeout(now);
        if router.sync_group.is_some() {
            prop_assert!(bench.machine.wants_master());
            bench.machine.handle(Input::GroupMaster, now);
        }
        prop_assert_eq!(bench.machine.state(), State::Master);
    }
}
