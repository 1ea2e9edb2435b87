//! States of a flow. They index [`crate::control::Control::timeouts`].
//!
//! Those of TCP are IPVS's (`net/netfilter/ipvs/ip_vs_proto_tcp.c`) without `LISTEN` and `SYNACK`,
//! which nothing of ours leads to. Two more tell who has been seen once from who has been seen again:
//! [`ACKED`] is IPVS's `ESTABLISHED` and [`DATAGRAM`] its `UDP`, with their names and time-outs. They
//! matter to [`super::eviction`], and to who counts a client's flows.
//!
//! Those of SCTP stand in [`super::sctp`]; what is said of all states here is said of them, too.

use super::sctp;

/// No packet yet.
pub const NONE: u8 = 0;
/// `SYN_RECV`: the client's SYN went through, its ACK has not come.
pub const SYN_RECV: u8 = 1;
/// `ESTABLISHED`: and there was more than the handshake.
pub const ESTABLISHED: u8 = 2;
/// `FIN_WAIT`: one side has sent its FIN; in DR and TUN mode the client, and perhaps both have.
pub const FIN_WAIT: u8 = 3;
/// `CLOSE`: somebody has sent a RST.
pub const CLOSE: u8 = 4;
/// `UDP`: the client has sent more than one datagram.
pub const UDP: u8 = 5;
/// `SYN_SENT`: the server has sent a SYN on a connection that was over (NAT only).
pub const SYN_SENT: u8 = 6;
/// `TIME_WAIT`: both sides have sent their FIN.
pub const TIME_WAIT: u8 = 7;
/// `CLOSE_WAIT`: the client has sent its FIN, the server may go on (NAT only).
pub const CLOSE_WAIT: u8 = 8;
/// `LAST_ACK`: nothing leads here but a table of IPVS's own.
pub const LAST_ACK: u8 = 9;
/// `ESTABLISHED`, by one ACK of the client, which anybody can send; nothing came after it.
pub const ACKED: u8 = 10;
/// `UDP`, one datagram, which anybody can send, answered or not.
pub const DATAGRAM: u8 = 11;

/// Room for all, those of SCTP among them. Four numbers are nobody's.
pub const COUNT: usize = super::FLOW_STATES;

/// Names as in `ipvsadm -Lnc`.
pub const NAMES: [&str; COUNT] = [
    "NONE",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE",
    "UDP",
    "SYN_SENT",
    "TIME_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "ESTABLISHED",
    "UDP",
    "?",
    "?",
    "?",
    "?",
    // SCTP.
    "NONE",
    "C-ECHOED",
    "ESTABLISHED",
    "S-RECEIVED",
    "CLOSED",
    "?",
    "COOKIE",
    "REJECTED",
    "S-SENT",
    "S-ACK-SENT",
    "ESTABLISHED",
    "C-WAIT",
    "INIT1",
    "INIT",
    "C-SENT",
    "C-REPLIED",
];

/// Time-outs of the kernel's IPVS in seconds, by state.
pub const TIMEOUTS: [u32; COUNT] = [
    2, 60, 900, 120, 10, 300, 120, 120, 60, 30, 900, 300, 2, 2, 2, 2, // SCTP:
    2, 61, 900, 61, 61, 2, 61, 4, 61, 61, 900, 61, 4, 61, 61, 61,
];

/// A bit for each state in which a connection is over, or one side has ended it: a SYN begins
/// another one. Of SCTP it is, as in IPVS, the one in which an INIT does.
const ENDED: u32 = 1 << FIN_WAIT
    | 1 << CLOSE
    | 1 << TIME_WAIT
    | 1 << CLOSE_WAIT
    | 1 << LAST_ACK
    | 1 << sctp::CLOSED;

/// A bit for each state in which there was more of a flow than its handshake or its first datagram,
/// and that is not over. A SYN and one more packet lead to none of them.
const SEEN_AGAIN: u16 = 1 << ESTABLISHED | 1 << UDP | 1 << FIN_WAIT | 1 << CLOSE_WAIT;

/// A bit for each state that counts as an active connection (`tcp_state_active_table`): since Linux
/// 4.9 also while the handshake is under way; of SCTP see [`super::sctp`].
const ACTIVE: u16 = 1 << SYN_RECV | 1 << SYN_SENT | 1 << ESTABLISHED | 1 << ACKED;

/// Whether a SYN on a connection in this state is the beginning of another one.
#[inline(always)]
#[must_use]
pub const fn is_ended(state: u8) -> bool {
    (ENDED >> (state & 31)) & 1 != 0
}

/// Whether a flow in this state tells that its client is there: it counts for `xdp_source_limit`, and
/// keeps the client's template.
#[inline(always)]
#[must_use]
pub const fn is_seen_again(state: u8) -> bool {
    (SEEN_AGAIN >> (state & 15)) & 1 != 0
}

/// Whether a connection in this state counts as active; no flow of UDP does.
#[inline(always)]
#[must_use]
pub const fn is_active(state: u8) -> bool {
    (ACTIVE >> (state & 15)) & 1 != 0
}

#[cfg(test)]
mod tests;
