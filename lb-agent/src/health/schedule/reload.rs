//! Other checkers while some run: those that stay go on in their rhythm, with what they know.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::{Action, Check, CheckerId, Entry, Schedule, Settings, Target};
use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::spec::{Question, Service};
use crate::health::verdict::Verdict;

/// Where checkers are after a reload; `None`: they are no more.
#[derive(Debug)]
#[must_use]
pub struct Moves(Vec<Option<CheckerId>>);

impl Moves {
    /// Where the checker `id` is now.
    #[must_use]
    pub fn of(&self, id: CheckerId) -> Option<CheckerId> {
        self.0.get(id.0).copied().flatten()
    }
}

impl Schedule {
    /// Checks `services` from now on.
    ///
    /// An equal checker goes on as if nothing had happened. One that asks the same question in
    /// another rhythm keeps its verdict and its counters. A server is told of again only when
    /// something is news: one whose question is another stays up or down until it is answered.
    pub fn reload(&mut self, services: &[Service], settings: Settings, now: Instant) -> Moves {
        let settings = Settings {
            seed: self.next_share(),
            ..settings
        };
        let before = std::mem::replace(self, Self::new(services, settings, now));
        let Self {
            entries,
            targets,
            queue,
            punctuality,
            actions,
            share: _,
        } = before;
        self.punctuality = punctuality;
        self.queue.inherit(&queue);
        self.actions = actions;
        let moves = self.succeed_checkers(entries, &targets, now);
        self.succeed_targets(&targets);
        for id in 0..self.entries.len() {
            self.suspend_or_resume(id, now);
        }
        for index in 0..self.targets.len() {
            let unchecked = |target: &Target| target.entries.is_empty();
            if self.targets.get(index).is_some_and(unchecked) {
                self.tell(index, false, "it is not checked any more", now);
            }
        }
        moves
    }

    fn succeed_checkers(
        &mut self,
        before: Vec<Entry>,
        old_targets: &[Target],
        now: Instant,
    ) -> Moves {
        let mut moves = vec![None; before.len()];
        let mut old = Before::new(before, old_targets);
        for (id, entry) in self.entries.iter_mut().enumerate() {
            let check = Arc::clone(entry.verdict.check());
            let own = keys(&entry.targets, &self.targets);
            if let Some((from, verdict)) = old.take(&check, &own) {
                if let Some(place) = moves.get_mut(from) {
                    *place = Some(CheckerId(id));
                }
                entry.verdict.succeed(verdict);
                self.queue.push(entry.verdict.poll_timeout(), CheckerId(id));
            } else if let Some(verdict) = old.same_question(&check.question) {
                entry.verdict.restore(&verdict.record(now), now);
            }
        }
        Moves(moves)
    }

    fn succeed_targets(&mut self, before: &[Target]) {
        let known: HashMap<Key, &Target> = before.iter().map(|it| (it.key(), it)).collect();
        for target in &mut self.targets {
            let entries = target.entries.iter().filter_map(|&id| self.entries.get(id));
            let verdicts: Vec<&Verdict> = entries.map(|entry| &entry.verdict).collect();
            match known.get(&target.key()) {
                Some(before) => target.succeed(before, &verdicts),
                None if verdicts.is_empty() => {}
                None => self.actions.push_back(Action::Log(target.activity_line())),
            }
        }
    }
}

/// The checkers before a reload.
struct Before {
    /// Each until it goes on; and whose it is.
    verdicts: Vec<(Option<Verdict>, Vec<Key>)>,
    /// Those that are left, by what they are.
    equal: HashMap<Arc<Check>, Vec<usize>>,
    by_question: HashMap<Question, usize>,
}

impl Before {
    #[expect(
        clippy::mutable_key_type,
        reason = "what mutates, caches of a regex and of TLS, is not hashed"
    )]
    fn new(entries: Vec<Entry>, targets: &[Target]) -> Self {
        let mut equal: HashMap<Arc<Check>, Vec<usize>> = HashMap::new();
        let mut by_question = HashMap::new();
        for (id, entry) in entries.iter().enumerate() {
            let check = entry.verdict.check();
            equal.entry(Arc::clone(check)).or_default().push(id);
            by_question.insert(check.question.clone(), id);
        }
        let with_keys = |entry: Entry| {
            let keys = keys(&entry.targets, targets);
            (Some(entry.verdict), keys)
        };
        Self {
            verdicts: entries.into_iter().map(with_keys).collect(),
            equal,
            by_question,
        }
    }

    /// One that is equal and has not gone on yet. Where checkers are not shared there may be
    /// several; they are told apart by their servers.
    fn take(&mut self, check: &Arc<Check>, own: &[Key]) -> Option<(usize, Verdict)> {
        let ids = self.equal.get_mut(check)?;
        let is_own = |id: &usize| {
            let keys = self.verdicts.get(*id).map(|(_, keys)| keys);
            keys.is_some_and(|keys| keys.iter().any(|key| own.contains(key)))
        };
        let place = ids.iter().position(is_own).unwrap_or(0);
        let id = *ids.get(place)?;
        ids.swap_remove(place);
        let (verdict, _) = self.verdicts.get_mut(id)?;
        Some((id, verdict.take()?))
    }

    /// One that asks the same and has not gone on.
    fn same_question(&self, question: &Question) -> Option<&Verdict> {
        let id = self.by_question.get(question)?;
        self.verdicts.get(*id)?.0.as_ref()
    }
}

type Key = (VirtualServerKey, RealServerKey);

/// Whose a checker is.
fn keys(places: &[usize], targets: &[Target]) -> Vec<Key> {
    let targets = places.iter().filter_map(|&place| targets.get(place));
    targets.map(Target::key).collect()
}

impl Target {
    fn key(&self) -> Key {
        (self.virtual_server.clone(), self.real_server)
    }
}
