//! What a packet makes of the state of its flow. The tables stand in `lb_common::flow::tcp` and
//! `lb_common::flow::sctp`.
//!
//! Global functions: the verifier looks at each once, whoever calls it.

use lb_common::flow::{sctp, tcp};

use crate::family::Family;

/// Who has sent a packet.
pub(crate) const CLIENT: u32 = 0;
/// The same, where the server's packets are seen, too (NAT).
pub(crate) const SEEN_CLIENT: u32 = 1;
/// A server (NAT).
pub(crate) const SERVER: u32 = 2;

/// The state after a packet with these TCP flags, or of SCTP with this chunk.
#[inline(always)]
pub(crate) fn after<F: Family>(from: u8, flags: u8, sender: u32) -> u8 {
    if F::SCTP {
        return lb_sctp_state(from.into(), flags.into(), sender) as u8;
    }
    lb_state(from.into(), flags.into(), sender) as u8
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_state(from: u32, flags: u32, sender: u32) -> u32 {
    let (from, flags) = (from as u8, flags as u8);
    let state = if sender == SERVER {
        tcp::after_server(from, flags)
    } else {
        tcp::after_client(from, flags, sender == SEEN_CLIENT)
    };
    state.into()
}

#[inline(never)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn lb_sctp_state(from: u32, chunk: u32, sender: u32) -> u32 {
    let (from, chunk) = (from as u8, chunk as u8);
    let state = if sender == SERVER {
        sctp::after_server(from, chunk)
    } else {
        sctp::after_client(from, chunk, sender == SEEN_CLIENT)
    };
    state.into()
}
