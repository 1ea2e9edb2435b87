//! The same complaint about every advert of a peer would fill the log: one line for each kind of
//! reason is enough until something changes, with a reminder now and then.

use std::mem::{Discriminant, discriminant};
use std::time::{Duration, Instant};

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

#[cfg(test)]
mod tests {
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
}
