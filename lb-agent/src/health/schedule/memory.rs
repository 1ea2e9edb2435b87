//! What the next run has to know of the checkers, and how it goes on from that.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use super::target::{Key, Target};
use super::{Entry, Schedule};
use crate::health::name::ServiceName;
use crate::health::pool::ServerRecord;
use crate::health::snapshot::{Checkers, Snapshot, fingerprint};
use crate::health::spec::Check;
use crate::health::verdict::Record;

/// The memory of every checker. Copied quickly; their names take longer ([`Self::named`]).
#[derive(Debug, Default)]
pub struct Records(Vec<Known>);

#[derive(Debug)]
struct Known {
    check: Arc<Check>,
    /// The first server that it is a checker of.
    of: Option<Key>,
    record: Record,
}

impl Records {
    /// Each under the name of its question. Of several with the same (another rhythm,
    /// `xdp_share_checks off`) all but the first are under the name of their server as well.
    #[must_use]
    pub fn named(self) -> Checkers {
        let mut checkers = Checkers::new();
        for Known { check, of, record } in self.0 {
            let name = fingerprint(&check.question);
            let name = match of {
                Some(of) if checkers.contains_key(&name) => own_name(&name, &of),
                Some(_) | None => name,
            };
            checkers.insert(name, record);
        }
        checkers
    }
}

/// The name of a question, asked for one server.
fn own_name(question: &str, (service, server): &Key) -> String {
    let server = ServiceName::of_real_server(service, server);
    format!("{question} {server} {service}")
}

impl Schedule {
    /// What the next run has to know of each question.
    #[must_use]
    pub fn record(&self, now: Instant) -> Records {
        let held_down: HashSet<usize> = self.targets.iter().flat_map(Target::held_down).collect();
        let record = |(id, entry): (usize, &Entry)| {
            let mut record = entry.verdict.record(now);
            record.held_down = !record.is_proven() && held_down.contains(&id);
            Known {
                check: Arc::clone(entry.verdict.check()),
                of: self.first_target(entry).map(Target::key),
                record,
            }
        };
        Records(self.entries.iter().enumerate().map(record).collect())
    }

    /// Goes on from what was known of equal questions, whoever asked them, and of the servers. What
    /// the pools do not know from the same snapshot is told.
    pub fn restore(&mut self, snapshot: &Snapshot, now: Instant) {
        let mut unanswered = Vec::new();
        for id in 0..self.entries.len() {
            let record = self.known(id, snapshot);
            match self.entries.get_mut(id).zip(record) {
                Some((entry, record)) => {
                    entry.verdict.restore(record, now);
                    if !record.is_proven() {
                        unanswered.push((id, record.held_down));
                    }
                }
                None => unanswered.push((id, true)),
            }
        }
        let pools = snapshot.pools.iter();
        let pools: HashMap<&str, HashMap<&str, &ServerRecord>> = pools
            .map(|it| (it.virtual_server.as_str(), it.by_name()))
            .collect();
        for index in 0..self.targets.len() {
            if let Some(target) = self.targets.get_mut(index) {
                let (service, name) = target.names();
                let pool = pools.get(service.to_string().as_str());
                let known = pool.and_then(|pool| pool.get(name.to_string().as_str()));
                if let Some(known) = known {
                    target.recall(known, &unanswered);
                }
            }
            self.tell(index, "known from before", now);
        }
    }

    /// Goes on counting where an earlier run ended whose results are too old to say anything.
    pub fn restore_counters(&mut self, snapshot: &Snapshot) {
        for id in 0..self.entries.len() {
            let record = self.known(id, snapshot);
            if let Some((entry, record)) = self.entries.get_mut(id).zip(record) {
                entry.verdict.restore_counters(record);
            }
        }
    }

    /// What was known of the question of the checker `id`.
    fn known<'s>(&self, id: usize, snapshot: &'s Snapshot) -> Option<&'s Record> {
        let entry = self.entries.get(id)?;
        let name = fingerprint(&entry.verdict.check().question);
        let first = self.first_target(entry);
        let own = first.map(|target| own_name(&name, &target.key()));
        let own = own.and_then(|own| snapshot.checkers.get(&own));
        own.or_else(|| snapshot.checkers.get(&name))
    }

    fn first_target(&self, entry: &Entry) -> Option<&Target> {
        let first = entry.targets.first()?;
        self.targets.get(*first)
    }
}
