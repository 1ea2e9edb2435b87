//! How often the program answers a packet by itself: RFC 1812 4.3.2.8 wants ICMP errors to be
//! limited.

use bytemuck::{Pod, Zeroable};

/// Answers that a CPU may give in one tick: 1000 a second at 1000 Hz, 250 at 250 Hz. A client
/// needs one to learn the size that fits.
pub const LIMIT: u32 = 256;

/// The single record of `ANSWERS`, on each CPU.
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
