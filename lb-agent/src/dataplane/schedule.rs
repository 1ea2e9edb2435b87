//! The schedulers of IPVS as tables. How the program uses a table stands in
//! `lb_common::schedule`; what needs live connections (`lc`, `wlc`, …) it compares itself.
//!
//! Servers are given in IPVS's order: the one that was added last comes first, since the kernel
//! puts a new server at the head of its list. So ties, the first turn and the places of `sh`, `dh`
//! and `mh` fall as they do there.

mod hashed;
mod maglev;
mod rota;

use lb_common::limits::{MAX_BACKENDS, MAX_TURNS};
use lb_common::schedule::element;

use crate::config::model::Scheduler;

/// A server, as schedulers see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Candidate {
    /// Its slot.
    pub slot: u16,
    /// `weight`; 0: no new connections.
    pub weight: u32,
    /// The weight that it has when it takes connections, by which `mh` gives it places that it
    /// keeps meanwhile (`last_weight` of IPVS).
    pub full_weight: u32,
    /// Its address in host byte order; of IPv6 the exclusive or of the four words.
    pub address: u32,
    /// Its port.
    pub port: u16,
}

/// A schedule: what stands in the table of `lb_common::schedule`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Elements in the order of their turns, or by hash.
    pub turns: Vec<u32>,
    /// An element for every server with a weight, in the order in which they are compared.
    pub servers: Vec<u32>,
}

impl Table {
    /// The table as the program reads it.
    pub fn words(&self) -> Vec<u32> {
        let count = |list: &[u32]| u32::try_from(list.len()).unwrap_or(0);
        let mut words = Vec::with_capacity(self.turns.len() + self.servers.len() + 2);
        words.push(count(&self.turns));
        words.extend(&self.turns);
        words.push(count(&self.servers));
        words.extend(&self.servers);
        words
    }

    /// What a table in the map says; `word` gives one word of it.
    pub fn read(word: impl Fn(u32) -> Option<u32>) -> Self {
        let list = |first: u32, limit: u32| {
            let count = word(first).unwrap_or(0).min(limit);
            (first + 1..=first + count).filter_map(&word).collect()
        };
        let turns: Vec<u32> = list(0, MAX_TURNS);
        let after = u32::try_from(turns.len()).unwrap_or(0) + 1;
        Self {
            turns,
            servers: list(after, MAX_BACKENDS),
        }
    }
}

/// The table of a scheduler for these servers.
pub fn table(scheduler: Scheduler, servers: &[Candidate]) -> Table {
    let mut serving: Vec<Candidate> = servers.iter().filter(|it| it.weight > 0).copied().collect();
    let turns = match scheduler {
        Scheduler::Rr | Scheduler::Lc => {
            for server in &mut serving {
                server.weight = 1;
            }
            let limit = MAX_TURNS as usize;
            serving
                .iter()
                .map(|it| element(it.slot, 1))
                .take(limit)
                .collect()
        }
        Scheduler::Wrr
        | Scheduler::Wlc
        | Scheduler::Sed
        | Scheduler::Nq
        | Scheduler::Lblc
        | Scheduler::Lblcr
        | Scheduler::Twos => {
            fit(&mut serving);
            rota::weighted(&serving)
        }
        Scheduler::Fo | Scheduler::Ovf => {
            serving.sort_by_key(|server| std::cmp::Reverse(server.weight));
            let first = serving.first().map(|it| element(it.slot, clamp(it.weight)));
            first.into_iter().collect()
        }
        Scheduler::Sh => hashed::by_weight(servers),
        Scheduler::Dh => hashed::in_turn(servers),
        Scheduler::Mh => maglev::places(servers),
    };
    let servers = serving.iter().map(|it| element(it.slot, clamp(it.weight)));
    Table {
        servers: servers.collect(),
        turns,
    }
}

/// A weight as it stands in an element. What `ovf` takes for the most connections of a server ends
/// there, too.
fn clamp(weight: u32) -> u16 {
    u16::try_from(weight).unwrap_or(u16::MAX)
}

/// Scales weights down to what fits an element, in proportion, each keeping at least 1.
fn fit(servers: &mut [Candidate]) {
    let greatest = servers.iter().map(|it| it.weight).max().unwrap_or(0);
    if greatest <= u16::MAX.into() {
        return;
    }
    for server in servers {
        let scaled = u64::from(server.weight) * u64::from(u16::MAX) / u64::from(greatest);
        server.weight = u32::try_from(scaled).unwrap_or(u32::MAX).max(1);
    }
}

#[cfg(test)]
mod tests;
