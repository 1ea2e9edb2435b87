//! `persistence_timeout`: which server a client (or its network) was given.
//!
//! Two tables. A client that has just come stands in `PENDING4`, so that its connections side by side
//! come to one server, and moves to `AFFINITY4` when it has been seen again: by a connection that is
//! more than a handshake, or a second flow of UDP. So a flood of first packets, with an address of its
//! own each, rotates the former alone.

use bytemuck::{Pod, Zeroable};

use crate::address6::Address6;

/// Key of `AFFINITY4` and `PENDING4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct AffinityKey4 {
    /// Client address & `persistence_granularity`, network byte order.
    pub client: u32,
    /// Number of the pool.
    pub pool: u32,
}

/// Key of `AFFINITY6` and `PENDING6`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct AffinityKey6 {
    /// The first `persistence_granularity` bits of the client's address.
    pub client: Address6,
    /// Number of the pool.
    pub pool: u64,
}

/// Value of `AFFINITY4`, `PENDING4` and those of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Affinity {
    /// Slot and generation, as in [`crate::flow::FlowEntry::target`].
    pub target: u32,
    /// Tick of the last new flow that used it, or of a packet of a flow that was given by it.
    pub stamp: u32,
}

impl Affinity {
    /// The value that is this word.
    #[inline(always)]
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self {
            target: word as u32,
            stamp: (word >> 32) as u32,
        }
    }

    /// The value as one word.
    #[inline(always)]
    #[must_use]
    pub const fn word(&self) -> u64 {
        self.target as u64 | (self.stamp as u64) << 32
    }

    /// Ticks since it was last used, at `tick`; 0 if the stamp is ahead of it (another CPU has
    /// read the clock later and written first).
    #[inline(always)]
    #[must_use]
    pub const fn age(&self, tick: u32) -> u32 {
        let age = tick.wrapping_sub(self.stamp);
        if age > u32::MAX / 2 { 0 } else { age }
    }
}

#[cfg(test)]
mod tests;
