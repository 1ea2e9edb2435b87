//! Two masters at once: noticed, said, and noticed again when it is over.
//!
//! One advert of a worse master proves nothing: it yields as soon as it hears ours. One that goes
//! on, or somebody who answers for our addresses, does. Whoever answers is found by asking: a
//! probe (RFC 5227 2.1.1, RFC 4861 7.2.2) with each advert, at most one a second.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Action, Instance, LogLine};
use crate::vrrp::timers::Timers;

/// Probes are broadcast: not more often than this, however short the interval.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// So many adverts of a worse master: it has had two of ours, and goes on.
const ADVERTS: u8 = 3;
/// So many answers to our probes: one may be from somebody who is just letting go.
const ANSWERS: u8 = 2;

/// Somebody else who acts as master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rival {
    /// It advertises, with a lower priority than ours, from this address.
    Advertises(IpAddr),
    /// It answers for one of our virtual addresses.
    Answers {
        /// The virtual address.
        address: IpAddr,
        /// Its MAC address.
        mac: [u8; 6],
    },
}

/// What a MASTER has noticed of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    last: Option<Instant>,
    adverts: u8,
    answers: u8,
    rival: Option<Rival>,
    probed: Option<Instant>,
}

impl Split {
    pub(super) const fn rival(&self) -> Option<Rival> {
        self.rival
    }

    /// Whether to probe now; it then counts as done.
    pub(super) fn may_probe(&mut self, now: Instant) -> bool {
        // A little early is not too often: adverts do not come to the microsecond.
        let enough = PROBE_INTERVAL * 7 / 8;
        let may = self
            .probed
            .is_none_or(|at| now.saturating_duration_since(at) >= enough);
        if may {
            self.probed = Some(now);
        }
        may
    }

    /// So long without a sign: the other one is gone.
    fn patience(timers: &Timers) -> Duration {
        (timers.adver_int * 3).max(PROBE_INTERVAL * 3) + PROBE_INTERVAL / 2
    }

    /// When it counts as healed if nothing more is noticed.
    pub(super) fn heals_at(&self, timers: &Timers) -> Option<Instant> {
        self.rival?;
        Some(self.last? + Self::patience(timers))
    }

    /// Takes a sign of another master; true if it is certain now and was not before.
    fn note(&mut self, rival: Rival, timers: &Timers, now: Instant) -> bool {
        let patience = Self::patience(timers);
        let stale = |last| now.saturating_duration_since(last) > patience;
        if self.rival.is_none() && self.last.is_some_and(stale) {
            (self.adverts, self.answers) = (0, 0);
        }
        self.last = Some(now);
        match rival {
            Rival::Advertises(_) => self.adverts = self.adverts.saturating_add(1),
            Rival::Answers { .. } => self.answers = self.answers.saturating_add(1),
        }
        let certain = self.adverts >= ADVERTS || self.answers >= ANSWERS;
        if certain && self.rival.is_none() {
            self.rival = Some(rival);
            return true;
        }
        false
    }
}

impl Instance {
    pub(super) fn note_rival(&mut self, rival: Rival, now: Instant) {
        if self.split.note(rival, &self.timers, now) {
            self.act(Action::SplitBrain(Some(rival)));
        }
    }

    /// The other master is gone: whoever still believes it is told better.
    pub(super) fn heal(&mut self, now: Instant) {
        if self
            .split
            .heals_at(&self.timers)
            .is_some_and(|at| at <= now)
        {
            let probed = self.split.probed;
            self.split = Split {
                probed,
                ..Split::default()
            };
            self.log(LogLine::SplitBrainHealed);
            self.act(Action::SplitBrain(None));
            self.garp.handle_master(now);
            self.announce(now);
        }
    }
}
