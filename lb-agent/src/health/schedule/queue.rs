//! Which checker is next: one heap, and how much may happen at once.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use super::{BURST, CheckerId, PACE};
use crate::log_line::LogLine;

#[derive(Debug)]
pub(super) struct Queue {
    /// When each checker that waits is due. May hold outdated entries: a checker whose deadline is
    /// another now has a newer one as well.
    due: BinaryHeap<Reverse<(Instant, CheckerId)>>,
    in_flight: usize,
    limit: usize,
    /// Starts left in this burst.
    burst: usize,
    /// When the next burst may begin.
    pace: Option<Instant>,
    late: Late,
}

/// Whether the limit keeps probes waiting, and whether that has been said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    No,
    Yes,
    Said,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            due: BinaryHeap::new(),
            in_flight: 0,
            limit,
            burst: BURST,
            pace: None,
            late: Late::No,
        }
    }

    pub(super) fn push(&mut self, deadline: Option<Instant>, id: CheckerId) {
        self.due
            .extend(deadline.map(|deadline| Reverse((deadline, id))));
    }

    /// So many probes are under way already.
    pub(super) fn inherit(&mut self, before: &Self) {
        self.in_flight = before.in_flight;
    }

    pub(super) fn started(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
        self.burst = self.burst.saturating_sub(1);
    }

    pub(super) fn ended(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The next checker that may probe `now`, and when it was due; `deadline_of` tells outdated entries.
    pub(super) fn next(
        &mut self,
        now: Instant,
        deadline_of: impl Fn(CheckerId) -> Option<Instant>,
    ) -> Option<(CheckerId, Instant)> {
        if self.pace.is_some_and(|pace| pace <= now) {
            self.burst = BURST;
            self.pace = None;
        }
        while let Some(&Reverse((deadline, id))) = self.due.peek() {
            if deadline > now {
                self.late = Late::No;
                return None;
            }
            if deadline_of(id) != Some(deadline) {
                self.due.pop();
                continue;
            }
            if self.in_flight >= self.limit {
                if self.late == Late::No {
                    self.late = Late::Yes;
                }
                return None;
            }
            if self.burst == 0 {
                self.pace = self.pace.or_else(|| now.checked_add(PACE));
                return None;
            }
            self.due.pop();
            return Some((id, deadline));
        }
        self.late = Late::No;
        None
    }

    /// When [`Self::next`] may have something. It may have nothing when the time has come.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let &Reverse((deadline, _)) = self.due.peek()?;
        let at = self.pace.map_or(deadline, |pace| pace.max(deadline));
        (self.in_flight < self.limit).then_some(at)
    }

    /// Said once each time that the limit is reached.
    pub(super) fn say_late(&mut self) -> Option<LogLine> {
        if self.late != Late::Yes {
            return None;
        }
        self.late = Late::Said;
        Some(LogLine::Warn(format!(
            "{} probes are under way, which is the limit: checks start late. Many servers hang, \
             or the limit of open files is too low",
            self.in_flight
        )))
    }
}
