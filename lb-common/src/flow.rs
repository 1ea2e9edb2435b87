//! The flow table: which server a client's connection goes to, and how old it is.
//!
//! An array of 64-byte buckets, four entries of two words each: one cache line a lookup, no lock.
//!
//! ```text
//!           63        48 47      32 31                    0
//!  key     │ service id │ client   │ client address         │   0 = free, 1 = being written
//!          │            │ port     │                        │
//!          ├────────────┴──────────┼────────────┬───────────┤
//!  value   │ stamp (24) state (8)  │ generation │ slot      │
//!          └───────────────────────┴────────────┴───────────┘
//!                  life                     target
//! ```
//!
//! A writer claims the entry by exchanging its key for [`BUSY`], writes the value, then the key.
//! A reader takes the value and looks at the key again: if it has changed, it saw nothing. What
//! a packet updates on a hit is `life` alone, a store of its own, so the worst that two CPUs can
//! do to each other is a wrong age.
//!
//! The bucket is chosen by client address and port without the service, so the reply of a NAT
//! flow finds the entry of the request: one entry serves both directions.

use core::net::Ipv4Addr;

use bytemuck::{Pod, Zeroable};

use crate::service::address4;

/// Entries of one bucket.
pub const WAYS: usize = 4;

/// Key of an entry that nobody uses.
pub const FREE: u64 = 0;

/// Key of an entry that is being written: no service has id 0, so no flow has this key.
pub const BUSY: u64 = 1;

/// A tick is 2^8 jiffies: 0.256 s at 1000 Hz, 1.024 s at 250 Hz, 2.56 s at 100 Hz.
pub const TICK_SHIFT: u32 = 8;

/// Room for states in [`crate::control::Control::timeouts`], a power of two.
pub const FLOW_STATES: usize = 8;

/// Bits of a stamp; ages are computed modulo 2^24 ticks (at 1000 Hz 49 days).
pub const STAMP_MASK: u32 = 0x00ff_ffff;

/// One flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry {
    /// [`key`].
    pub key: u64,
    /// Generation << 16 | slot.
    pub target: u32,
    /// State << 24 | stamp.
    pub life: u32,
}

/// One cache line of flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct FlowBucket {
    /// The entries, in no order.
    pub ways: [FlowEntry; WAYS],
}

/// The key of a flow; `addr` and `port` are the client's, in network byte order.
#[inline(always)]
#[must_use]
pub const fn key(addr: u32, port: u16, service: u16) -> u64 {
    addr as u64 | (port as u64) << 32 | (service as u64) << 48
}

/// Both halves of [`FlowEntry::target`] in one word.
#[inline(always)]
#[must_use]
pub const fn target(slot: u16, generation: u16) -> u32 {
    (generation as u32) << 16 | slot as u32
}

/// Both halves of [`FlowEntry::life`] in one word.
#[inline(always)]
#[must_use]
pub const fn life(state: u8, tick: u32) -> u32 {
    (state as u32) << 24 | tick & STAMP_MASK
}

impl FlowEntry {
    /// Client address.
    #[must_use]
    pub const fn client(&self) -> Ipv4Addr {
        address4((self.key & 0xffff_ffff) as u32)
    }

    /// Client port, host byte order.
    #[must_use]
    pub const fn client_port(&self) -> u16 {
        u16::from_be((self.key >> 32 & 0xffff) as u16)
    }

    /// Id of the service.
    #[inline(always)]
    #[must_use]
    pub const fn service(&self) -> u16 {
        (self.key >> 48) as u16
    }

    /// Backend slot.
    #[inline(always)]
    #[must_use]
    pub const fn slot(&self) -> u16 {
        (self.target & 0xffff) as u16
    }

    /// Generation that the slot had when the flow was made.
    #[inline(always)]
    #[must_use]
    pub const fn generation(&self) -> u16 {
        (self.target >> 16) as u16
    }

    /// One of [`state`].
    #[inline(always)]
    #[must_use]
    pub const fn state(&self) -> u8 {
        (self.life >> 24) as u8
    }

    /// Ticks since the last packet, at `tick`.
    #[inline(always)]
    #[must_use]
    pub const fn age(&self, tick: u32) -> u32 {
        tick.wrapping_sub(self.life) & STAMP_MASK
    }
}

/// States of a flow, with IPVS's names. They index [`crate::control::Control::timeouts`].
///
/// The program sees one direction only in DR and TUN mode, so these are IPVS's states for
/// `IP_VS_DIR_INPUT_ONLY`.
pub mod state {
    /// No packet yet.
    pub const NONE: u8 = 0;
    /// `SYN_RECV`: the client's SYN went through, its ACK has not come.
    pub const SYN_RECV: u8 = 1;
    /// `ESTABLISHED`.
    pub const ESTABLISHED: u8 = 2;
    /// `FIN_WAIT`: the client has sent its FIN.
    pub const FIN_WAIT: u8 = 3;
    /// `CLOSE`: somebody has sent a RST.
    pub const CLOSE: u8 = 4;
    /// `UDP`.
    pub const UDP: u8 = 5;

    /// Names as in `ipvsadm -Lnc`.
    pub const NAMES: [&str; 6] = [
        "NONE",
        "SYN_RECV",
        "ESTABLISHED",
        "FIN_WAIT",
        "CLOSE",
        "UDP",
    ];

    /// Time-outs of the kernel's IPVS in seconds, by state.
    pub const TIMEOUTS: [u32; 6] = [2, 60, 900, 120, 10, 300];
}

/// Bits of the TCP header's flag byte.
pub mod tcp {
    /// FIN.
    pub const FIN: u8 = 0x01;
    /// SYN.
    pub const SYN: u8 = 0x02;
    /// RST.
    pub const RST: u8 = 0x04;
    /// ACK.
    pub const ACK: u8 = 0x10;
}

/// The state of a TCP flow after a packet of the client with these `flags`: the input-only rows
/// of IPVS's table (`net/netfilter/ipvs/ip_vs_proto_tcp.c`), but for two: a RST ends a half-open
/// flow as well, and a packet without flags counts as an ACK.
#[inline(always)]
#[must_use]
pub const fn after_client(from: u8, flags: u8) -> u8 {
    if flags & tcp::RST != 0 {
        state::CLOSE
    } else if flags & tcp::SYN != 0 {
        if from == state::ESTABLISHED {
            from
        } else {
            state::SYN_RECV
        }
    } else if flags & tcp::FIN != 0 {
        if from == state::CLOSE {
            from
        } else {
            state::FIN_WAIT
        }
    } else if from == state::FIN_WAIT || from == state::CLOSE {
        from
    } else {
        state::ESTABLISHED
    }
}

/// The state of a TCP flow after a packet of its server (NAT only).
#[inline(always)]
#[must_use]
pub const fn after_server(from: u8, flags: u8) -> u8 {
    if flags & tcp::RST != 0 {
        state::CLOSE
    } else if flags & tcp::FIN != 0 && from == state::ESTABLISHED {
        state::FIN_WAIT
    } else {
        from
    }
}

#[cfg(test)]
mod tests;
