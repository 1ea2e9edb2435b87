//! A real server of a virtual server, as all its checkers together see it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::name::ServiceName;
use crate::health::pool::ServerRecord;
use crate::health::probe::Weight;
use crate::health::spec::{Server, Service};
use crate::health::verdict::{State, Verdict};
use crate::health::weight;
use crate::health::{Change, Event};
use crate::log_line::LogLine;

/// The checkers before a reload.
pub(super) struct Old<'r> {
    /// Which of them each checker goes on from.
    pub(super) sources: &'r [Option<usize>],
    /// Whether each of them counted as up.
    pub(super) up: &'r [bool],
}

/// A server of a virtual server.
pub(super) type Key = (VirtualServerKey, RealServerKey);

#[derive(Debug)]
pub(super) struct Target {
    pub(super) virtual_server: VirtualServerKey,
    pub(super) real_server: RealServerKey,
    /// Indices of its checkers.
    pub(super) entries: Vec<usize>,
    /// `weight` as configured.
    configured: u32,
    /// `ha_suspend`: it is checked only while one of these is here; empty: always.
    waits_for: BTreeSet<IpAddr>,
    /// Those that are.
    here: BTreeSet<IpAddr>,
    /// Its checkers that have a new question since a reload or a restart: until they have answered,
    /// they stand for those that were there before, up or down.
    held: Vec<(usize, bool)>,
    /// What has been told: what the pool takes it for.
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    up: bool,
    /// A checker has found it down.
    proven_down: bool,
    weight: u32,
}

impl Target {
    pub(super) fn new(service: &Service, server: &Server) -> Self {
        Self {
            virtual_server: service.key.clone(),
            real_server: server.key,
            entries: Vec::new(),
            configured: server.weight,
            waits_for: service.ha_suspend.clone(),
            here: BTreeSet::new(),
            held: Vec::new(),
            told: Told {
                up: server.checks.iter().all(|check| !check.alpha),
                proven_down: false,
                weight: server.weight,
            },
        }
    }

    /// Goes on from what was told of the server before a reload; its weight is what the pool makes of
    /// that and the configured one.
    pub(super) fn succeed(&mut self, before: &Self, old: &Old<'_>) {
        let more = weight::more(before.told.weight, before.configured);
        self.held = self.held_since(before, old);
        self.told = Told {
            weight: weight::moved(self.configured, more),
            ..before.told
        };
        self.here = self.waits_for.intersection(&before.here).copied().collect();
    }

    /// What is up stays so until a new question is answered. So does what is down, if what said so is
    /// gone; a checker that only came in addition counts as at a start.
    fn held_since(&self, before: &Self, old: &Old<'_>) -> Vec<(usize, bool)> {
        let source = |id: usize| old.sources.get(id).copied().flatten();
        let was_held = |id: usize| before.held.iter().find(|it| it.0 == id).map(|it| it.1);
        let was_up =
            |id: usize| was_held(id).unwrap_or_else(|| old.up.get(id).is_none_or(|up| *up));
        let goes_on = |from: usize| self.entries.iter().any(|&id| source(id) == Some(from));
        let gone = before.entries.iter().filter(|from| !goes_on(**from));
        let stands_for = if before.told.up {
            Some(true)
        } else {
            gone.copied().any(|from| !was_up(from)).then_some(false)
        };
        let held = self.entries.iter().filter_map(|&id| {
            match source(id).filter(|from| before.entries.contains(from)) {
                Some(own) => Some((id, was_held(own)?)),
                None => Some((id, stands_for?)),
            }
        });
        held.collect()
    }

    /// Goes on from what its pool was before a restart. `held_down` of a checker without an answer is
    /// whether it may be why the server was down: one that stood for nothing says nothing now either.
    pub(super) fn recall(
        &mut self,
        known: &ServerRecord,
        held_down: impl Fn(usize) -> Option<bool>,
    ) {
        let held = self.entries.iter().filter_map(|&id| {
            let held_down = held_down(id)?;
            (known.up || held_down).then_some((id, known.up))
        });
        self.held = held.collect();
        self.told.up = known.up;
        self.told.weight = weight::moved(self.configured, known.more_weight);
    }

    /// The checkers that stood for what was down before a reload; they may have answered since.
    pub(super) fn held_down(&self) -> impl Iterator<Item = usize> + '_ {
        let held = self.held.iter().filter(|(_, up)| !up);
        held.map(|(id, _)| *id)
    }

    /// Whether its checker `id` stands for what was there before.
    pub(super) fn is_held(&self, id: usize) -> bool {
        self.held.iter().any(|it| it.0 == id)
    }

    /// Its checker `id` counts as at a start from now on; whether it did not.
    pub(super) fn let_go(&mut self, id: usize) -> bool {
        let before = self.held.len();
        self.held.retain(|it| it.0 != id);
        self.held.len() != before
    }

    pub(super) fn is_suspended(&self) -> bool {
        !self.waits_for.is_empty() && self.here.is_empty()
    }

    /// An address is here, or not any more; whether the server is checked, or not, from now on.
    pub(super) fn set_here(&mut self, address: IpAddr, here: bool) -> bool {
        let before = self.is_suspended();
        if here && self.waits_for.contains(&address) {
            self.here.insert(address);
        } else {
            self.here.remove(&address);
        }
        before != self.is_suspended()
    }

    /// keepalived's line.
    pub(super) fn activity_line(&self) -> LogLine {
        let (vs, service) = self.names();
        let what = if self.is_suspended() {
            "Suspending"
        } else {
            "Activating"
        };
        LogLine::Info(format!(
            "{what} healthchecker for service {service} for VS {vs}"
        ))
    }

    /// What is news, seeing all its checkers. Nothing while suspended.
    pub(super) fn look_at(
        &mut self,
        verdicts: &[&Verdict],
        reason: &str,
        now: Instant,
    ) -> Vec<Event> {
        if self.is_suspended() {
            return Vec::new();
        }
        let seen = Told {
            up: self.counts_as_up(verdicts),
            proven_down: verdicts.iter().any(|it| it.state() == State::Down),
            weight: self.weight(verdicts),
        };
        let told = std::mem::replace(&mut self.told, seen);
        let mut events = Vec::new();
        if seen.weight != told.weight {
            events.push(self.event(Change::Weight(seen.weight), reason, now));
        }
        let first_down = !seen.up && seen.proven_down && !told.proven_down;
        if seen.up != told.up || first_down {
            let change = if seen.up { Change::Up } else { Change::Down };
            events.push(self.event(change, reason, now));
        }
        events
    }

    fn counts_as_up(&self, verdicts: &[&Verdict]) -> bool {
        self.entries.iter().zip(verdicts).all(|(id, verdict)| {
            let held = self.held.iter().find(|it| it.0 == *id);
            match held.filter(|_| verdict.state() == State::Unproven) {
                Some((_, up)) => *up,
                None => verdict.is_up(),
            }
        })
    }

    /// The configured weight and what each checker makes of it, as keepalived adds them up.
    fn weight(&self, verdicts: &[&Verdict]) -> u32 {
        let configured = i64::from(self.configured);
        let more = verdicts.iter().filter_map(|verdict| verdict.weight());
        let more = more.map(|weight| match weight {
            Weight::Instead(weight) => i64::from(weight).saturating_sub(configured),
            Weight::More(more) => more,
        });
        weight::moved(self.configured, more.fold(0, i64::saturating_add))
    }

    pub(super) fn event(&self, change: Change, reason: &str, now: Instant) -> Event {
        Event {
            virtual_server: self.virtual_server.clone(),
            real_server: self.real_server,
            change,
            reason: reason.to_owned(),
            at: now,
        }
    }

    pub(super) fn key(&self) -> Key {
        (self.virtual_server.clone(), self.real_server)
    }

    /// Of the virtual server and of the real server.
    pub(super) fn names(&self) -> (&VirtualServerKey, ServiceName) {
        (
            &self.virtual_server,
            ServiceName::of_real_server(&self.virtual_server, &self.real_server),
        )
    }
}
