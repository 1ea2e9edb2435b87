//! When one next hop is asked for again. Pure.
//!
//! | what the kernel knows      | asked for                                                    |
//! | -------------------------- | ------------------------------------------------------------ |
//! | no Ethernet address        | at once, then after 1, 2, 4, 8, 16, 30, 30 … seconds          |
//! | it answered lately         | after 20 to 30 seconds: sooner than the kernel grows doubtful |
//! | stale                      | at once, but not twice within a second                       |
//! | being asked already        | as planned                                                   |
//! | set by the operator        | never                                                        |

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::net::neighbour::{Neighbour, NeighbourState};

/// First pause, and the least pause between two probes of one hop: what makes an entry stale may
/// come from outside (gratuitous ARPs), and must not make us flood the link.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause while a hop does not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A hop that answers is asked again after this and [`REFRESH_SPREAD`]. The kernel trusts an
/// answer for 15 to 45 s (`base_reachable_time_ms` × 0.5 … 1.5).
const REFRESH: Duration = Duration::from_secs(20);

/// So that a thousand servers are not asked in the same moment, in milliseconds.
const REFRESH_SPREAD: u64 = 10_000;

/// What the kernel's entry means for the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// No Ethernet address to send to.
    Unusable,
    /// It answered lately.
    Fresh,
    /// Usable, but nobody knows for how long.
    Stale,
    /// Usable, and being asked.
    Asking,
    /// Needs no asking.
    Fixed,
}

impl Phase {
    pub(super) fn of(neighbour: Option<&Neighbour>) -> Self {
        let Some(neighbour) = neighbour.filter(|known| known.usable_mac().is_some()) else {
            return Self::Unusable;
        };
        match neighbour.state {
            NeighbourState::Reachable => Self::Fresh,
            NeighbourState::Stale => Self::Stale,
            NeighbourState::Delay | NeighbourState::Probe => Self::Asking,
            NeighbourState::NoArp | NeighbourState::Permanent => Self::Fixed,
            NeighbourState::None | NeighbourState::Incomplete | NeighbourState::Failed => {
                Self::Unusable
            }
        }
    }

    pub(super) const fn is_usable(self) -> bool {
        match self {
            Self::Fresh | Self::Stale | Self::Asking | Self::Fixed => true,
            Self::Unusable => false,
        }
    }
}

/// The schedule of one hop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    due: Option<Instant>,
    last: Option<Instant>,
    pause: Duration,
    refresh: Duration,
}

impl Schedule {
    /// The schedule of a hop that comes into use with an entry in `phase`.
    pub(super) fn new(address: IpAddr, phase: Phase, now: Instant) -> Self {
        let mut hasher = DefaultHasher::new();
        address.hash(&mut hasher);
        let mut schedule = Self {
            due: None,
            last: None,
            pause: FIRST_PAUSE,
            refresh: REFRESH + Duration::from_millis(hasher.finish() % REFRESH_SPREAD),
        };
        // When it answered last is not known, so even a fresh one is asked.
        schedule.restart(phase, now);
        schedule
    }

    /// When to probe next.
    pub(super) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The kernel's entry has changed.
    pub(super) fn observe(&mut self, before: Phase, after: Phase, now: Instant) {
        match after {
            Phase::Fixed => self.due = None,
            Phase::Fresh => {
                self.pause = FIRST_PAUSE;
                self.due = Some(now + self.refresh);
            }
            Phase::Stale => self.restart(after, now),
            Phase::Asking if before == Phase::Fixed => self.restart(after, now),
            Phase::Unusable if before.is_usable() => self.restart(after, now),
            Phase::Asking | Phase::Unusable => {}
        }
    }

    /// Begins anew: a probe as soon as may be.
    pub(super) fn restart(&mut self, phase: Phase, now: Instant) {
        self.pause = FIRST_PAUSE;
        self.due = match phase {
            Phase::Unusable | Phase::Fresh | Phase::Stale | Phase::Asking => {
                let earliest = self.last.map_or(now, |last| last + FIRST_PAUSE);
                Some(now.max(earliest))
            }
            Phase::Fixed => None,
        };
    }

    /// A probe goes out now.
    pub(super) fn fire(&mut self, phase: Phase, now: Instant) {
        self.last = Some(now);
        self.due = match phase {
            Phase::Fresh | Phase::Stale | Phase::Asking => Some(now + self.refresh),
            Phase::Unusable => {
                let pause = self.pause;
                self.pause = (pause * 2).min(LONGEST_PAUSE);
                Some(now + pause)
            }
            Phase::Fixed => None,
        };
    }

    /// Never again.
    pub(super) const fn stop(&mut self) {
        self.due = None;
    }
}
