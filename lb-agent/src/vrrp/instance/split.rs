//! Two masters at once: noticed, said, and noticed again when it is over.
//!
//! One advert of a worse master proves nothing: it yields as soon as it hears ours. One that goes
//! on, or somebody who answers for our addresses, does. Whoever answers is found by asking (RFC
//! 5227 2.1.1, RFC 4861 7.2.2): probes go with the adverts, for all addresses or for some in their
//! turn. An address that somebody has answered for is asked for again with the very next advert,
//! so that two answers take as long for one of many addresses as for a single one.
//!
//! Which address has its turn, and which cannot be asked for, is the router's to know.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{Action, Instance, LogLine};
use crate::vrrp::timers::Timers;

/// Probes are broadcast: at shorter intervals than this they do not go with every advert.
const PROBE_INTERVAL: Duration = Duration::from_millis(100);
/// So many addresses are asked for in a second; at short intervals each advert has its share.
const PROBES: u32 = 16;
/// A host that is silent for a moment is not gone.
const SILENCE: Duration = Duration::from_millis(3500);

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
    /// The last sign of another master.
    last: Option<Instant>,
    adverts: Signs,
    suspect: Option<(IpAddr, Signs)>,
    rival: Option<Rival>,
    probed: Option<Instant>,
}

/// Signs of one kind that follow each other closely enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Signs {
    count: u8,
    last: Option<Instant>,
}

/// What to ask for beside an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    /// Somebody has answered for this address.
    pub(super) again: Option<IpAddr>,
    /// So many others, in their turn.
    pub(super) others: usize,
}

impl Signs {
    /// How many there are with this one.
    fn note(&mut self, patience: Duration, now: Instant) -> u8 {
        self.count = if self.are_fresh(patience, now) {
            self.count.saturating_add(1)
        } else {
            1
        };
        self.last = Some(now);
        self.count
    }

    fn are_fresh(&self, patience: Duration, now: Instant) -> bool {
        self.last
            .is_some_and(|last| now.saturating_duration_since(last) <= patience)
    }
}

impl Split {
    pub(super) const fn rival(&self) -> Option<Rival> {
        self.rival
    }

    /// What to ask for now; it then counts as asked.
    pub(super) fn probe(&mut self, timers: &Timers, now: Instant) -> Option<Probe> {
        let interval = timers
            .adver_int
            .clamp(PROBE_INTERVAL, Duration::from_secs(1));
        // A little early is not too often: adverts do not come to the microsecond.
        let enough = interval * 7 / 8;
        let is_due = self
            .probed
            .is_none_or(|at| now.saturating_duration_since(at) >= enough);
        let patience = Self::patience(timers);
        let suspect = self.suspect.filter(|(_, of)| of.are_fresh(patience, now));
        let again = suspect.map(|(address, _)| address);
        if !is_due {
            // Only what will make it certain.
            let again = again.filter(|_| self.rival.is_none())?;
            return Some(Probe {
                again: Some(again),
                others: 0,
            });
        }
        self.probed = Some(now);
        let share = u128::from(PROBES) * interval.as_millis() / 1000;
        let others = usize::try_from(share).unwrap_or(usize::MAX).max(1);
        Some(Probe { again, others })
    }

    /// So long without a sign: the other one is gone.
    fn patience(timers: &Timers) -> Duration {
        (timers.adver_int * 3 + Duration::from_millis(500)).max(SILENCE)
    }

    /// When it counts as healed if nothing more is noticed.
    pub(super) fn heals_at(&self, timers: &Timers) -> Option<Instant> {
        self.rival?;
        Some(self.last? + Self::patience(timers))
    }

    /// Takes a sign of another master; true if it is certain now and was not before.
    fn note(&mut self, rival: Rival, timers: &Timers, now: Instant) -> bool {
        let patience = Self::patience(timers);
        self.last = Some(now);
        let certain = match rival {
            Rival::Advertises(_) => self.adverts.note(patience, now) >= ADVERTS,
            Rival::Answers { address, .. } => self.note_answer(address, patience, now) >= ANSWERS,
        };
        if certain && self.rival.is_none() {
            self.rival = Some(rival);
            return true;
        }
        false
    }

    /// How often this address was answered for. Another suspect stays one until it is silent: it is
    /// asked for again, which is enough to find the same master.
    fn note_answer(&mut self, address: IpAddr, patience: Duration, now: Instant) -> u8 {
        match &mut self.suspect {
            Some((suspect, answers)) if *suspect == address => answers.note(patience, now),
            Some((_, answers)) if answers.are_fresh(patience, now) => 0,
            Some(_) | None => {
                let mut answers = Signs::default();
                let count = answers.note(patience, now);
                self.suspect = Some((address, answers));
                count
            }
        }
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
