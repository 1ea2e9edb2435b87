//! How often the program does what costs more than forwarding a packet: answers it by itself
//! (RFC 1812 4.3.2.8 wants ICMP errors to be limited), or hands it to the agent.

use bytemuck::{Pod, Zeroable};

/// Answers of one kind that a CPU may give in one tick for a service: 1000 a second at 1000 Hz, 250 at 250 Hz. A client
/// needs one to learn the size that fits.
pub const LIMIT: u32 = 256;

/// Index into `ANSWERS`: replies that were handed to the agent, for want of a next hop.
pub const UNRESOLVED: u32 = 0;
/// A kind for [`of_service`]: packets that did not fit and were answered.
pub const TOO_BIG: u32 = 1;
/// A kind for [`of_service`]: packets whose time to live had run out and that were answered.
pub const TIME_EXCEEDED: u32 = 1 + BUDGETS;
/// Who wants many answers of one service leaves those of others alone. As many budgets there are of
/// each kind, a power of two; beyond so many services some share one.
const BUDGETS: u32 = 64;
/// Records of `ANSWERS`.
pub const RECORDS: usize = 1 + 2 * BUDGETS as usize;

/// The index into `ANSWERS` for answers of a service.
#[inline(always)]
#[must_use]
pub const fn of_service(kind: u32, service: u32) -> u32 {
    kind + service % BUDGETS
}

/// One record of `ANSWERS`, on each CPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Answers {
    /// Tick of the last answer.
    pub tick: u32,
    /// Answers in that tick.
    pub count: u32,
}

impl Answers {
    /// What to note for another answer at `tick`; `None`: there have been enough.
    #[inline(always)]
    #[must_use]
    pub const fn another(self, tick: u32) -> Option<Self> {
        if self.tick != tick {
            return Some(Self { tick, count: 1 });
        }
        if self.count >= LIMIT {
            return None;
        }
        Some(Self {
            tick,
            count: self.count + 1,
        })
    }
}

#[cfg(test)]
mod tests;
