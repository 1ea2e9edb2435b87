//! Notifications of the kernel that were lost: when everything is read again, and what is said of
//! it. Pure.

use std::time::{Duration, Instant};

/// Between two attempts to read everything: it may be much, and what made the last attempt fail
/// has not gone by the next packet.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two complaints that it does not work.
const REMIND: Duration = Duration::from_mins(1);

/// Whether the picture of the network has a hole.
#[derive(Debug, Default)]
pub(super) struct Loss {
    lost: bool,
    /// The last attempt that failed.
    tried: Option<Instant>,
    /// The last complaint.
    said: Option<Instant>,
}

impl Loss {
    /// Notifications were lost.
    pub(super) fn note(&mut self) {
        self.lost = true;
    }

    /// Whether everything should be read now.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.lost && self.tried.is_none_or(|tried| now >= tried + PAUSE)
    }

    /// It could not be read; whether to say so.
    pub(super) fn handle_failure(&mut self, now: Instant) -> bool {
        self.tried = Some(now);
        let remind = self.said.is_none_or(|said| now >= said + REMIND);
        if remind {
            self.said = Some(now);
        }
        remind
    }

    /// It was read; whether to say that all is well again.
    pub(super) fn handle_success(&mut self) -> bool {
        let complained = self.said.is_some();
        *self = Self::default();
        complained
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    #[test]
    fn what_was_not_lost_is_not_read_again() {
        let mut loss = Loss::default();
        assert!(!loss.is_due(clock::now()));
        loss.note();
        assert!(loss.is_due(clock::now()));
        assert!(!loss.handle_success(), "nobody had heard of it");
        assert!(!loss.is_due(clock::now()));
    }

    #[test]
    fn attempts_are_a_second_apart_and_complaints_a_minute() {
        let start = clock::now();
        let mut loss = Loss::default();
        loss.note();
        let mut attempts = 0;
        let mut complaints = Vec::new();
        // Ten events a second, for two minutes.
        for event in 0..1200 {
            let now = start + event * Duration::from_millis(100);
            if loss.is_due(now) {
                attempts += 1;
                if loss.handle_failure(now) {
                    complaints.push(event / 10);
                }
            }
        }
        assert_eq!(attempts, 120);
        assert_eq!(complaints, [0, 60]);
        assert!(loss.handle_success(), "it is well again");
        assert!(!loss.handle_success());
    }
}
