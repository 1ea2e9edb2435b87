//! How much a server has to do: its connections, as IPVS counts them, and the most it may have.
//!
//! The program counts what it sees: a connection that begins, one that goes over into another
//! state. That one has timed out it cannot see; the agent counts the flow table once a second and
//! puts the counters right. Only services whose scheduler or whose `uthreshold` asks for it are
//! counted ([`crate::policy::flags::COUNTED`]).

use bytemuck::{Pod, Zeroable};

/// One record of `LOADS`, by backend slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Load {
    /// Connections that [`crate::flow::state::is_active`] counts.
    pub active: u32,
    /// All others, and every flow of UDP.
    pub inactive: u32,
    /// Not 0: there have been `upper` connections, and not so few since that the agent would have
    /// cleared it. No new ones, but those of clients that `persistence_timeout` remembers.
    pub full: u32,
    /// `uthreshold`; 0: no limit.
    pub upper: u32,
    /// `lthreshold`, for the agent.
    pub lower: u32,
    /// Zero.
    pub pad: u32,
}

impl Load {
    /// Byte offset of `full` for who maps the record.
    pub const FULL_OFFSET: usize = core::mem::offset_of!(Self, full);
    /// Byte offset of `upper`.
    pub const UPPER_OFFSET: usize = core::mem::offset_of!(Self, upper);
    /// Byte offset of `lower`.
    pub const LOWER_OFFSET: usize = core::mem::offset_of!(Self, lower);
    /// Byte offset of `inactive`; `active` is the first.
    pub const INACTIVE_OFFSET: usize = core::mem::offset_of!(Self, inactive);

    /// All connections.
    #[inline(always)]
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.active as u64 + self.inactive as u64
    }

    /// Whether it is full, in the kernel's words overloaded, when connections have gone (as
    /// `ip_vs_unbind_dest` decides).
    #[must_use]
    pub const fn stays_full(&self) -> bool {
        let total = self.total();
        let reached = self.upper != 0 && total >= self.upper as u64;
        let above = if self.lower != 0 {
            total >= self.lower as u64
        } else {
            total * 4 >= self.upper as u64 * 3
        };
        reached || self.full != 0 && self.upper != 0 && above
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_server_is_free_again_below_its_lower_threshold_or_three_quarters_of_the_upper() {
        let load = |total, full, lower| Load {
            active: total,
            full,
            upper: 100,
            lower,
            ..Load::default()
        };
        let table = [
            (99, 0, 0, false),
            (100, 0, 0, true),
            (99, 1, 0, true),
            (75, 1, 0, true),
            (74, 1, 0, false),
            (50, 1, 50, true),
            (49, 1, 50, false),
            (74, 0, 0, false),
        ];
        for (total, full, lower, stays) in table {
            assert_eq!(
                load(total, full, lower).stays_full(),
                stays,
                "{total} {full} {lower}"
            );
        }
        let no_limit = Load {
            active: 7,
            full: 1,
            ..Load::default()
        };
        assert!(!no_limit.stays_full());
    }
}
