//! The word that sends packets to the programs which tell of them ([`super::super::trace`]).

use std::mem::offset_of;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lb_common::control::Control;

use super::Maps;
use super::mapped::Mapped;

fn word(control: &Mapped<Control>) -> Option<&AtomicU32> {
    control.half(0, offset_of!(Control, trace))
}

/// Until which second of the monotonic clock packets are told of; 0: they are not.
pub(crate) fn set(control: &Mapped<Control>, until: u32) {
    if let Some(word) = word(control) {
        word.store(until, Ordering::Relaxed);
    }
}

impl Maps {
    /// Whether packets are told of.
    pub fn is_traced(&self) -> bool {
        word(&self.control).is_some_and(|word| word.load(Ordering::Relaxed) != 0)
    }

    /// Ends the tracing of somebody who has not said for a while that he reads; `now` is of the
    /// monotonic clock. Whether there was such a one.
    pub fn end_stale_trace(&self, now: Duration) -> bool {
        word(&self.control).is_some_and(|word| {
            let until = word.load(Ordering::Relaxed);
            until != 0
                && now.as_secs() > u64::from(until)
                // He may be back at this moment.
                && word
                    .compare_exchange(until, 0, Ordering::Relaxed, Ordering::Relaxed)
                    .is_ok()
        })
    }
}
