//! The table that a scheduler comes down to: who gets the next new flow.
//!
//! `SCHEDULES[service]` is an array of `u32`, made by the agent and swapped as a whole:
//! element 0 is the number of turns `n`, elements `1..=n` are backend slots. With `n` = 0 nobody
//! serves and the kernel sees the packet.
//!
//! For `rr` and `wrr` the program walks the table with one cursor a CPU, so every `n` new flows
//! of a CPU meet the weights exactly.

/// Index of the turn that comes after `cursor` turns, in a table of `turns` (not 0).
#[inline(always)]
#[must_use]
pub const fn element(cursor: u32, turns: u32) -> u32 {
    1 + cursor % turns
}
