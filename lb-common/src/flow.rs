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
//! A reader takes the value and looks at the key again: if it has changed, it saw nothing. A packet
//! of a known flow exchanges the value for one with its own `life`, if that still is the value that
//! it has read: an entry that has changed hands meanwhile keeps its own.
//!
//! The buckets are chosen by client address and port without the service, so the reply of a NAT
//! flow finds the entry of the request: one entry serves both directions.
//!
//! Every flow has two buckets ([`buckets`]): the first is one line, the second two lines side by
//! side. A flow stands in the first one, or, if that has nothing to give when the flow begins, in
//! the second; it is looked for in the same order. A SYN that finds room in the first bucket is
//! not looked for in the second, so the flow of an older connection may stay behind there, where
//! nobody finds it any more. A flow is without room only if twelve others hold both buckets and
//! none of them may be pushed out ([`eviction`]). With so many live flows that may not, in a table of the
//! default size, and about as often in one of another:
//!
//! | live flows | of the capacity | new flows without room | with the first bucket alone |
//! | --- | --- | --- | --- |
//! | 0.5 Mi | 1/8 | none in a million | 1 of 600 |
//! | 1 Mi | 1/4 | 1 of 100 000 | 1 of 50 |
//! | 1.5 Mi | 3/8 | 1 of 3 500 | 1 of 14 |
//! | 2 Mi | 1/2 | 1 of 200 | 1 of 6 |
//!
//! An entry of IPv6 ([`FlowEntry6`]) is one of IPv4 and the whole address behind it; the key holds 32
//! bits of a hash of it. A bucket is two lines. A writer writes value, address, key; a reader compares key and
//! address, takes the value, and compares both again, in the same order. So nobody gets the server of a
//! client whose key is the same: with another's value comes another's address or a key that is [`BUSY`].
//!
//! Who frees an entry, or writes over it, exchanges the key alone, and so might take it from a client that
//! has come between the look and the exchange, with the same key. The hash is a secret: nobody can choose such
//! addresses, and of two by chance one pair in 2^32 is one.
//!
//! `cargo test -p lb-common room -- --nocapture` counts them anew.

use core::net::{Ipv4Addr, Ipv6Addr};

use bytemuck::{Pod, Zeroable};

use crate::address6::{self, Address6};
use crate::service::address4;

pub mod eviction;
pub mod sctp;
pub mod state;
pub mod tcp;

/// Entries of one bucket.
pub const WAYS: usize = 4;

/// Key of an entry that nobody uses.
pub const FREE: u64 = 0;

/// Key of an entry that is being written: no service has id 0, so no flow has this key.
pub const BUSY: u64 = 1;

/// A tick is 2^8 jiffies: 0.256 s at 1000 Hz, 1.024 s at 250 Hz, 2.56 s at 100 Hz.
pub const TICK_SHIFT: u32 = 8;

/// Room for states in [`crate::control::Control::timeouts`], a power of two.
pub const FLOW_STATES: usize = 32;

/// Bits of a stamp; ages are computed modulo 2^24 ticks (at 1000 Hz 49 days).
pub const STAMP_MASK: u32 = 0x00ff_ffff;

/// A stamp may be so many ticks ahead of the clock: another CPU has read it later and written
/// first. Not more, since what a flow gains here it has again after 2^24 ticks: with half of the
/// range a forgotten flow would come to life for 24 days, and an established one makes room for
/// nobody.
pub const STAMP_AHEAD: u32 = 256;

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

/// One flow of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct FlowEntry6 {
    /// All but the client's address, of which the key ([`key6`]) holds a hash.
    pub flow: FlowEntry,
    /// Client address.
    pub client: Address6,
}

impl FlowEntry6 {
    /// Client address.
    #[must_use]
    pub const fn client(&self) -> Ipv6Addr {
        address6::address(self.client)
    }
}

/// Two cache lines of flows of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct FlowBucket6 {
    /// The entries, in no order.
    pub ways: [FlowEntry6; WAYS],
}

/// The key of a flow of IPv6: as [`key`], with 32 bits of a hash of the client's address
/// ([`address6::mixed`]).
#[inline(always)]
#[must_use]
pub const fn key6(address: Address6, port: u16, service: u16, secret: u64) -> u64 {
    key(address6::mixed(address, secret) as u32, port, service)
}

/// The key of a flow; `addr` and `port` are the client's, in network byte order.
#[inline(always)]
#[must_use]
pub const fn key(addr: u32, port: u16, service: u16) -> u64 {
    addr as u64 | (port as u64) << 32 | (service as u64) << 48
}

/// The bits of a [`key`] that choose the buckets: client address and port.
pub const CLIENT: u64 = 0x0000_ffff_ffff_ffff;

/// The buckets of the flows of a client's address and port, in the order in which they are
/// searched: the first, and both lines of the second. `hash` is [`crate::hash::mix`] of them, and
/// for IPv6 [`address6::hash`]; `mask` is the number of the table's buckets, a power of two, less one
/// ([`crate::limits::FLOW_MASK4`]).
#[inline(always)]
#[must_use]
pub const fn buckets(hash: u64, mask: u32) -> [u32; 3] {
    let second = (hash >> 32) as u32 & mask;
    [hash as u32 & mask, second, second ^ 1]
}

/// Both halves of [`FlowEntry::target`] in one word.
#[inline(always)]
#[must_use]
pub const fn target(slot: u16, generation: u16) -> u32 {
    (generation as u32) << 16 | slot as u32
}

/// [`FlowEntry::target`] and [`FlowEntry::life`] as the one word that they are in the table.
#[inline(always)]
#[must_use]
pub const fn value(target: u32, life: u32) -> u64 {
    target as u64 | (life as u64) << 32
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

    /// One of [`state`] or, of SCTP, of [`sctp`].
    #[inline(always)]
    #[must_use]
    pub const fn state(&self) -> u8 {
        (self.life >> 24) as u8
    }

    /// Ticks since the last packet, at `tick`; 0 if the stamp is ahead of it.
    #[inline(always)]
    #[must_use]
    pub const fn age(&self, tick: u32) -> u32 {
        self.lag(tick).saturating_sub(STAMP_AHEAD)
    }

    /// Ticks since [`STAMP_AHEAD`] before the last packet: what the age is made of, and enough to
    /// see which of two flows is older.
    #[inline(always)]
    #[must_use]
    pub const fn lag(&self, tick: u32) -> u32 {
        tick.wrapping_sub(self.life).wrapping_add(STAMP_AHEAD) & STAMP_MASK
    }

    /// Whether the age is more than `life` ticks.
    #[inline(always)]
    #[must_use]
    pub const fn is_older(&self, tick: u32, life: u32) -> bool {
        self.lag(tick) as u64 > life as u64 + STAMP_AHEAD as u64
    }
}

#[cfg(test)]
mod tests;
