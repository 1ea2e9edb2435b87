//! When a MASTER announces its addresses by gratuitous ARP. It decides only which address is due;
//! the frames are [`crate::wire::arp`]'s.
//!
//! A burst goes round robin over the addresses, `…_repeat` times. One burst comes on becoming
//! master and one `garp_master_delay` later, for the switches that were not forwarding yet at
//! the first; one at each `garp_master_refresh`; and one at once, one later, when a master of
//! lower priority was heard, since the network may have followed it. `garp_extra_if` comes beside
//! them, at a pace of its own.

use std::time::{Duration, Instant};

use crate::config::model::Garp;

/// An address whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Its place among the announced addresses.
    pub address: usize,
    /// The first time in its burst.
    pub first: bool,
}

/// The bursts to come of one instance. Empty unless it is master.
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: Garp,
    addresses: usize,
    burst: Option<Burst>,
    /// The pacing allows no frame before.
    not_before: Option<Instant>,
    after_master: Option<Instant>,
    after_lower_prio: Option<Instant>,
    refresh: Option<Instant>,
    extra: Extra,
}

/// `garp_extra_if`: these, again and again, for switches that forget.
#[derive(Clone, Debug, Default)]
struct Extra {
    places: Vec<usize>,
    next: usize,
    due: Option<Instant>,
}

/// A burst that goes out.
#[derive(Clone, Copy, Debug)]
struct Burst {
    rounds: u32,
    first_round: bool,
    next: usize,
    due: Instant,
}

impl Schedule {
    /// A schedule for so many addresses, with nothing due.
    pub const fn new(settings: Garp, addresses: usize) -> Self {
        Self {
            settings,
            addresses,
            burst: None,
            not_before: None,
            after_master: None,
            after_lower_prio: None,
            refresh: None,
            extra: Extra {
                places: Vec::new(),
                next: 0,
                due: None,
            },
        }
    }

    /// With addresses for `garp_extra_if`.
    #[must_use]
    pub fn with_extra(mut self, places: Vec<usize>) -> Self {
        self.extra.places = places;
        self
    }

    /// The instance has become master.
    pub fn handle_master(&mut self, now: Instant) {
        let Garp {
            master_delay,
            master_repeat,
            master_refresh,
            ..
        } = self.settings;
        self.begin(master_repeat, now);
        self.after_master = (!master_delay.is_zero()).then(|| now + master_delay);
        self.refresh = (!master_refresh.is_zero()).then(|| now + master_refresh);
        self.extra.next = 0;
        self.extra.due = self.extra_interval().map(|interval| now + interval);
    }

    /// `None`: there is nothing to announce by itself.
    fn extra_interval(&self) -> Option<Duration> {
        let interval = self.settings.extra_if?.interval;
        (!interval.is_zero() && !self.extra.places.is_empty()).then_some(interval)
    }

    fn poll_extra(&mut self, now: Instant) -> Option<Announcement> {
        self.extra.due.filter(|due| *due <= now)?;
        let interval = self.extra_interval()?;
        let address = *self.extra.places.get(self.extra.next)?;
        self.extra.next += 1;
        let round_is_over = self.extra.next >= self.extra.places.len();
        self.extra.next = if round_is_over { 0 } else { self.extra.next };
        let wait = if round_is_over {
            interval
        } else {
            self.settings.interval
        };
        self.extra.due = Some(now + wait);
        Some(Announcement {
            address,
            first: false,
        })
    }

    /// The instance, master, has heard a master of lower priority.
    pub fn handle_lower_prio(&mut self, now: Instant) {
        let Garp {
            lower_prio_delay,
            lower_prio_repeat,
            ..
        } = self.settings;
        if lower_prio_repeat == 0 {
            return;
        }
        self.begin(lower_prio_repeat, now);
        self.after_lower_prio = (!lower_prio_delay.is_zero()).then(|| now + lower_prio_delay);
    }

    /// Other settings, perhaps for other addresses: then a burst that goes out begins anew, for
    /// all of them. What comes later keeps its time; what comes again and again, in another rhythm
    /// now, begins if the instance is `master`.
    pub fn reload(&mut self, next: Self, master: bool, now: Instant) {
        let before = std::mem::replace(self, next);
        let same_extra = before.settings.extra_if == self.settings.extra_if
            && before.extra.places == self.extra.places;
        if same_extra {
            self.extra = before.extra;
        } else if master {
            self.extra.due = self.extra_interval().map(|interval| now + interval);
        }
        let period = self.settings.master_refresh;
        if before.settings.master_refresh == period {
            self.refresh = before.refresh;
        } else if master && !period.is_zero() {
            self.refresh = Some(now + period);
        }
        let burst = before.burst.filter(|_| self.addresses > 0);
        self.burst = burst.map(|burst| Burst { next: 0, ..burst });
        self.not_before = before.not_before;
        self.after_master = before.after_master;
        self.after_lower_prio = before.after_lower_prio;
    }

    /// The instance, master, has addresses that nobody has heard of.
    pub fn handle_added(&mut self, now: Instant) {
        self.begin(self.settings.master_repeat, now);
    }

    /// The instance is no longer master: nothing is due any more.
    pub const fn clear(&mut self) {
        self.burst = None;
        self.after_master = None;
        self.after_lower_prio = None;
        self.refresh = None;
        self.extra.due = None;
    }

    /// When [`Self::poll`] has something next. Ask again after every other call.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let burst = self.burst.map(|burst| burst.due);
        [
            burst,
            self.after_master,
            self.after_lower_prio,
            self.refresh,
            self.extra.due,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next address to announce by `now`. Call until it gives `None`.
    #[must_use]
    pub fn poll(&mut self, now: Instant) -> Option<Announcement> {
        self.begin_due(now);
        if let Some(extra) = self.poll_extra(now) {
            return Some(extra);
        }
        let interval = self.settings.interval;
        let burst = self.burst.as_mut().filter(|burst| burst.due <= now)?;
        let announcement = Announcement {
            address: burst.next,
            first: burst.first_round,
        };
        // Pacing counts from the frame that goes now, not from when it was due: a late one must
        // not bring the next one closer.
        burst.due = now + interval;
        self.not_before = Some(burst.due);
        burst.next += 1;
        if burst.next >= self.addresses {
            burst.next = 0;
            burst.first_round = false;
            burst.rounds = burst.rounds.saturating_sub(1);
        }
        if burst.rounds == 0 {
            self.burst = None;
        }
        Some(announcement)
    }

    fn begin_due(&mut self, now: Instant) {
        let Garp {
            master_repeat,
            master_refresh,
            master_refresh_repeat,
            lower_prio_repeat,
            ..
        } = self.settings;
        let is_due = |at: &mut Instant| *at <= now;
        if self.after_master.take_if(is_due).is_some() {
            self.begin(master_repeat, now);
        }
        if self.after_lower_prio.take_if(is_due).is_some() {
            self.begin(lower_prio_repeat, now);
        }
        if self.refresh.take_if(is_due).is_some() {
            self.begin(master_refresh_repeat, now);
            self.refresh = Some(now + master_refresh);
        }
    }

    /// A burst joins one that is still going out: what counts is that each address is heard so
    /// often from here on, and no sooner than the pacing allows.
    fn begin(&mut self, rounds: u32, now: Instant) {
        if self.addresses == 0 || rounds == 0 {
            return;
        }
        let due = self
            .not_before
            .map_or(now, |not_before| not_before.max(now));
        let going = self.burst.unwrap_or(Burst {
            rounds,
            first_round: true,
            next: 0,
            due,
        });
        self.burst = Some(Burst {
            rounds: going.rounds.max(rounds),
            first_round: true,
            ..going
        });
    }
}

#[cfg(test)]
mod tests;
