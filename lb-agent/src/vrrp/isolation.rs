//! What keeps the VRRP thread on time beside everything else on the machine: real-time priority, only
//! when asked for, and more of it when the thread runs late. Memory that stays in RAM is the whole
//! process's matter (`runtime::memory`).

use std::time::Duration;

use crate::runtime::priority::Priority;

/// `vrrp_priority`, `vrrp_rt_priority` and `max_auto_priority`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// `vrrp_priority`, `vrrp_rt_priority`; `None`: a thread like any other.
    pub priority: Priority,
    /// A thread that runs late gets real-time priority, and then more of it, up to this; `None`:
    /// it does not.
    pub max_auto_priority: Option<u8>,
    /// So late is late.
    pub min_auto_priority_delay: Duration,
}

impl Isolation {
    /// Applies to the calling thread. What the system does not permit is said and done without.
    pub fn apply(self) {
        self.priority.apply("vrrp");
    }
}

/// `max_auto_priority`: how far the thread has been raised.
#[derive(Clone, Copy, Debug)]
pub struct Escalation {
    max: u8,
    delay: Duration,
    now: u8,
}

impl Escalation {
    /// The thread runs as [`Isolation::apply`] has left it.
    pub fn new(isolation: Isolation) -> Self {
        Self {
            max: isolation.max_auto_priority.unwrap_or(0),
            delay: isolation.min_auto_priority_delay,
            now: isolation.priority.real_time.unwrap_or(0),
        }
    }

    /// The thread has run so long after its time: the priority that it should have, if that is a
    /// higher one.
    pub fn late(&mut self, late: Duration) -> Option<u8> {
        if late < self.delay || self.now >= self.max {
            return None;
        }
        self.now += 1;
        Some(self.now)
    }
}

/// Later than this part of its interval an advert counts as late.
pub const LATE: u32 = 5;

/// Whether a timer that ran out `late` after its time is late for this interval.
pub fn is_late(late: Duration, interval: Duration) -> bool {
    late > interval / LATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_late_again_and_again_gets_a_priority_and_then_more_but_not_without_end() {
        let mut escalation = Escalation::new(Isolation {
            max_auto_priority: Some(2),
            min_auto_priority_delay: Duration::from_secs(1),
            ..Isolation::default()
        });
        let lates = [500, 1000, 999, 3000, 9000].map(Duration::from_millis);
        let raised = lates.map(|late| escalation.late(late));
        assert_eq!(raised, [None, Some(1), None, Some(2), None]);
    }

    #[test]
    fn who_was_not_asked_to_is_never_raised() {
        let mut escalation = Escalation::new(Isolation::default());
        assert_eq!(escalation.late(Duration::from_mins(1)), None);
    }
}
