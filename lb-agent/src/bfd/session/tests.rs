#![expect(
    clippy::disallowed_methods,
    reason = "a moment to count from; nothing waits for it"
)]

use proptest::prelude::*;

use super::*;

mod table;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn settings() -> Settings {
    Settings {
        name: "b1".into(),
        neighbor: [10, 0, 0, 2].into(),
        source: None,
        min_rx: 50 * MS,
        min_tx: 20 * MS,
        idle_tx: SECOND,
        multiplier: 5,
        passive: false,
        ttl: 255,
        max_hops: Some(0),
        multihop: false,
    }
}

/// What a neighbour sends that wants 100 ms both ways, three times.
fn packet(state: State) -> Control {
    Control {
        diagnostic: Diagnostic::NONE,
        state,
        poll: false,
        is_final: false,
        authenticated: false,
        demand: false,
        detect_mult: 3,
        my_discriminator: 77,
        your_discriminator: 5,
        desired_min_tx: 100_000,
        required_min_rx: 100_000,
        required_min_echo_rx: 0,
    }
}

struct World {
    session: Session,
    now: Instant,
}

impl World {
    fn new(settings: Settings) -> Self {
        let now = Instant::now();
        let session = Session::new(settings, 5, 1, now);
        Self { session, now }
    }

    /// In this state, by the shortest way; what led there is drained.
    fn in_state(state: State) -> Self {
        let mut world = Self::new(settings());
        let way: &[Input] = match state {
            State::Down => &[],
            State::Init => &[Input::Packet(packet(State::Down))],
            State::Up => &[Input::Packet(packet(State::Init))],
            State::AdminDown => &[Input::Shutdown],
        };
        for input in way {
            world.handle(*input);
        }
        assert_eq!(world.session.state(), state);
        world
    }

    fn handle(&mut self, input: Input) -> Vec<Action> {
        self.session.handle(input, self.now);
        self.drain()
    }

    /// Goes to the next timeout, and gives what it does; `None`: there is none.
    fn next(&mut self) -> Option<(Duration, Vec<Action>)> {
        let at = self.session.poll_timeout()?;
        let waited = at.saturating_duration_since(self.now);
        self.now = self.now.max(at);
        self.session.handle_timeout(self.now);
        Some((waited, self.drain()))
    }

    fn drain(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.session.poll_action()).collect()
    }
}

fn sent(actions: &[Action]) -> Vec<Control> {
    let sent = actions.iter().filter_map(|action| match action {
        Action::Send(packet) => Some(*packet),
        Action::Log(_) | Action::Changed { .. } => None,
    });
    sent.collect()
}

fn log(text: &str) -> Action {
    let text = text.into();
    Action::Log(LogLine::Warn(text))
}

#[test]
fn while_down_it_asks_once_a_second_with_jitter() {
    let mut world = World::new(settings());
    let (waited, actions) = world.next().unwrap();
    assert_eq!(waited, Duration::ZERO);
    let [first] = sent(&actions)[..] else {
        panic!("one packet: {actions:?}")
    };
    assert_eq!(
        (
            first.state,
            first.my_discriminator,
            first.your_discriminator
        ),
        (State::Down, 5, 0)
    );
    assert_eq!(
        (
            first.desired_min_tx,
            first.required_min_rx,
            first.detect_mult
        ),
        (1_000_000, 50_000, 5)
    );
    let waits: Vec<Duration> = (0..50).map(|_| world.next().unwrap().0).collect();
    assert!(
        waits.iter().all(|it| (750 * MS..=SECOND).contains(it)),
        "{waits:?}"
    );
    assert!(waits.iter().max() > waits.iter().min(), "no jitter");
}

#[test]
fn a_multiplier_of_one_leaves_room_for_one_late_packet() {
    let mut world = World::new(Settings {
        multiplier: 1,
        ..settings()
    });
    world.next();
    for _ in 0..50 {
        let (waited, _) = world.next().unwrap();
        assert!((750 * MS..=900 * MS).contains(&waited), "{waited:?}");
    }
}

#[test]
fn a_passive_side_says_nothing_before_it_is_spoken_to() {
    let mut world = World::new(Settings {
        passive: true,
        ..settings()
    });
    assert_eq!(world.next(), None);
    let actions = world.handle(Input::Packet(Control {
        your_discriminator: 0,
        ..packet(State::Down)
    }));
    assert_eq!(sent(&actions)[0].state, State::Init);
    // And nothing after the neighbour has gone silent.
    while let Some((_, actions)) = world.next() {
        assert!(
            sent(&actions)
                .iter()
                .all(|packet| packet.your_discriminator == 77)
        );
    }
    assert_eq!(world.session.state(), State::Down);
}

#[test]
fn up_means_the_slower_side_s_interval_and_a_poll_until_it_is_confirmed() {
    let mut world = World::in_state(State::Up);
    assert_eq!(world.session.transmit_interval(), Some(100 * MS));
    assert_eq!(world.session.detection_time(), Some(300 * MS));
    let (waited, actions) = world.next().unwrap();
    assert!((75 * MS..=100 * MS).contains(&waited), "{waited:?}");
    assert!(sent(&actions)[0].poll);
    assert_eq!(sent(&actions)[0].desired_min_tx, 20_000);
    world.handle(Input::Packet(Control {
        is_final: true,
        ..packet(State::Up)
    }));
    let (_, actions) = world.next().unwrap();
    assert!(!sent(&actions)[0].poll);
}

#[test]
fn a_poll_is_answered_at_once_and_does_not_delay_the_next_packet() {
    let mut world = World::in_state(State::Up);
    let due = world.session.poll_timeout();
    let actions = world.handle(Input::Packet(Control {
        poll: true,
        ..packet(State::Up)
    }));
    let [answer] = sent(&actions)[..] else {
        panic!("one packet: {actions:?}")
    };
    assert!(answer.is_final && !answer.poll);
    assert_eq!(world.session.poll_timeout(), due);
}

#[test]
fn a_neighbour_that_wants_another_pace_gets_it_at_once() {
    let mut world = World::in_state(State::Up);
    world.handle(Input::Packet(Control {
        required_min_rx: 10_000,
        ..packet(State::Up)
    }));
    assert_eq!(world.session.transmit_interval(), Some(20 * MS));
    assert!(world.next().unwrap().0 <= 20 * MS);
    // 0: it wants nothing; only the silence is waited for.
    world.handle(Input::Packet(Control {
        required_min_rx: 0,
        ..packet(State::Up)
    }));
    assert_eq!(world.session.transmit_interval(), None);
    assert_eq!(
        world.session.poll_timeout(),
        Some(world.now + world.session.detection_time().unwrap())
    );
    // After that it is asked again.
    world.next();
    assert_eq!(world.session.state(), State::Down);
    assert!(world.next().is_some());
}

#[test]
fn demand_mode_of_the_neighbour_silences_us_once_the_poll_is_confirmed() {
    let mut world = World::in_state(State::Up);
    let demand = Control {
        demand: true,
        ..packet(State::Up)
    };
    world.handle(Input::Packet(demand));
    assert!(sent(&world.next().unwrap().1)[0].poll);
    world.handle(Input::Packet(Control {
        is_final: true,
        ..demand
    }));
    let (_, actions) = world.next().unwrap();
    assert!(
        actions.contains(&Action::Changed { up: false }),
        "only silence was left to wait for: {actions:?}"
    );
}

#[test]
fn silence_for_the_detection_time_takes_the_session_down() {
    let mut world = World::in_state(State::Up);
    let start = world.now;
    let last = loop {
        let (_, actions) = world.next().unwrap();
        if world.session.state() == State::Down {
            break actions;
        }
    };
    assert_eq!(world.now - start, 300 * MS);
    assert_eq!(
        last[..2],
        [
            log("(b1) Expired after 300 ms (0 usec overdue)"),
            log(
                "(b1) Entering Down state (Local diagnostic - Control Detection Time Expired, \
                 Remote diagnostic - No Diagnostic)"
            ),
        ]
    );
    assert!(last.contains(&Action::Changed { up: false }));
    let packet = sent(&last)[0];
    assert_eq!(
        (packet.state, packet.diagnostic, packet.your_discriminator),
        (State::Down, Diagnostic::EXPIRED, 0)
    );
}

#[test]
fn a_neighbour_held_down_by_its_operator_is_no_failure() {
    let mut world = World::in_state(State::Up);
    let actions = world.handle(Input::Packet(packet(State::AdminDown)));
    assert_eq!(world.session.state(), State::Down);
    assert!(
        !actions.contains(&Action::Changed { up: false }),
        "{actions:?}"
    );
    // It comes back: nothing has changed for anybody.
    world.handle(Input::Packet(packet(State::Down)));
    let actions = world.handle(Input::Packet(packet(State::Up)));
    assert_eq!(world.session.state(), State::Up);
    assert!(
        !actions.contains(&Action::Changed { up: true }),
        "{actions:?}"
    );
}

/// Two of our own, on a link without delay.
#[test]
fn two_sessions_come_up_and_stay_up() {
    let start = Instant::now();
    let mut sides = [5, 6].map(|number| Session::new(settings(), number, number.into(), start));
    let mut now = start;
    while now < start + 10 * SECOND {
        for place in [0, 1] {
            sides[place].handle_timeout(now);
            while let Some(action) = sides[place].poll_action() {
                if let Action::Send(packet) = action {
                    let packet = Control::parse(&packet.to_bytes()).unwrap();
                    sides[1 - place].handle(Input::Packet(packet), now);
                }
            }
        }
        let due = sides.iter().filter_map(Session::poll_timeout).min();
        now = due.unwrap().max(now + Duration::from_micros(1));
        if now > start + 2 * SECOND {
            assert!(sides.iter().all(|side| side.state() == State::Up));
            assert!(sides.iter().all(|side| !side.polling));
        }
    }
}

proptest! {
    /// Whatever a neighbour sends: no panic, no endless loop, and silence ends every session.
    #[test]
    fn no_neighbour_breaks_it(
        packets in prop::collection::vec(
            (0_u8..4, any::<[bool; 3]>(), any::<u8>(), any::<[u32; 3]>(), 0_u64..400),
            0..60,
        ),
        passive: bool,
    ) {
        let mut world = World::new(Settings { passive, ..settings() });
        for (state, [poll, is_final, demand], mult, [tx, rx, discriminator], wait) in packets {
            let state = [State::AdminDown, State::Down, State::Init, State::Up][usize::from(state)];
            world.handle(Input::Packet(Control {
                poll,
                is_final: is_final && !poll,
                demand,
                detect_mult: mult.max(1),
                desired_min_tx: tx >> (mult % 32),
                required_min_rx: rx >> (mult % 32),
                my_discriminator: discriminator | 1,
                ..packet(state)
            }));
            world.now += Duration::from_millis(wait);
            world.session.handle_timeout(world.now);
            for packet in sent(&world.drain()) {
                prop_assert_eq!(Control::parse(&packet.to_bytes()), Ok(packet));
            }
        }
        for _ in 0..2000 {
            let before = world.now;
            if world.next().is_none() || world.session.last_heard.is_none() {
                break;
            }
            prop_assert!(world.now > before || world.session.poll_timeout() > Some(before));
        }
    }
}
