//! Every state with every input (RFC 5880 sections 6.2, 6.8.4, 6.8.6, 6.8.16).

use super::*;

/// State, input, state after it, diagnostic we send then, whether the trackers are told.
type Row = (State, Input, State, Diagnostic, Option<bool>);

const fn hears(state: State) -> Input {
    Input::Packet(Control {
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
    })
}

const NONE: Diagnostic = Diagnostic::NONE;
const EXPIRED: Diagnostic = Diagnostic::EXPIRED;
const NEIGHBOR: Diagnostic = Diagnostic::NEIGHBOR_DOWN;
const ADMIN: Diagnostic = Diagnostic::ADMIN_DOWN;

const TABLE: [Row; 24] = [
    // 6.8.6: "If bfd.SessionState is Down".
    (State::Down, hears(State::Down), State::Init, NONE, None),
    (State::Down, hears(State::Init), State::Up, NONE, Some(true)),
    (State::Down, hears(State::Up), State::Down, NONE, None),
    // 6.8.6: AdminDown is a reason to go down, and we are.
    (
        State::Down,
        hears(State::AdminDown),
        State::Down,
        NONE,
        None,
    ),
    // 6.8.4 is for Init and Up only.
    (State::Down, Input::Silence, State::Down, NONE, None),
    (State::Down, Input::Shutdown, State::AdminDown, ADMIN, None),
    // 6.8.6: "If bfd.SessionState is Init".
    (State::Init, hears(State::Down), State::Init, NONE, None),
    (State::Init, hears(State::Init), State::Up, NONE, Some(true)),
    (State::Init, hears(State::Up), State::Up, NONE, Some(true)),
    (
        State::Init,
        hears(State::AdminDown),
        State::Down,
        NEIGHBOR,
        None,
    ),
    // 6.8.4: "bfd.SessionState is Init or Up".
    (State::Init, Input::Silence, State::Down, EXPIRED, None),
    (State::Init, Input::Shutdown, State::AdminDown, ADMIN, None),
    // 6.8.6: "bfd.SessionState is Up".
    (
        State::Up,
        hears(State::Down),
        State::Down,
        NEIGHBOR,
        Some(false),
    ),
    (State::Up, hears(State::Init), State::Up, NONE, None),
    (State::Up, hears(State::Up), State::Up, NONE, None),
    // RFC 5882 3.2: no failure.
    (
        State::Up,
        hears(State::AdminDown),
        State::Down,
        NEIGHBOR,
        None,
    ),
    (State::Up, Input::Silence, State::Down, EXPIRED, Some(false)),
    (State::Up, Input::Shutdown, State::AdminDown, ADMIN, None),
    // 6.8.6: "If bfd.SessionState is AdminDown, discard the packet".
    (
        State::AdminDown,
        hears(State::Down),
        State::AdminDown,
        ADMIN,
        None,
    ),
    (
        State::AdminDown,
        hears(State::Init),
        State::AdminDown,
        ADMIN,
        None,
    ),
    (
        State::AdminDown,
        hears(State::Up),
        State::AdminDown,
        ADMIN,
        None,
    ),
    (
        State::AdminDown,
        hears(State::AdminDown),
        State::AdminDown,
        ADMIN,
        None,
    ),
    (
        State::AdminDown,
        Input::Silence,
        State::AdminDown,
        ADMIN,
        None,
    ),
    (
        State::AdminDown,
        Input::Shutdown,
        State::AdminDown,
        ADMIN,
        None,
    ),
];

#[test]
fn every_state_takes_every_input_as_the_rfc_says() {
    for (from, input, to, diagnostic, told) in TABLE {
        let mut world = World::in_state(from);
        let actions = world.handle(input);
        let case = format!("{from:?} {input:?}: {actions:?}");
        assert_eq!(world.session.state(), to, "{case}");
        assert_eq!(world.session.packet().diagnostic, diagnostic, "{case}");
        let changed = actions.iter().find_map(|action| match action {
            Action::Changed { up } => Some(*up),
            Action::Send(_) | Action::Log(_) => None,
        });
        assert_eq!(changed, told, "{case}");
        // 6.8.7: a change is sent at once, with the new state.
        let packets = sent(&actions);
        assert_eq!(!packets.is_empty(), from != to, "{case}");
        assert!(packets.iter().all(|packet| packet.state == to), "{case}");
    }
}
