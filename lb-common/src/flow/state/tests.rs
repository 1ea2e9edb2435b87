use super::*;
use crate::flow::FLOW_STATES;

#[test]
fn every_state_has_a_name_a_time_out_and_room() {
    assert!(COUNT <= FLOW_STATES && FLOW_STATES.is_power_of_two());
    for (number, name, seconds) in [
        (NONE, "NONE", 2),
        (SYN_RECV, "SYN_RECV", 60),
        (ESTABLISHED, "ESTABLISHED", 900),
        (FIN_WAIT, "FIN_WAIT", 120),
        (CLOSE, "CLOSE", 10),
        (UDP, "UDP", 300),
        (SYN_SENT, "SYN_SENT", 120),
        (TIME_WAIT, "TIME_WAIT", 120),
        (CLOSE_WAIT, "CLOSE_WAIT", 60),
        (LAST_ACK, "LAST_ACK", 30),
        (ACKED, "ESTABLISHED", 900),
        (DATAGRAM, "UDP", 300),
    ] {
        assert_eq!(NAMES[usize::from(number)], name);
        assert_eq!(TIMEOUTS[usize::from(number)], seconds);
    }
}

#[test]
fn each_state_tells_what_a_flow_counts_as() {
    let active = [
        SYN_RECV,
        ESTABLISHED,
        SYN_SENT,
        ACKED,
        sctp::ESTABLISHED,
        sctp::ACKED,
        sctp::COOKIE,
        sctp::COOKIE_ECHOED,
    ];
    let again = [
        ESTABLISHED,
        UDP,
        FIN_WAIT,
        CLOSE_WAIT,
        sctp::ESTABLISHED,
        sctp::SHUTDOWN_SENT,
        sctp::SHUTDOWN_RECEIVED,
        // Nobody's.
        16 | UDP,
    ];
    let ended = [
        FIN_WAIT,
        CLOSE,
        TIME_WAIT,
        CLOSE_WAIT,
        LAST_ACK,
        sctp::CLOSED,
    ];
    for state in 0..FLOW_STATES as u8 {
        assert_eq!(is_active(state), active.contains(&state), "{state}");
        assert_eq!(is_seen_again(state), again.contains(&state), "{state}");
        assert_eq!(is_ended(state), ended.contains(&state), "{state}");
    }
}
