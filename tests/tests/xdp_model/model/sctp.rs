//! Where an association of SCTP stands, and what a packet makes of it: IPVS's tables, event by event.

use super::state::{Direction, State};

use Direction::{Input, InputOnly, Output};
use State::{
    Closed, Cookie, CookieEchoed, CookieReplied, CookieSent, CookieWait, Rejected, SctpAcked,
    SctpEstablished, SctpInit, SctpInit1, ShutdownAckSent, ShutdownReceived, ShutdownSent,
};

/// After a packet whose chunk that counts is of this type.
pub(super) const fn after(from: State, direction: Direction, chunk: u8) -> State {
    match chunk {
        1 => after_init(from, direction),
        2 => after_init_ack(from, direction),
        10 => after_cookie_echo(from, direction),
        11 => after_cookie_ack(from, direction),
        7 => after_shutdown(from, direction),
        8 => after_shutdown_ack(from, direction),
        14 => after_shutdown_complete(from, direction),
        9 => after_error(from, direction),
        6 => after_abort(from, direction),
        _ => match (from, direction) {
            (SctpAcked, _) => SctpEstablished,
            (CookieWait, InputOnly) => SctpAcked,
            _ => from,
        },
    }
}

const fn after_init(from: State, direction: Direction) -> State {
    match (from, direction) {
        (SctpEstablished | SctpAcked, _) => from,
        (_, Output) => CookieWait,
        (SctpInit1 | SctpInit | Rejected | Closed, _)
        | (CookieSent | CookieReplied | CookieWait, InputOnly) => SctpInit,
        _ => from,
    }
}

const fn after_init_ack(from: State, direction: Direction) -> State {
    match (from, direction) {
        (SctpInit1 | SctpInit | CookieSent, Output) => CookieSent,
        (SctpInit1 | SctpInit, Input) => CookieWait,
        (CookieWait, Input) => Cookie,
        (SctpInit1 | SctpInit | CookieSent | CookieReplied | CookieWait, InputOnly) => CookieEchoed,
        _ => from,
    }
}

const fn after_cookie_echo(from: State, direction: Direction) -> State {
    match (from, direction) {
        (
            SctpInit1 | SctpInit | CookieSent | CookieReplied | CookieWait | Cookie | CookieEchoed,
            Output,
        ) => CookieEchoed,
        (SctpInit1, Input) => SctpInit,
        (CookieSent, Input) => CookieReplied,
        (SctpInit1 | SctpInit | CookieSent | CookieReplied | CookieWait, InputOnly) => SctpAcked,
        _ => from,
    }
}

const fn after_cookie_ack(from: State, direction: Direction) -> State {
    match (from, direction) {
        (
            SctpInit1 | SctpInit | CookieSent | CookieReplied | CookieWait | Cookie | CookieEchoed
            | SctpAcked,
            Output,
        ) => SctpEstablished,
        (CookieEchoed, Input) | (CookieSent | CookieReplied | Cookie | CookieEchoed, InputOnly) => {
            SctpAcked
        }
        _ => from,
    }
}

const fn after_shutdown(from: State, direction: Direction) -> State {
    match (from, direction) {
        (ShutdownReceived | ShutdownAckSent | Rejected | Closed, Output) => from,
        (_, Output) => ShutdownSent,
        (SctpEstablished | SctpAcked, _) => ShutdownReceived,
        _ => from,
    }
}

const fn after_shutdown_ack(from: State, direction: Direction) -> State {
    match (from, direction) {
        (
            SctpInit1 | SctpInit | CookieSent | CookieReplied | ShutdownSent | ShutdownReceived
            | ShutdownAckSent,
            Output,
        ) => ShutdownAckSent,
        (SctpInit1, Input | InputOnly) => SctpInit,
        (ShutdownSent | ShutdownAckSent, Input | InputOnly)
        | (SctpEstablished | SctpAcked, InputOnly) => Closed,
        _ => from,
    }
}

const fn after_shutdown_complete(from: State, direction: Direction) -> State {
    match (from, direction) {
        (SctpInit1 | SctpInit | ShutdownAckSent, Input | InputOnly)
        | (CookieSent | CookieReplied | ShutdownReceived, InputOnly) => Closed,
        _ => from,
    }
}

const fn after_error(from: State, direction: Direction) -> State {
    match (from, direction) {
        (SctpInit1 | SctpInit | CookieSent | CookieReplied, Output) | (CookieEchoed, Input) => {
            Closed
        }
        _ => from,
    }
}

const fn after_abort(from: State, direction: Direction) -> State {
    match (from, direction) {
        (SctpInit1, Output) | (CookieWait, Input | InputOnly) => Rejected,
        _ => Closed,
    }
}
