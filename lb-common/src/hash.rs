//! The one hash of the data plane.

/// Mixes a 64-bit word with the agent's secret: two multiplications, 2 ns. Low and high half are
/// both usable.
#[inline(always)]
#[must_use]
pub const fn mix(word: u64, secret: u64) -> u64 {
    let mut hash = word ^ secret;
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests;
