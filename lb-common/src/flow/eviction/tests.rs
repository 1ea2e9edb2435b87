use super::*;
use crate::flow::sctp;
use crate::flow::state::{COUNT, ESTABLISHED, UDP};

const PATIENCE: u32 = 30;

fn after(state: u8, age: u32, new: u8) -> u32 {
    class(state, age + STAMP_AHEAD, PATIENCE, new)
}

#[test]
fn who_was_seen_again_makes_room_for_nobody_however_long_it_is_silent() {
    for state in [ESTABLISHED, UDP] {
        for new in [SYN_RECV, DATAGRAM] {
            for age in [0, 1, 2, PATIENCE, PATIENCE + 1, 1000] {
                assert_eq!(after(state, age, new), KEPT, "{state} {age} {new}");
            }
        }
    }
}

#[test]
fn each_state_makes_room_in_its_time() {
    // At once, after a handshake's time, after patience; for a SYN.
    let table = [
        (NONE, [ONCE, ONCE, ONCE]),
        (SYN_RECV, [FRESH, ONCE, ONCE]),
        (SYN_SENT, [FRESH, ONCE, ONCE]),
        (DATAGRAM, [FRESH, ONCE, ONCE]),
        (ACKED, [KEPT, KEPT, ONCE]),
        (FIN_WAIT, [KEPT, FRESH, HALF_CLOSED]),
        (CLOSE_WAIT, [KEPT, KEPT, HALF_CLOSED]),
        (CLOSE, [OVER, OVER, OVER]),
        (TIME_WAIT, [OVER, OVER, OVER]),
        (LAST_ACK, [OVER, OVER, OVER]),
        (ESTABLISHED, [KEPT, KEPT, KEPT]),
        (UDP, [KEPT, KEPT, KEPT]),
    ];
    for (state, expected) in table {
        for (ages, expected) in [[0, 1], [2, PATIENCE], [PATIENCE + 1, 1000]]
            .into_iter()
            .zip(expected)
        {
            for age in ages {
                assert_eq!(after(state, age, SYN_RECV), expected, "{state} {age}");
            }
        }
    }
}

#[test]
fn an_association_makes_room_as_a_connection_does() {
    for (state, brother) in [
        (sctp::NONE, NONE),
        (INIT1, SYN_RECV),
        (INIT, SYN_RECV),
        (COOKIE_SENT, SYN_RECV),
        (COOKIE_REPLIED, SYN_RECV),
        (sctp::COOKIE_WAIT, SYN_RECV),
        (sctp::COOKIE, SYN_RECV),
        (sctp::COOKIE_ECHOED, SYN_RECV),
        (sctp::ACKED, ACKED),
        (sctp::ESTABLISHED, ESTABLISHED),
        (sctp::SHUTDOWN_RECEIVED, FIN_WAIT),
        (sctp::SHUTDOWN_SENT, CLOSE_WAIT),
        (sctp::SHUTDOWN_ACK_SENT, CLOSE),
        (sctp::REJECTED, CLOSE),
        (sctp::CLOSED, CLOSE),
    ] {
        for age in [0, 1, 2, PATIENCE, PATIENCE + 1] {
            for new in [SYN_RECV, INIT1] {
                let expected = after(brother, age, SYN_RECV);
                assert_eq!(after(state, age, new), expected, "{state} {age}");
            }
        }
    }
}

#[test]
fn a_datagram_waits_for_a_handshake_to_be_over_and_differs_in_nothing_else() {
    for state in 0..COUNT as u8 {
        for age in [0, 1, 2, PATIENCE, PATIENCE + 1] {
            let for_syn = after(state, age, SYN_RECV);
            let handshake = matches!(state & 15, SYN_RECV | SYN_SENT | 12..) && age < 2;
            let expected = if handshake { KEPT } else { for_syn };
            assert_eq!(after(state, age, DATAGRAM), expected, "{state} {age}");
        }
    }
}

#[test]
fn what_is_stamped_ahead_of_the_clock_has_just_come() {
    for lag in [0, 1, STAMP_AHEAD] {
        assert_eq!(class(SYN_RECV, lag, PATIENCE, SYN_RECV), FRESH);
        assert_eq!(class(FIN_WAIT, lag, PATIENCE, SYN_RECV), KEPT);
    }
}
