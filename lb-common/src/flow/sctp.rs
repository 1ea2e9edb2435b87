//! Associations of SCTP: their states and time-outs are those of IPVS
//! (`net/netfilter/ipvs/ip_vs_proto_sctp.c`), all of them.
//!
//! A state is 16 and the number of the state of TCP ([`super::state`]) that [`super::eviction`] treats
//! alike, which looks at the last four bits only; four have no such brother. So does who asks whether a
//! flow is an active one: in IPVS that is [`ESTABLISHED`] alone, here also [`COOKIE`] and
//! [`COOKIE_ECHOED`], which an association passes that a server has begun. As of TCP one more tells
//! who has been seen once: [`ACKED`] is IPVS's `ESTABLISHED` by nothing but a packet of the client that
//! anybody can send (COOKIE ECHO), and the next packet makes it [`ESTABLISHED`].
//!
//! What moves a flow is the type of a packet's first chunk. IPVS looks behind it for an ABORT if that is
//! COOKIE ECHO or COOKIE ACK, and so does who parses for us.

use super::state;

/// The bit that all states of SCTP have.
const SCTP: u8 = 16;

/// No packet yet.
pub const NONE: u8 = SCTP | state::NONE;
/// The client's first INIT.
pub const INIT1: u8 = SCTP + 12;
/// And another one.
pub const INIT: u8 = SCTP + 13;
/// The server's INIT ACK (NAT only).
pub const COOKIE_SENT: u8 = SCTP + 14;
/// The client's COOKIE ECHO (NAT only).
pub const COOKIE_REPLIED: u8 = SCTP + 15;
/// The server's INIT (NAT only).
pub const COOKIE_WAIT: u8 = SCTP | state::DATAGRAM;
/// The client's INIT ACK.
pub const COOKIE: u8 = SCTP | state::SYN_SENT;
/// The server's COOKIE ECHO; in DR and TUN mode the client's INIT ACK.
pub const COOKIE_ECHOED: u8 = SCTP | state::SYN_RECV;
/// `ESTABLISHED`, and there was more than the handshake.
pub const ESTABLISHED: u8 = SCTP | state::ESTABLISHED;
/// `ESTABLISHED` by one packet of the client; nothing came after it.
pub const ACKED: u8 = SCTP | state::ACKED;
/// The server's SHUTDOWN (NAT only).
pub const SHUTDOWN_SENT: u8 = SCTP | state::CLOSE_WAIT;
/// The client's SHUTDOWN.
pub const SHUTDOWN_RECEIVED: u8 = SCTP | state::FIN_WAIT;
/// The server's SHUTDOWN ACK (NAT only).
pub const SHUTDOWN_ACK_SENT: u8 = SCTP | state::LAST_ACK;
/// An INIT that was answered with ABORT.
pub const REJECTED: u8 = SCTP | state::TIME_WAIT;
/// ABORT, or the last packet of a shutdown.
pub const CLOSED: u8 = SCTP | state::CLOSE;

/// Types of chunks (RFC 9260 3.2) that move a flow; of the others each counts as DATA.
pub mod chunk {
    /// DATA.
    pub const DATA: u8 = 0;
    /// INIT.
    pub const INIT: u8 = 1;
    /// INIT ACK.
    pub const INIT_ACK: u8 = 2;
    /// ABORT.
    pub const ABORT: u8 = 6;
    /// SHUTDOWN.
    pub const SHUTDOWN: u8 = 7;
    /// SHUTDOWN ACK.
    pub const SHUTDOWN_ACK: u8 = 8;
    /// ERROR.
    pub const ERROR: u8 = 9;
    /// COOKIE ECHO.
    pub const COOKIE_ECHO: u8 = 10;
    /// COOKIE ACK.
    pub const COOKIE_ACK: u8 = 11;
    /// SHUTDOWN COMPLETE.
    pub const SHUTDOWN_COMPLETE: u8 = 14;
}

/// How many states there are.
const COUNT: usize = 15;

/// The states in IPVS's order, and [`ACKED`] behind them: that of the tables below.
const ORDER: [u8; COUNT] = [NO, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, AK];

use {
    ACKED as AK, CLOSED as CL, COOKIE as CO, COOKIE_ECHOED as CE, COOKIE_REPLIED as CR,
    COOKIE_SENT as CS, COOKIE_WAIT as CW, ESTABLISHED as ES, INIT as IN, INIT1 as I1, NONE as NO,
    REJECTED as RJ, SHUTDOWN_ACK_SENT as SA, SHUTDOWN_RECEIVED as SR, SHUTDOWN_SENT as SS,
};

/// What each state becomes: four bits for each, at the place that its own last four bits say.
#[expect(
    clippy::indexing_slicing,
    reason = "there are so many, and constants are made of it alone"
)]
const fn row(after: [u8; COUNT]) -> u64 {
    let (mut row, mut at) = (0, 0);
    while at < COUNT {
        row |= ((after[at] & 15) as u64) << (4 * (ORDER[at] & 15));
        at += 1;
    }
    row
}

/// The rows of one of IPVS's tables.
struct Rows {
    data: u64,
    init: u64,
    init_ack: u64,
    cookie_echo: u64,
    cookie_ack: u64,
    shutdown: u64,
    shutdown_ack: u64,
    shutdown_complete: u64,
    error: u64,
    abort: u64,
}

impl Rows {
    /// The state after a packet whose first chunk is of this type.
    #[inline(always)]
    const fn after(&self, from: u8, chunk: u8) -> u8 {
        let row = match chunk {
            chunk::INIT => self.init,
            chunk::INIT_ACK => self.init_ack,
            chunk::COOKIE_ECHO => self.cookie_echo,
            chunk::COOKIE_ACK => self.cookie_ack,
            chunk::SHUTDOWN => self.shutdown,
            chunk::SHUTDOWN_ACK => self.shutdown_ack,
            chunk::SHUTDOWN_COMPLETE => self.shutdown_complete,
            chunk::ERROR => self.error,
            chunk::ABORT => self.abort,
            _ => self.data,
        };
        SCTP | (row >> ((from as u32 * 4) & 63)) as u8 & 15
    }
}

/// `INPUT`: packets of the client where those of the server are seen.
#[rustfmt::skip]
const INPUT: Rows = Rows {
    //                      NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL  AK
    data:              row([AK, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, ES]),
    init:              row([I1, IN, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, IN, IN, AK]),
    init_ack:          row([CW, CW, CW, CS, CR, CO, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    cookie_echo:       row([CR, IN, IN, CR, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    cookie_ack:        row([AK, I1, IN, CS, CR, CW, CO, AK, ES, SS, SR, SA, RJ, CL, AK]),
    shutdown:          row([SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL, SR]),
    shutdown_ack:      row([CL, IN, IN, CS, CR, CW, CO, CE, ES, CL, SR, CL, RJ, CL, AK]),
    shutdown_complete: row([CL, CL, CL, CS, CR, CW, CO, CE, ES, SS, SR, CL, RJ, CL, AK]),
    error:             row([CL, I1, IN, CS, CR, CW, CO, CL, ES, SS, SR, SA, RJ, CL, AK]),
    abort:             row([CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL]),
};

/// `OUTPUT`: packets of the server.
#[rustfmt::skip]
const OUTPUT: Rows = Rows {
    //                      NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL  AK
    data:              row([ES, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, ES]),
    init:              row([CW, CW, CW, CW, CW, CW, CW, CW, ES, CW, CW, CW, CW, CW, AK]),
    init_ack:          row([CS, CS, CS, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    cookie_echo:       row([CE, CE, CE, CE, CE, CE, CE, CE, ES, SS, SR, SA, RJ, CL, AK]),
    cookie_ack:        row([ES, ES, ES, ES, ES, ES, ES, ES, ES, SS, SR, SA, RJ, CL, ES]),
    shutdown:          row([SS, SS, SS, SS, SS, SS, SS, SS, SS, SS, SR, SA, RJ, CL, SS]),
    shutdown_ack:      row([SA, SA, SA, SA, SA, CW, CO, CE, ES, SA, SA, SA, RJ, CL, AK]),
    shutdown_complete: row([CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    error:             row([CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    abort:             row([CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL]),
};

/// `INPUT-ONLY`: packets of the client where those of the server are not seen.
#[rustfmt::skip]
const INPUT_ONLY: Rows = Rows {
    //                      NO  I1  IN  CS  CR  CW  CO  CE  ES  SS  SR  SA  RJ  CL  AK
    data:              row([AK, I1, IN, CS, CR, AK, CO, CE, ES, SS, SR, SA, RJ, CL, ES]),
    init:              row([I1, IN, IN, IN, IN, IN, CO, CE, ES, SS, SR, SA, IN, IN, AK]),
    init_ack:          row([CE, CE, CE, CE, CE, CE, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    cookie_echo:       row([AK, AK, AK, AK, AK, AK, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    cookie_ack:        row([AK, I1, IN, AK, AK, CW, AK, AK, ES, SS, SR, SA, RJ, CL, AK]),
    shutdown:          row([SR, I1, IN, CS, CR, CW, CO, CE, SR, SS, SR, SA, RJ, CL, SR]),
    shutdown_ack:      row([CL, IN, IN, CS, CR, CW, CO, CE, CL, CL, SR, CL, RJ, CL, CL]),
    shutdown_complete: row([CL, CL, CL, CL, CL, CW, CO, CE, ES, SS, CL, CL, RJ, CL, AK]),
    error:             row([CL, I1, IN, CS, CR, CW, CO, CE, ES, SS, SR, SA, RJ, CL, AK]),
    abort:             row([CL, CL, CL, CL, CL, RJ, CL, CL, CL, CL, CL, CL, CL, CL, CL]),
};

/// The state of a flow after a packet of the client. Whether the server's packets are seen, too (NAT),
/// decides what it means.
#[inline(always)]
#[must_use]
pub const fn after_client(from: u8, chunk: u8, sees_server: bool) -> u8 {
    if sees_server {
        INPUT.after(from, chunk)
    } else {
        INPUT_ONLY.after(from, chunk)
    }
}

/// The state of a flow after a packet of its server (NAT only).
#[inline(always)]
#[must_use]
pub const fn after_server(from: u8, chunk: u8) -> u8 {
    OUTPUT.after(from, chunk)
}

/// Whether a packet leaves an established association as it is.
#[inline(always)]
#[must_use]
pub const fn is_data(chunk: u8) -> bool {
    const MOVES: u64 = 1 << chunk::INIT
        | 1 << chunk::INIT_ACK
        | 1 << chunk::ABORT
        | 1 << chunk::SHUTDOWN
        | 1 << chunk::SHUTDOWN_ACK
        | 1 << chunk::ERROR
        | 1 << chunk::COOKIE_ECHO
        | 1 << chunk::COOKIE_ACK
        | 1 << chunk::SHUTDOWN_COMPLETE;
    chunk > chunk::SHUTDOWN_COMPLETE || (MOVES >> (chunk & 63)) & 1 == 0
}

#[cfg(test)]
mod tests;
