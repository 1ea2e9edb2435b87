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

    #[expect(
        clippy::mutable_key_type,
        reason = "what mutates, caches of a regex and of TLS, is not hashed"
    )]
    fn succeed_checkers(
        &mut self,
        before: Vec<Entry>,
        old_targets: &[Target],
        now: Instant,
    ) -> Moves {
        let mut moves = vec![None; before.len()];
        let mut old: Vec<Option<Verdict>> = Vec::with_capacity(before.len());
        let mut equal: HashMap<Arc<Check>, Vec<usize>> = HashMap::new();
        let mut records = HashMap::<Question, _>::new();
        let wanted: HashMap<&Question, ()> = self
            .entries
            .iter()
            .map(|entry| (&entry.verdict.check().question, ()))
            .collect();
        let names = |targets: &[usize], of: &[Target]| -> Vec<Key> {
            let targets = targets.iter().filter_map(|&it| of.get(it));
            targets.map(Target::key).collect()
        };
        let mut owners = Vec::with_capacity(before.len());
        for (id, entry) in before.into_iter().enumerate() {
            let check = Arc::clone(entry.verdict.check());
            if wanted.contains_key(&check.question) {
                records
                    .entry(check.question.clone())
                    .or_insert_with(|| entry.verdict.record(now));
            }
            equal.entry(check).or_default().push(id);
            owners.push(names(&entry.targets, old_targets));
            old.push(Some(entry.verdict));
        }
        for (id, entry) in self.entries.iter_mut().enumerate() {
            let own = names(&entry.targets, &self.targets);
            let ids = equal.get_mut(entry.verdict.check());
            // Unshared, equal checkers are told apart by their servers.
            let found = ids.and_then(|ids| {
                let of_same = |id: &usize| owners.get(*id).is_some_and(|keys| meet(keys, &own));
                let place = ids
                    .iter()
                    .position(of_same)
                    .or((!ids.is_empty()).then_some(0))?;
                Some(ids.swap_remove(place))
            });
            let verdict = found
                .and_then(|found| old.get_mut(found))
                .and_then(Option::take);
            match (found, verdict) {
                (Some(found), Some(verdict)) => {
                    if let Some(place) = moves.get_mut(found) {
                        *place = Some(CheckerId(id));
                    }
                    entry.verdict.succeed(verdict);
                    self.queue.push(entry.verdict.poll_timeout(), CheckerId(id));
                }
                (Some(_) | None, _) => {
                    if let Some(record) = records.get(&entry.verdict.check().question) {
                        entry.verdict.restore(record, now);
                    }
                }
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

type Key = (VirtualServerKey, RealServerKey);

/// Whether they have one in common.
fn meet(some: &[Key], others: &[Key]) -> bool {
    some.iter().any(|key| others.contains(key))
}

impl Target {
    fn key(&self) -> Key {
        (self.virtual_server, self.real_server)
    }
}
