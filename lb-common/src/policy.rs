//! How a pool, the servers of one virtual server, treats a new flow: its scheduler, whom it remembers,
//! and what it may cost.

use bytemuck::{Pod, Zeroable};

/// Bits of [`Policy::flags`].
pub mod flags {
    /// `sh-port`, `mh-port` (`flag-2`): the client's port belongs to the hash.
    pub const PORT: u8 = 1 << 0;
    /// `sh-fallback`, `mh-fallback` (`flag-1`): another server if the hash's own takes none.
    pub const FALLBACK: u8 = 1 << 1;
    /// Connections are counted in `LOADS`.
    pub const COUNTED: u8 = 1 << 2;
    /// `ops`: every datagram is scheduled by itself, and leaves no flow.
    pub const OPS: u8 = 1 << 3;
    /// `nq`: of the servers that are compared, one without active connections is taken at once.
    pub const IDLE_FIRST: u8 = 1 << 4;
    /// `ovf`: a server with more active connections than its weight is passed over.
    pub const OVERFLOWS: u8 = 1 << 5;
}

/// One record of `POLICIES`, by the number of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Policy {
    /// One of [`crate::service::scheduler`].
    pub scheduler: u8,
    /// [`flags`].
    pub flags: u8,
    /// Its own number; 0: there is no such pool.
    pub pool: u16,
    /// `xdp_new_flow_limit`: new flows in a tick; 0: no limit.
    pub new_flows: u32,
    /// `xdp_source_limit`: flows of one client address at the same time, from the moment on when they
    /// are more than a handshake or a datagram; 0: no limit.
    pub source_flows: u32,
    /// What is compared, for each weight: so much for an active connection, …
    pub active_cost: u16,
    /// … so much for an inactive one, …
    pub inactive_cost: u8,
    /// … and so much for the new one. With no cost at all it is the first server.
    pub more_cost: u8,
    /// `persistence_timeout` in ticks; 0: none.
    pub affinity_ticks: u32,
    /// `persistence_granularity`: of IPv4 a mask in network byte order, of IPv6 so many first bits.
    pub granularity: u32,
    /// `persistence_timeout` in seconds, for people.
    pub persistence_timeout: u32,
}

impl Policy {
    /// Whether every bit of `bits` is set.
    #[inline(always)]
    #[must_use]
    pub const fn has(&self, bits: u8) -> bool {
        self.flags & bits == bits
    }
}

/// The word of `RATES` for a pool: new flows in one tick, on all CPUs. Behind those of all pools
/// stand as many words again, of packets of connections that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The tick.
    pub tick: u32,
    /// New flows in it.
    pub count: u32,
}

impl Rate {
    /// The value that is this word.
    #[inline(always)]
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self {
            tick: (word >> 32) as u32,
            count: word as u32,
        }
    }

    /// The value as one word.
    #[inline(always)]
    #[must_use]
    pub const fn word(self) -> u64 {
        (self.tick as u64) << 32 | self.count as u64
    }

    /// After one more new flow at `tick`; `None`: there have been `limit` of them.
    #[inline(always)]
    #[must_use]
    pub const fn another(self, tick: u32, limit: u32) -> Option<Self> {
        if self.tick != tick {
            return Some(Self { tick, count: 1 });
        }
        if self.count >= limit {
            return None;
        }
        Some(Self {
            tick,
            count: self.count + 1,
        })
    }
}

/// As many packets of TCP connections that nobody knows are let through as new flows, times this: who
/// floods with ACKs is bounded like who floods with SYNs. Those that are sent to the server that they
/// were sent to by another director are not counted.
pub const UNKNOWN_PACKETS: u32 = 10;

/// Counters in one row of `SOURCES`, a power of two.
pub const SOURCE_COUNTERS: u32 = 1 << 16;

/// Where the flows of a client's address are counted: one counter in each of two rows. Each holds the
/// count of whoever has most of those that share it, so the lower one is never too low, and too high
/// only for who shares both with clients that have more. (A sum would put everybody at the limit as soon
/// as there are many clients.) The program raises both to one more than the lower one; once a second the
/// agent counts each client by itself and corrects them.
#[inline(always)]
#[must_use]
pub const fn source_counters(client: u32, pool: u16, secret: u64) -> [u32; 2] {
    const MASK: u32 = SOURCE_COUNTERS - 1;
    let hash = crate::hash::mix(client as u64 | (pool as u64) << 32, !secret);
    [
        hash as u32 & MASK,
        SOURCE_COUNTERS | (hash >> 32) as u32 & MASK,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_has_room_for_as_many_new_flows_as_the_limit_says_and_the_next_one_again() {
        let mut rate = Rate::from_word(0);
        for count in 1..=3 {
            rate = rate.another(7, 3).unwrap();
            assert_eq!(rate, Rate { tick: 7, count });
            assert_eq!(Rate::from_word(rate.word()), rate);
        }
        assert_eq!(rate.another(7, 3), None);
        assert_eq!(rate.another(8, 3), Some(Rate { tick: 8, count: 1 }));
    }

    #[test]
    fn the_two_counters_of_a_source_lie_in_two_rows() {
        for client in 0..1000 {
            let [one, two] = source_counters(client, 3, 99);
            assert!(one < SOURCE_COUNTERS && (SOURCE_COUNTERS..2 * SOURCE_COUNTERS).contains(&two));
        }
    }
}
