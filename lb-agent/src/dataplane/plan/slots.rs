//! The slots that nobody uses.

use std::collections::{BTreeSet, VecDeque};

use lb_common::backend::{Backend, flags};
use lb_common::limits::MAX_BACKENDS;

use crate::dataplane::installed::Installed;

/// Slots and what they hold.
pub(super) type Slots = Vec<(u32, Backend)>;

/// Free slots: those that are free already first, then those that become free in this plan.
pub(super) struct FreeSlots<'a> {
    installed: &'a Installed,
    /// The next slot to look at.
    next: u32,
    given_back: VecDeque<(u32, u16)>,
    ever_given_back: BTreeSet<u32>,
    left: usize,
}

impl<'a> FreeSlots<'a> {
    pub(super) fn new(installed: &'a Installed) -> Self {
        let in_use = installed.backends.values();
        let in_use = in_use.filter(|it| it.has(flags::IN_USE)).count();
        Self {
            installed,
            next: 1,
            given_back: VecDeque::new(),
            ever_given_back: BTreeSet::new(),
            left: (MAX_BACKENDS as usize - 1).saturating_sub(in_use),
        }
    }

    /// How many there are.
    pub(super) const fn left(&self) -> usize {
        self.left
    }

    /// A slot and its generation.
    pub(super) fn take(&mut self) -> Option<(u32, u16)> {
        self.left = self.left.checked_sub(1)?;
        while self.next < MAX_BACKENDS {
            let slot = self.next;
            self.next += 1;
            match self.installed.backends.get(&slot) {
                None => return Some((slot, 0)),
                Some(free) if !free.has(flags::IN_USE) => return Some((slot, free.generation)),
                Some(_used) => {}
            }
        }
        self.given_back.pop_front()
    }

    /// A slot that is free from this place of the plan on, with its next generation.
    pub(super) fn give_back(&mut self, slot: u32, generation: u16) {
        self.given_back.push_back((slot, generation));
        self.ever_given_back.insert(slot);
        self.left += 1;
    }

    /// Whether a slot has become free in this plan.
    pub(super) fn was_given_back(&self, slot: u32) -> bool {
        self.ever_given_back.contains(&slot)
    }
}
