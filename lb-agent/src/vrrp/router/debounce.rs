//! `interface_up_down_delays`: a link that flaps is not up and down with every flap.

use std::time::{Duration, Instant};

use crate::config::model::UpDownDelay;
use crate::net::link::Link;

/// Links whose new state does not count yet.
#[derive(Debug, Default)]
pub(super) struct Debounce {
    delays: Vec<UpDownDelay>,
    pending: Vec<(Link, Instant)>,
}

impl Debounce {
    pub(super) const fn new(delays: Vec<UpDownDelay>) -> Self {
        Self {
            delays,
            pending: Vec::new(),
        }
    }

    /// Other delays; a link that waits waits on.
    pub(super) fn set_delays(&mut self, delays: Vec<UpDownDelay>) {
        self.delays = delays;
    }

    /// The link as it counts at `now`; `before`: whether it was up so far, `delays_of`: the
    /// interface whose delays are its own. A delay is never longer than `longest`: the others would
    /// take over before we know that we should let go.
    pub(super) fn admit(
        &mut self,
        link: Link,
        before: Option<bool>,
        delays_of: &str,
        longest: Option<Duration>,
        now: Instant,
    ) -> Link {
        let waits = self
            .pending
            .iter()
            .position(|(it, _)| it.index == link.index);
        let Some(before) = before.filter(|before| *before != link.up) else {
            // As it was: the flap is over.
            self.forget(link.index);
            return link;
        };
        let mut delays = self.delays.iter();
        let delay = delays.find(|it| it.interface == delays_of);
        let delay = delay.map_or(Duration::ZERO, |it| {
            if link.up { it.up_delay } else { it.down_delay }
        });
        let delay = longest.map_or(delay, |longest| delay.min(longest));
        if delay.is_zero() {
            self.forget(link.index);
            return link;
        }
        match waits.and_then(|place| self.pending.get_mut(place)) {
            // It waits already, since when it changed.
            Some((known, _)) => known.clone_from(&link),
            None => self.pending.push((link.clone(), now + delay)),
        }
        Link { up: before, ..link }
    }

    /// A link whose time has come.
    pub(super) fn due(&mut self, now: Instant) -> Option<Link> {
        let place = self.pending.iter().position(|(_, at)| *at <= now)?;
        Some(self.pending.swap_remove(place).0)
    }

    /// When [`Self::due`] has something next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.pending.iter().map(|(_, at)| *at).min()
    }

    /// The link is gone, or is as it was.
    pub(super) fn forget(&mut self, index: u32) {
        self.pending.retain(|(link, _)| link.index != index);
    }
}
