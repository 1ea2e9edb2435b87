//! The clock, and waiting.

use std::thread;
use std::time::{Duration, Instant};

/// The time.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness is a driver; this is its clock"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Asks `condition` every 10 ms until it gives a value; `None` when `limit` has passed.
pub fn wait_until<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = now() + limit;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if now() >= end {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
