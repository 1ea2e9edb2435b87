//! The monotonic clock. Cores take `now` as an argument; drivers read it here and nowhere else.

/// The time now.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock"
)]
pub fn now() -> std::time::Instant {
    std::time::Instant::now()
}
