//! How long an instance waits (RFC 3768 section 6.1, RFC 9568 section 6.1).

use std::time::Duration;

use super::settings::Version;
use crate::wire::vrrp::PRIORITY_OWNER;

/// The intervals of an instance. In version 2 all routers must have the same advertisement
/// interval; in version 3 the master's counts, whatever a backup's own is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// The version of the protocol.
    pub version: Version,
    /// `Advertisement_Interval`: ours.
    pub adver_int: Duration,
    /// `Active_Adver_Interval`: the master's, as long as there is one; else ours.
    pub master_adver_int: Duration,
    /// `down_timer_adverts`: so many adverts may be missed; 3 in the RFC.
    pub down_timer_adverts: u8,
}

impl Timers {
    /// The timers of who knows of no other master.
    pub const fn new(version: Version, adver_int: Duration, down_timer_adverts: u8) -> Self {
        Self {
            version,
            adver_int,
            master_adver_int: adver_int,
            down_timer_adverts,
        }
    }

    /// `Skew_Time`, so that the router with the highest priority is the first to notice that the
    /// master is gone: (256 − priority) / 256 of a second, in version 3 of the master's interval.
    pub fn skew(self, priority: u8) -> Duration {
        let whole = match self.version {
            Version::V2 => Duration::from_secs(1),
            Version::V3 => self.master_adver_int,
        };
        whole * (256 - u32::from(priority)) / 256
    }

    /// `Master_Down_Interval` (`Active_Down_Interval`): so long without an advert, and the master
    /// is gone.
    pub fn master_down(self, priority: u8) -> Duration {
        self.master_adver_int * u32::from(self.down_timer_adverts) + self.skew(priority)
    }

    /// How long an instance that wants to be master at once (`state MASTER`) listens first:
    /// one advert and the smallest skew there is.
    pub fn wishful_start(self) -> Duration {
        self.adver_int + self.skew(PRIORITY_OWNER)
    }
}

#[cfg(test)]
mod tests;
