//! Other checkers while some run: those that stay go on in their rhythm, with what they know.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::target::{Key, Old};
use super::{Action, Check, CheckerId, Entry, Schedule, Settings, Target};
use crate::health::spec::{Question, Service};
use crate::health::verdict::{Record, Verdict};

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
    /// another rhythm keeps its verdict and its counters. A server is told of only when something is
    /// news, as when a checker that had failed is gone, or one that it has from now on has failed for
    /// others; one with a question that is new stays up or down until it is answered.
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
        let up: Vec<bool> = entries.iter().map(|it| it.verdict.is_up()).collect();
        let (moves, sources) = self.succeed_checkers(entries, &targets, now);
        let (sources, up) = (&*sources, &*up);
        self.succeed_targets(&targets, &Old { sources, up });
        for id in 0..self.entries.len() {
            self.suspend_or_resume(id, now);
        }
        for index in 0..self.targets.len() {
            self.tell(index, "its checks are others since the reload", now);
        }
        moves
    }

    fn succeed_checkers(
        &mut self,
        before: Vec<Entry>,
        old_targets: &[Target],
        now: Instant,
    ) -> (Moves, Vec<Option<usize>>) {
        let mut moves = vec![None; before.len()];
        let mut old = Before::new(before, old_targets);
        let claims = old.claims(&self.entries, &self.targets, now);
        let mut sources = Vec::with_capacity(claims.len());
        for (id, (entry, claim)) in self.entries.iter_mut().zip(claims).enumerate() {
            match claim {
                Claim::All(from) => {
                    sources.push(Some(from));
                    if let Some(place) = moves.get_mut(from) {
                        *place = Some(CheckerId(id));
                    }
                    if let Some(verdict) = old.take(from) {
                        entry.verdict.succeed(verdict);
                        self.queue.push(entry.verdict.poll_timeout(), CheckerId(id));
                    }
                }
                Claim::Memory(from, record) => {
                    sources.push(Some(from));
                    entry.verdict.restore(&record, now);
                }
                Claim::Nothing => sources.push(None),
            }
        }
        (Moves(moves), sources)
    }

    fn succeed_targets(&mut self, before: &[Target], old: &Old<'_>) {
        let known: HashMap<Key, &Target> = before.iter().map(|it| (it.key(), it)).collect();
        for target in &mut self.targets {
            match known.get(&target.key()) {
                Some(before) => target.succeed(before, old),
                None if target.entries.is_empty() => {}
                None => self.actions.push_back(Action::Log(target.activity_line())),
            }
        }
    }
}

/// What a checker goes on from.
enum Claim {
    /// An equal one: all of it.
    All(usize),
    /// One that asks the same.
    Memory(usize, Box<Record>),
    Nothing,
}

/// The checkers before a reload.
struct Before {
    /// Each until it goes on; and whose it is.
    verdicts: Vec<(Option<Verdict>, Vec<Key>)>,
    /// Those that nobody has claimed, by what they are.
    equal: HashMap<Arc<Check>, Vec<usize>>,
    by_question: HashMap<Question, Vec<usize>>,
}

impl Before {
    #[expect(
        clippy::mutable_key_type,
        reason = "what mutates, caches of a regex and of TLS, is not hashed"
    )]
    fn new(entries: Vec<Entry>, targets: &[Target]) -> Self {
        let mut equal: HashMap<Arc<Check>, Vec<usize>> = HashMap::new();
        let mut by_question: HashMap<Question, Vec<usize>> = HashMap::new();
        for (id, entry) in entries.iter().enumerate() {
            let check = entry.verdict.check();
            equal.entry(Arc::clone(check)).or_default().push(id);
            let question = check.question.clone();
            by_question.entry(question).or_default().push(id);
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

    /// What each of `entries` goes on from. Its own first: what is new must not take what somebody further
    /// down goes on with.
    fn claims(&mut self, entries: &[Entry], targets: &[Target], now: Instant) -> Vec<Claim> {
        let owners = |entry: &Entry| keys(&entry.targets, targets);
        let own = entries.iter();
        let own = own.map(|entry| self.claim_own(entry.verdict.check(), &owners(entry)));
        let own: Vec<Option<Claim>> = own.collect();
        let claims = entries.iter().zip(own).map(|(entry, own)| {
            own.unwrap_or_else(|| self.claim(entry.verdict.check(), &owners(entry), now))
        });
        claims.collect()
    }

    /// Where checkers are not shared there may be several equal ones: that of the servers `owners`, if
    /// they had one.
    fn claim_own(&mut self, check: &Arc<Check>, owners: &[Key]) -> Option<Claim> {
        let mut ids = self.equal.get(check)?.iter();
        let place = ids.position(|id| self.is_of(*id, owners))?;
        let ids = self.equal.get_mut(check)?;
        Some(Claim::All(ids.swap_remove(place)))
    }

    /// For the checker `check` of the servers `owners`, which had no equal one: one that nobody else has
    /// claimed, or the memory of one that asks the same, of theirs if there is one.
    fn claim(&mut self, check: &Arc<Check>, owners: &[Key], now: Instant) -> Claim {
        if let Some(ids) = self.equal.get_mut(check).filter(|ids| !ids.is_empty()) {
            return Claim::All(ids.swap_remove(0));
        }
        let ids = self.by_question.get(&check.question);
        let id = ids.and_then(|ids| {
            let own = ids.iter().find(|id| self.is_of(**id, owners));
            own.or_else(|| ids.first())
        });
        let same = id.and_then(|id| Some((*id, self.verdicts.get(*id)?.0.as_ref()?)));
        same.map_or(Claim::Nothing, |(id, verdict)| {
            Claim::Memory(id, Box::new(verdict.record(now)))
        })
    }

    /// Whether the checker `id` was one of these servers.
    fn is_of(&self, id: usize, owners: &[Key]) -> bool {
        let keys = self.verdicts.get(id).map(|(_, keys)| keys);
        keys.is_some_and(|keys| keys.iter().any(|key| owners.contains(key)))
    }

    fn take(&mut self, id: usize) -> Option<Verdict> {
        self.verdicts.get_mut(id)?.0.take()
    }
}

/// Whose a checker is.
fn keys(places: &[usize], targets: &[Target]) -> Vec<Key> {
    let targets = places.iter().filter_map(|&place| targets.get(place));
    targets.map(Target::key).collect()
}
