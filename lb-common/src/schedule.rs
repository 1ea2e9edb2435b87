//! The table that a scheduler comes down to: who gets the next new flow.
//!
//! `SCHEDULES[service]` is an array of `u32`, made by the agent and swapped as a whole:
//! element 0 is the number of turns `n`, elements `1..=n` are backend slots. With `n` = 0 nobody
//! serves and the kernel sees the packet.
//!
//! For `rr` and `wrr` the program walks the table with one cursor a CPU, so every `n` new flows
//! of a CPU meet the weights exactly.

/// The element of the table whose turn it is, and the cursor after it; `turns` is not 0.
#[inline(always)]
#[must_use]
pub const fn next(cursor: u32, turns: u32) -> (u32, u32) {
    let element = if cursor < turns { cursor + 1 } else { 1 };
    (element, element)
}

/// The element of the table that a hash stands for, in proportion to the turns: the choice for
/// packets that may not leave a trace.
#[inline(always)]
#[must_use]
pub const fn by_hash(hash: u64, turns: u32) -> u32 {
    1 + (((hash >> 32) * turns as u64) >> 32) as u32
}

#[cfg(test)]
mod tests;
