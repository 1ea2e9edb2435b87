//! The same complaint about every advert of a peer would fill the log: one line for each kind of
//! reason is enough until something changes, with a reminder now and then.

use std::mem::{Discriminant, discriminant};
use std::time::{Duration, Instant};

use crate::vrrp::log_line::LogLine;

/// A complaint that lasts is made again after so long.
const REMINDER: Duration = Duration::from_mins(1);

/// When each kind of complaint was made last. What kinds there are is `T`'s variants.
#[derive(Debug)]
pub(super) struct Complaints<T> {
    made: Vec<(Discriminant<T>, Instant)>,
}

impl<T> Complaints<T> {
    pub(super) const fn new() -> Self {
        Self { made: Vec::new() }
    }

    /// Whether to say it now; it then counts as said.
    pub(super) fn is_due(&mut self, complaint: &T, now: Instant) -> bool {
        let kind = discriminant(complaint);
        match self.made.iter_mut().find(|(made, _)| *made == kind) {
            Some((_, at)) if now.saturating_duration_since(*at) < REMINDER => false,
            Some((_, at)) => {
                *at = now;
                true
            }
            None => {
                self.made.push((kind, now));
                true
            }
        }
    }

    /// The situation is another: everything may be said again.
    pub(super) fn clear(&mut self) {
        self.made.clear();
    }
}

/// Lines that somebody who goes on causes with every advert: each is written once a minute. There is
/// room for a few; of more at once the others are not written, and nothing is allocated for them.
#[derive(Debug)]
pub(super) struct Repeated {
    written: Vec<(LogLine, Instant)>,
}

/// So many different lines in a minute: several senders, or one that changes its priority.
const MOST_LINES: usize = 16;

impl Repeated {
    pub(super) fn new() -> Self {
        Self {
            written: Vec::with_capacity(MOST_LINES),
        }
    }

    /// Whether to write it now; it then counts as written.
    pub(super) fn is_due(&mut self, line: LogLine, now: Instant) -> bool {
        if !line.may_repeat() {
            return true;
        }
        let is_old = |at: Instant| now.saturating_duration_since(at) >= REMINDER;
        if let Some((_, at)) = self.written.iter_mut().find(|(it, _)| *it == line) {
            let due = is_old(*at);
            if due {
                *at = now;
            }
            return due;
        }
        if self.written.len() < MOST_LINES {
            self.written.push((line, now));
            return true;
        }
        let oldest = self.written.iter_mut().min_by_key(|(_, at)| *at);
        match oldest.filter(|(_, at)| is_old(*at)) {
            Some(place) => {
                *place = (line, now);
                true
            }
            None => false,
        }
    }

    /// The situation is another: everything may be written again.
    pub(super) fn clear(&mut self) {
        self.written.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::runtime::clock;

    enum Fruit {
        Apple(u8),
        Pear,
    }

    #[test]
    fn each_kind_is_said_once_a_minute() {
        let start = clock::now();
        let mut complaints = Complaints::new();
        assert!(complaints.is_due(&Fruit::Apple(1), start));
        assert!(!complaints.is_due(&Fruit::Apple(2), start + Duration::from_secs(59)));
        assert!(complaints.is_due(&Fruit::Pear, start));
        assert!(complaints.is_due(&Fruit::Apple(3), start + Duration::from_mins(1)));
        complaints.clear();
        assert!(complaints.is_due(&Fruit::Pear, start));
        assert!(matches!(Fruit::Apple(4), Fruit::Apple(4)));
    }

    #[test]
    fn a_line_of_every_advert_is_written_once_a_minute_and_few_of_them() {
        let start = clock::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let of = |last: u8| LogLine::Discarding {
            source: IpAddr::from([10, 0, 0, last]),
            priority: 90,
        };
        let mut lines = Repeated::new();
        assert!(lines.is_due(of(1), at(0)));
        assert!(!lines.is_due(of(1), at(1)) && !lines.is_due(of(1), at(59)));
        assert!(lines.is_due(of(1), at(60)));
        // Each of some senders, but nobody writes as much as he likes by inventing more.
        let written = (2..=255).filter(|last| lines.is_due(of(*last), at(61)));
        assert_eq!(written.count(), MOST_LINES - 1);
        assert_eq!(lines.written.len(), MOST_LINES);
        assert!(lines.is_due(of(200), at(120)), "the first is a minute old");
        assert!(!lines.is_due(of(201), at(120)));
        // What happens once is written each time.
        assert!(lines.is_due(LogLine::SentRelease, at(120)));
        assert!(lines.is_due(LogLine::SentRelease, at(120)));
        lines.clear();
        assert!(lines.is_due(of(201), at(120)));
    }
}
