//! The effective priority: what is tracked moves it.

use std::time::Instant;

use super::{Action, Fault, Instance, LogLine, PRIORITY_OWNER, State};
use crate::vrrp::settings::Status;

/// The lowest and the highest priority that weights can make: 0 releases, 255 owns.
const LOWEST: i32 = 1;
const HIGHEST: i32 = PRIORITY_OWNER as i32 - 1;

impl Instance {
    /// `place` beyond what is tracked is left alone.
    pub(super) fn note_tracked(&mut self, place: usize, status: Status) {
        let Some(tracked) = self.settings.tracked.get(place) else {
            return;
        };
        let is_fault = tracked.is_fault(status);
        if let Some(noted) = self.tracked.get_mut(place) {
            *noted = status;
        }
        self.set_fault(Fault::Tracked(place), is_fault);
    }

    /// The base and all adjustments; an owner stays an owner, whatever is tracked.
    pub(super) fn computed_priority(&self) -> u8 {
        if self.settings.priority == PRIORITY_OWNER {
            return PRIORITY_OWNER - u8::from(self.conceded);
        }
        let pairs = self.settings.tracked.iter().zip(&self.tracked);
        let sum = pairs
            .map(|(tracked, status)| tracked.adjustment(*status))
            .fold(i32::from(self.settings.priority), i32::saturating_add);
        u8::try_from(sum.clamp(LOWEST, HIGHEST)).unwrap_or(self.settings.priority)
    }

    /// After something tracked has changed. A BACKUP's down timer moves with its skew.
    pub(super) fn weigh_priority(&mut self, now: Instant) {
        let (from, to) = (self.priority, self.computed_priority());
        if from == to {
            return;
        }
        self.priority = to;
        self.log(LogLine::PriorityChanged { from, to });
        self.act(Action::Priority { from, to });
        if self.state == State::Backup
            && let Some(deadline) = self.deadline
        {
            let longer = deadline + self.timers.skew(to);
            let moved = longer.checked_sub(self.timers.skew(from));
            self.deadline = Some(moved.unwrap_or(now).max(now));
        }
    }
}
