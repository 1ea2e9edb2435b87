//! `LOADS` and `SOURCES`: what the program counts of servers and clients, and the agent's
//! corrections.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use lb_common::load::Load;

use super::Maps;
use crate::dataplane::census::{Census, Question};
use crate::dataplane::installed::{Installed, Thresholds};

impl Maps {
    /// What the server of `slot` has to do, as the program believes.
    pub fn load(&self, slot: u32) -> Load {
        self.loads.get(slot as usize).unwrap_or_default()
    }

    pub(super) fn set_thresholds(&self, slot: u32, thresholds: Thresholds) {
        let store = |offset, value| {
            if let Some(word) = self.loads.half(slot as usize, offset) {
                word.store(value, Ordering::Relaxed);
            }
        };
        store(Load::LOWER_OFFSET, thresholds.lower);
        store(Load::UPPER_OFFSET, thresholds.upper);
        // With other limits it is full, or is not, anew.
        store(Load::FULL_OFFSET, u32::from(self.load(slot).stays_full()));
    }

    pub(super) fn clear_load(&self, slot: u32) {
        self.loads.set(slot as usize, &Load::default());
    }

    /// The slots with a limit of connections.
    pub(super) fn thresholds(&self) -> BTreeMap<u32, Thresholds> {
        let slots = (0_u32..).zip((0..self.loads.len()).filter_map(|slot| self.loads.get(slot)));
        slots
            .map(|(slot, load)| {
                let (upper, lower) = (load.upper, load.lower);
                (slot, Thresholds { upper, lower })
            })
            .filter(|(_, thresholds)| *thresholds != Thresholds::default())
            .collect()
    }

    /// Counts the flow table, right after a heartbeat, and corrects what the program has counted.
    /// What it counts meanwhile comes on top.
    pub fn take_census(&self, installed: &Installed) {
        let control = self.read_control();
        let Some(question) = Question::new(installed, &control) else {
            return;
        };
        let before: Vec<_> = question
            .slots()
            .map(|slot| (slot, self.load(slot)))
            .collect();
        let sources = if question.counts_sources() {
            self.sources()
        } else {
            Vec::new()
        };
        let census = question.count(self.flows_of(question.counts_v6()));
        self.correct(&before, &census);
        self.correct_sources(&sources, census.sources());
    }

    fn correct(&self, before: &[(u32, Load)], census: &Census) {
        for (slot, load) in before {
            let (active, inactive) = census.of_server(*slot);
            self.shift(*slot, 0, load.active, active);
            self.shift(*slot, Load::INACTIVE_OFFSET, load.inactive, inactive);
            let full = u32::from(self.load(*slot).stays_full());
            if let Some(word) = self.loads.half(*slot as usize, Load::FULL_OFFSET)
                && word.load(Ordering::Relaxed) != full
            {
                word.store(full, Ordering::Relaxed);
            }
        }
    }

    fn shift(&self, slot: u32, offset: usize, before: u32, counted: u32) {
        if let Some(word) = self.loads.half(slot as usize, offset) {
            add(word, counted.wrapping_sub(before));
        }
    }

    /// The counters of clients' flows.
    pub fn sources(&self) -> Vec<u32> {
        let counters = (0..self.sources.len()).filter_map(|counter| self.sources.get(counter));
        counters.map(|[count, _]| count).collect()
    }

    /// Corrects the counters of clients' flows, which were `before` when counting began.
    fn correct_sources(&self, before: &[u32], counted: &[u32]) {
        for (counter, (before, counted)) in before.iter().zip(counted).enumerate() {
            if before != counted
                && let Some(word) = self.sources.half(counter, 0)
            {
                add(word, counted.wrapping_sub(*before));
            }
        }
    }
}

/// Adds to a word that the program changes, too.
fn add(word: &AtomicU32, amount: u32) {
    if amount != 0 {
        word.fetch_add(amount, Ordering::Relaxed);
    }
}
