//! What a server weighs: the configured weight and what its checkers add. One arithmetic for the
//! schedule, which says it, and for the pool, which goes on from it over a reload or a restart.
//! Pure.

/// keepalived's bound of weights.
const MAX_WEIGHT: i64 = i32::MAX as i64;

/// The configured weight and `more`.
pub(super) fn moved(configured: u32, more: i64) -> u32 {
    let weight = i64::from(configured).saturating_add(more);
    u32::try_from(weight.clamp(0, MAX_WEIGHT)).unwrap_or_default()
}

/// What was added to make `weight` of `configured`.
pub(super) fn more(weight: u32, configured: u32) -> i64 {
    i64::from(weight).saturating_sub(i64::from(configured))
}
