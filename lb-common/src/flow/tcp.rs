//! What a packet makes of the state of its flow: IPVS's tables, a word for each row, four bits for
//! each state.
//!
//! Where IPVS's `SYN_RECV` becomes `ESTABLISHED` by an ACK of the client, ours becomes
//! [`super::state::ACKED`] first, and the next packet makes it `ESTABLISHED`. A datagram counts as an
//! ACK, so that the tables are those of UDP, too.

use super::state::{
    ACKED as AK, CLOSE as CL, CLOSE_WAIT as CW, DATAGRAM as DG, ESTABLISHED as ES, FIN_WAIT as FW,
    LAST_ACK as LA, SYN_RECV as SR, SYN_SENT as SS, TIME_WAIT as TW, UDP as UD,
};

/// How many states of TCP and UDP there are.
const COUNT: usize = 12;

/// FIN.
pub const FIN: u8 = 0x01;
/// SYN.
pub const SYN: u8 = 0x02;
/// RST.
pub const RST: u8 = 0x04;
/// ACK.
pub const ACK: u8 = 0x10;

/// What each state becomes, in the order of their numbers.
#[expect(
    clippy::indexing_slicing,
    reason = "there are so many, and constants are made of it alone"
)]
const fn row(after: [u8; COUNT]) -> u64 {
    let (mut row, mut state) = (0, 0);
    while state < COUNT {
        row |= (after[state] as u64) << (4 * state);
        state += 1;
    }
    row
}

/// A state after a packet.
#[inline(always)]
const fn look_up(row: u64, from: u8) -> u8 {
    (row >> ((from as u32 * 4) & 63)) as u8 & 15
}

/// The rows of one of IPVS's tables.
struct Rows {
    syn: u64,
    fin: u64,
    ack: u64,
    rst: u64,
}

impl Rows {
    /// The state after a packet with these flags. As in IPVS a RST decides before a SYN, a SYN before
    /// a FIN, and a packet without any of them ends the connection.
    #[inline(always)]
    const fn after(&self, from: u8, flags: u8) -> u8 {
        if flags & RST != 0 {
            look_up(self.rst, from)
        } else if flags & SYN != 0 {
            look_up(self.syn, from)
        } else if flags & FIN != 0 {
            look_up(self.fin, from)
        } else if flags & ACK != 0 {
            look_up(self.ack, from)
        } else {
            CL
        }
    }
}

/// `INPUT`: packets of the client where those of the server are seen.
const INPUT: Rows = Rows {
    //        NO  SR  ES  FW  CL  UD  SS  TW  CW  LA  AK  DG
    syn: row([SR, SR, ES, SR, SR, UD, ES, SR, SR, SR, AK, UD]),
    fin: row([CL, TW, CW, TW, CL, UD, SS, TW, CW, LA, CW, UD]),
    ack: row([AK, AK, ES, FW, CL, UD, SS, TW, CW, CL, ES, UD]),
    rst: row([CL, SR, CL, CL, CL, UD, CL, CL, CL, LA, CL, UD]),
};

/// `INPUT-ONLY`: packets of the client where those of the server are not seen. It differs in what a
/// FIN means.
const INPUT_ONLY: Rows = Rows {
    //        NO  SR  ES  FW  CL  UD  SS  TW  CW  LA  AK  DG
    fin: row([CL, TW, FW, FW, CL, UD, SS, TW, CW, LA, FW, UD]),
    ..INPUT
};

/// `OUTPUT`: packets of the server. It answers a datagram of whoever is said to have sent it: an
/// answer does not tell that a flow of UDP goes on.
const OUTPUT: Rows = Rows {
    //        NO  SR  ES  FW  CL  UD  SS  TW  CW  LA  AK  DG
    syn: row([SS, SR, ES, SS, SS, UD, SS, SS, SS, SS, AK, DG]),
    fin: row([TW, TW, FW, FW, CL, UD, SS, TW, TW, LA, FW, DG]),
    ack: row([ES, ES, ES, FW, CL, UD, SS, TW, CW, LA, ES, DG]),
    rst: row([CL, CL, CL, CL, CL, UD, SS, TW, CL, CL, CL, DG]),
};

/// The state of a flow after a packet of the client with these `flags`. Whether the server's packets
/// are seen, too (NAT), decides what its FIN means.
#[inline(always)]
#[must_use]
pub const fn after_client(from: u8, flags: u8, sees_server: bool) -> u8 {
    if sees_server {
        INPUT.after(from, flags)
    } else {
        INPUT_ONLY.after(from, flags)
    }
}

/// The state of a flow after a packet of its server (NAT only).
#[inline(always)]
#[must_use]
pub const fn after_server(from: u8, flags: u8) -> u8 {
    OUTPUT.after(from, flags)
}

#[cfg(test)]
mod tests;
