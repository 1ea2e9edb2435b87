//! What comes of a verdict: probes, lines, and what is told of the servers.

use std::sync::Arc;
use std::time::Instant;

use super::{Action, CheckerId, Entry, Schedule};
use crate::health::Change;
use crate::health::verdict::{self, State, Verdict};

impl Schedule {
    /// Lets `handle` put something into a verdict and takes out what comes of it.
    pub(super) fn with_verdict(
        &mut self,
        id: CheckerId,
        now: Instant,
        handle: impl FnOnce(&mut Verdict),
    ) {
        let Some(Entry { verdict, .. }) = self.entries.get_mut(id.0) else {
            return;
        };
        let before = verdict.state();
        handle(verdict);
        // The first answer ends what a server was before a reload, whose question was another.
        let first = before == State::Unproven && verdict.state() == State::Up;
        let mut changed = first.then(|| "checked for the first time".to_owned());
        let mut found = None;
        while let Some(action) = verdict.poll_action() {
            match action {
                verdict::Action::Probe { url } => {
                    self.queue.started();
                    let check = Arc::clone(verdict.check());
                    self.actions.push_back(Action::Probe { id, check, url });
                }
                verdict::Action::Log(line) => self.actions.push_back(Action::Log(line)),
                verdict::Action::Changed {
                    up,
                    reason,
                    sentence,
                } => {
                    found = sentence.map(|sentence| (up, sentence));
                    changed = Some(reason);
                }
                verdict::Action::Weighs(_) => changed = changed.or_else(|| Some(String::new())),
            }
        }
        self.queue.push(verdict.poll_timeout(), id);
        if let Some(reason) = changed {
            self.tell_all(id, &reason, found.as_ref(), now);
        }
    }

    /// Tells of every server that has the checker, and what the checker itself `found`, if that is
    /// news.
    pub(super) fn tell_all(
        &mut self,
        id: CheckerId,
        reason: &str,
        found: Option<&(bool, String)>,
        now: Instant,
    ) {
        let entry = self.entries.get(id.0);
        let targets = entry.map(|entry| entry.targets.clone());
        for index in targets.unwrap_or_default() {
            let server_too = self.tell(index, reason, now);
            let target = self.targets.get(index).filter(|it| !it.is_suspended());
            let Some((target, (up, sentence))) = target.zip(found) else {
                continue;
            };
            let change = Change::Checker {
                up: *up,
                sentence: sentence.clone(),
                server_too,
            };
            let event = target.event(change, reason, now);
            self.actions.push_back(Action::Changed(event));
        }
    }

    /// Tells of a server what has not been told; whether it went up or down.
    pub(super) fn tell(&mut self, index: usize, reason: &str, now: Instant) -> bool {
        let Some(target) = self.targets.get_mut(index) else {
            return false;
        };
        let entries = target.entries.iter().filter_map(|&id| self.entries.get(id));
        let verdicts: Vec<&Verdict> = entries.map(|entry| &entry.verdict).collect();
        let events = target.look_at(&verdicts, reason, now);
        let changed = events.iter().any(|event| match event.change {
            Change::Up | Change::Down => true,
            Change::Weight(_) | Change::Checker { .. } => false,
        });
        self.actions.extend(events.into_iter().map(Action::Changed));
        changed
    }
}
