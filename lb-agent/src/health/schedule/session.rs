//! What BFD sessions say of their servers: nobody asks them, they tell.
//!
//! As with keepalived (measured on 2.2.7), a session that is not up yet takes its servers out when the
//! agent starts. What a restart or a reload has left of a server stays while its session begins; how
//! long that may take is for who runs the sessions.

use std::time::Instant;

use super::{CheckerId, Entry, Schedule};
use crate::health::probe::{Failure, ProbeResult};
use crate::health::verdict::State;

/// What a BFD session says of its neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// It is reached.
    Up,
    /// It has not been reached yet, and may still be.
    Beginning,
    /// It is reached no longer, or was not in the time that a session takes to begin.
    Down,
}

impl Schedule {
    /// The BFD instance `name` says how its session is. A server with `alpha` is told of nothing before it
    /// has been up for the first time.
    pub fn handle_bfd(&mut self, name: &str, session: Session, now: Instant) {
        for id in self.told_by(name) {
            let result = match session {
                Session::Up => ProbeResult::Success,
                Session::Beginning if self.stands_for_something(id) => continue,
                Session::Beginning | Session::Down if self.waits_for_first_success(id) => {
                    self.let_go(id, now);
                    continue;
                }
                Session::Beginning | Session::Down => ProbeResult::Failed(Failure::BfdDown),
            };
            self.with_verdict(id, now, |verdict| verdict.handle_result(result, now));
        }
    }

    /// The checkers that the BFD instance `name` tells.
    fn told_by(&self, name: &str) -> Vec<CheckerId> {
        let is_told = |entry: &Entry| {
            let bfd = entry.verdict.check().question.kind.told_by();
            bfd.is_some_and(|bfd| bfd.name == name)
        };
        let entries = (0..).zip(&self.entries);
        let told = entries.filter(|(_, entry)| is_told(entry));
        told.map(|(id, _)| CheckerId(id)).collect()
    }

    /// Whether the checker `id` knows of an earlier run, or of the time before a reload, how a server
    /// of it was.
    fn stands_for_something(&self, id: CheckerId) -> bool {
        self.entries.get(id.0).is_some_and(|entry| {
            let mut targets = entry.targets.iter().filter_map(|it| self.targets.get(*it));
            entry.verdict.state() != State::Unproven || targets.any(|it| it.is_held(id.0))
        })
    }

    /// Whether the checker `id` has no answer, and counts as down without.
    fn waits_for_first_success(&self, id: CheckerId) -> bool {
        let entry = self.entries.get(id.0);
        entry.is_some_and(|it| it.verdict.state() == State::Unproven && !it.verdict.is_up())
    }

    /// The checker `id` has no answer, and waits for none: it stands for nothing any more that was there
    /// before.
    fn let_go(&mut self, id: CheckerId, now: Instant) {
        let entry = self.entries.get(id.0);
        let targets = entry.map(|entry| entry.targets.clone());
        for index in targets.unwrap_or_default() {
            let target = self.targets.get_mut(index);
            if target.is_some_and(|target| target.let_go(id.0)) {
                self.tell(index, "its BFD session has not come up", now);
            }
        }
    }
}
