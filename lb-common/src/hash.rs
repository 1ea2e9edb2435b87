//! The hash by which flows, clients and services find their buckets; `ipvs_hash` has the others,
//! which must choose as the kernel does.

/// Mixes a 64-bit word with the agent's secret: two multiplications. Low and high half are both
/// usable.
///
/// A fixed bijection of `word ^ secret`: good against chance and against who cannot see the table,
/// no pseudorandom function. Who floods one bucket on purpose takes only entries that may be
/// evicted (`flow::eviction`).
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
