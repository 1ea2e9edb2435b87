//! How long an instance waits (RFC 3768 section 6.1).

use std::time::Duration;

use crate::wire::vrrp::PRIORITY_OWNER;

/// `Skew_Time` of version 2: (256 − priority) / 256 seconds, so that the router with the highest
/// priority is the first to notice that the master is gone.
pub fn skew(priority: u8) -> Duration {
    Duration::from_secs(1) * (256 - u32::from(priority)) / 256
}

/// The intervals of an instance. In version 2 all routers must have the same advertisement
/// interval, so the master's is ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// `Advertisement_Interval`.
    pub adver_int: Duration,
    /// `down_timer_adverts`: so many adverts may be missed; 3 in the RFC.
    pub down_timer_adverts: u8,
}

impl Timers {
    /// `Master_Down_Interval`: so long without an advert, and the master is gone.
    pub fn master_down(self, priority: u8) -> Duration {
        self.adver_int * u32::from(self.down_timer_adverts) + skew(priority)
    }

    /// How long an instance that wants to be master at once (`state MASTER`) listens first:
    /// one advert and the smallest skew there is.
    pub fn wishful_start(self) -> Duration {
        self.adver_int + skew(PRIORITY_OWNER)
    }
}

#[cfg(test)]
mod tests;
