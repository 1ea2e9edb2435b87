//! The table that a scheduler comes down to: who gets the next new flow.
//!
//! `SCHEDULES[service]` is an array of `u32`, made by the agent and swapped as a whole:
//!
//! ```text
//!  0      number of turns n                 n + 1   number of servers m
//!  1..=n  turns: [`element`]s               n + 2.. servers, each once: [`element`]s
//! ```
//!
//! With `m` = 0 nobody serves and the kernel sees the packet.
//!
//! * `rr`, `wrr`: the program walks the turns with one cursor a CPU, so every `n` new flows of a
//!   CPU meet the weights exactly.
//! * `sh`, `dh`, `mh`: the turns are IPVS's hash table. A place whose server takes no new flows has
//!   weight 0.
//! * All others compare servers, in the order of the table; the turns are for packets that may not
//!   leave a trace, and for `twos`.

/// One element: a slot, and the weight that the scheduler goes by.
#[inline(always)]
#[must_use]
pub const fn element(slot: u16, weight: u16) -> u32 {
    (weight as u32) << 16 | slot as u32
}

/// The slot in an element; 0: none.
#[inline(always)]
#[must_use]
pub const fn slot(element: u32) -> u16 {
    element as u16
}

/// The weight in an element.
#[inline(always)]
#[must_use]
pub const fn weight(element: u32) -> u16 {
    (element >> 16) as u16
}

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
