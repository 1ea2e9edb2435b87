//! What holds after any inputs, in any order, at any time.

use super::*;

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
        1 => Just(Input::Shutdown),
    ]
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

proptest! {
    #[test]
    fn gate_addresses_and_states_always_agree(
        config in any_config(),
        inputs in proptest::collection::vec((any_input(), 0u64..6000), 1..60),
    ) {
        let mut bench = Bench::new(&config);
        let mut now = bench.start;
        let (mut armed, mut addresses) = (false, false);
        let mut state = State::Init;
        for (input, milliseconds) in inputs {
            now += Duration::from_millis(milliseconds);
            bench.machine.handle_timeout(now);
            bench.machine.handle(input, now);
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
                        prop_assert!(armed && addresses, "the gate closes last");
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
                    Action::SendAdvert { priority } => {
                        let base = config.priority;
                        prop_assert!(priority == base || (base == 255 && priority == 254));
                    }
                    Action::AnnounceSource
                    | Action::Log(_)
                    | Action::Probe { .. }
                    | Action::LowerPriority
                    | Action::Priority { .. }
                    | Action::SplitBrain(_) => {}
                }
            }
            prop_assert_eq!(state, bench.machine.state());
            prop_assert_eq!(armed, state == State::Master);
            prop_assert_eq!(addresses, state == State::Master);
            prop_assert_eq!(
                bench.machine.deadline.is_some(),
                matches!(state, State::Backup | State::Master)
            );
        }
    }

    /// A BACKUP that hears nothing is master after one master-down time.
    #[test]
    fn silence_makes_a_master(config in any_config(), heard in 0u64..30) {
        let mut bench = Bench::in_state(&config, State::Backup);
        let mut now = bench.start;
        for _ in 0..heard {
            now += seconds(0.9);
            bench.machine.handle(advert(HIGHER, 254), now);
            bench.machine.handle_timeout(now);
        }
        now += bench.machine.timers.master_down(config.priority);
        bench.machine.handle_timeout(now);
        prop_assert_eq!(bench.machine.state(), State::Master);
    }
}
