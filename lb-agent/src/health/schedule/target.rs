//! A real server of a virtual server, as all its checkers together see it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::name::ServiceName;
use crate::health::probe::Weight;
use crate::health::spec::{Server, Service};
use crate::health::verdict::{State, Verdict};
use crate::health::{Change, Event};
use crate::log_line::LogLine;

/// keepalived's bound of weights.
const MAX_WEIGHT: i64 = i32::MAX as i64;

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
    /// What has been told.
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
            told: Told {
                up: server.checks.iter().all(|check| !check.alpha),
                proven_down: false,
                weight: server.weight,
            },
        }
    }

    /// Goes on from what was told of the server before. Its weight is what its checkers make of
    /// the configured one now: the pool knows that by itself.
    pub(super) fn succeed(&mut self, before: &Self, verdicts: &[&Verdict]) {
        self.told = Told {
            weight: self.weight(verdicts),
            ..before.told
        };
        self.here = self.waits_for.intersection(&before.here).copied().collect();
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

    /// What is news, seeing all its checkers; or `everything`. Nothing while suspended.
    pub(super) fn look_at(
        &mut self,
        verdicts: &[&Verdict],
        everything: bool,
        reason: &str,
        now: Instant,
    ) -> Vec<Event> {
        if self.is_suspended() {
            return Vec::new();
        }
        let seen = Told {
            up: verdicts.iter().all(|verdict| verdict.is_up()),
            proven_down: verdicts.iter().any(|it| it.state() == State::Down),
            weight: self.weight(verdicts),
        };
        let told = std::mem::replace(&mut self.told, seen);
        let mut events = Vec::new();
        if seen.weight != told.weight || (everything && seen.weight != self.configured) {
            events.push(self.event(Change::Weight(seen.weight), reason, now));
        }
        let first_down = !seen.up && seen.proven_down && !told.proven_down;
        // What only waits for its first check is no news: it counts as whatever it counted as.
        let known = seen.up || seen.proven_down;
        if seen.up != told.up || first_down || (everything && known) {
            let change = if seen.up { Change::Up } else { Change::Down };
            events.push(self.event(change, reason, now));
        }
        events
    }

    /// The configured weight and what each checker makes of it, as keepalived adds them up.
    fn weight(&self, verdicts: &[&Verdict]) -> u32 {
        let configured = i64::from(self.configured);
        let more = verdicts.iter().filter_map(|verdict| verdict.weight());
        let more = more.map(|weight| match weight {
            Weight::Instead(weight) => i64::from(weight).saturating_sub(configured),
            Weight::More(more) => more,
        });
        let weight = more.fold(configured, i64::saturating_add);
        u32::try_from(weight.clamp(0, MAX_WEIGHT)).unwrap_or_default()
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

    /// Of the virtual server and of the real server.
    pub(super) fn names(&self) -> (&VirtualServerKey, ServiceName) {
        (
            &self.virtual_server,
            ServiceName::of_real_server(&self.virtual_server, &self.real_server),
        )
    }
}
