//! Who makes room for a new flow in a bucket that is full.
//!
//! A new flow has been seen once, and who was seen once pushes out nobody who was seen again: neither
//! an established connection nor a flow of UDP that goes on. So no flood of first packets costs a
//! live connection its server. In this order, of one kind the longest silent first:
//!
//! | class | |
//! | --- | --- |
//! | [`OWN`] | the flow's own entry, from a life that is over |
//! | [`DEAD`] | free or timed out |
//! | [`OVER`] | `CLOSE`, `TIME_WAIT`, `LAST_ACK` |
//! | [`HALF_CLOSED`] | `FIN_WAIT`, `CLOSE_WAIT`, after [`patience`] without a packet: in DR and TUN mode both sides may have ended it, which we cannot see |
//! | [`ONCE`] | half-open, or one datagram; after `patience` a connection of which nothing but the handshake was seen, too |
//! | [`FRESH`] | the same within two ticks of its packet: only if there is nothing better in the other bucket. A datagram does not push out a handshake. `FIN_WAIT` after two ticks without a packet, too: most connections are over by then, and would hold their places for `patience` |
//!
//! A state of SCTP is treated as its brother of TCP is, by the last four bits of both. The four that have
//! none are half-open.
//!
//! [`patience`]: crate::control::Control::patience

use super::STAMP_AHEAD;
use super::sctp::{COOKIE_REPLIED, COOKIE_SENT, INIT, INIT1};
use super::state::{
    ACKED, CLOSE, CLOSE_WAIT, DATAGRAM, FIN_WAIT, LAST_ACK, NONE, SYN_RECV, SYN_SENT, TIME_WAIT,
};

/// Not given up at all.
pub const KEPT: u32 = 0;
/// Seen once, just now, or likely to be over.
pub const FRESH: u32 = 1;
/// Seen once.
pub const ONCE: u32 = 2;
/// One side has ended it, and the other one is silent.
pub const HALF_CLOSED: u32 = 3;
/// Ended.
pub const OVER: u32 = 4;
/// Free or timed out.
pub const DEAD: u32 = 5;
/// The new flow's own.
pub const OWN: u32 = 6;

/// How many ticks somebody who was seen once is [`FRESH`]: at 1000 Hz half a second, a handshake's
/// way there and back.
pub const HANDSHAKE: u32 = 1;

/// A word of classes, four bits for each state.
#[expect(
    clippy::indexing_slicing,
    reason = "the index is below the length, and constants are made of it alone"
)]
const fn word(of: &[(u8, u32)]) -> u64 {
    let (mut word, mut at) = (0, 0);
    while at < of.len() {
        let (state, class) = of[at];
        word |= (class as u64) << (4 * (state & 15) as u32);
        at += 1;
    }
    word
}

/// The states of SCTP that have no brother.
const fn half_open(class: u32) -> u64 {
    word(&[
        (INIT1, class),
        (INIT, class),
        (COOKIE_SENT, class),
        (COOKIE_REPLIED, class),
    ])
}

const ENDED: u64 = word(&[
    (CLOSE, OVER),
    (TIME_WAIT, OVER),
    (LAST_ACK, OVER),
    (NONE, ONCE),
]);
/// As long as a handshake may last, …
const YOUNG: u64 =
    ENDED | half_open(FRESH) | word(&[(SYN_RECV, FRESH), (SYN_SENT, FRESH), (DATAGRAM, FRESH)]);
/// … and for a datagram.
const YOUNG_FOR_DATAGRAM: u64 = ENDED | word(&[(DATAGRAM, FRESH)]);
/// Seen once, and longer ago than a handshake lasts.
const ONLY_ONCE: u64 =
    ENDED | half_open(ONCE) | word(&[(SYN_RECV, ONCE), (SYN_SENT, ONCE), (DATAGRAM, ONCE)]);
/// Then …
const OLDER: u64 = ONLY_ONCE | word(&[(FIN_WAIT, FRESH)]);
/// … and after `patience`.
const SILENT: u64 = ONLY_ONCE
    | word(&[
        (FIN_WAIT, HALF_CLOSED),
        (CLOSE_WAIT, HALF_CLOSED),
        (ACKED, ONCE),
    ]);

/// The class of a live flow in this state whose last packet is `lag` ([`super::FlowEntry::lag`])
/// ago, for a new flow in the state `new`.
#[inline(always)]
#[must_use]
pub const fn class(state: u8, lag: u32, patience: u32, new: u8) -> u32 {
    let classes = if lag <= STAMP_AHEAD + HANDSHAKE {
        if new == DATAGRAM {
            YOUNG_FOR_DATAGRAM
        } else {
            YOUNG
        }
    } else if lag as u64 <= STAMP_AHEAD as u64 + patience as u64 {
        OLDER
    } else {
        SILENT
    };
    (classes >> ((state as u32 * 4) & 63)) as u32 & 15
}

#[cfg(test)]
mod tests;
