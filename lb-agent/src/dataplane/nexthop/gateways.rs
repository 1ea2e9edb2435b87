//! The gateways that are kept known, and when they are listed again. Pure.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::hops::HopKey;

/// The least time between two lists: where a routing daemon is at work routes change all the time,
/// and there may be a million of them.
const PAUSE: Duration = Duration::from_secs(10);

/// The gateways of this host's routes.
#[derive(Clone, Debug, Default)]
pub(super) struct Gateways {
    /// They are to be kept known at all.
    wanted: bool,
    known: BTreeSet<HopKey>,
    /// The kernel should be asked for them.
    list: bool,
    /// Before this time it is not asked again.
    not_before: Option<Instant>,
    /// Routes have changed since it was asked, or it gave no answer.
    changed: bool,
}

impl Gateways {
    /// From now on they are wanted; once more changes nothing.
    pub(super) fn keep(&mut self) {
        self.list |= !self.wanted;
        self.wanted = true;
    }

    /// Everything is read again.
    pub(super) fn list_now(&mut self) {
        self.list = self.wanted;
    }

    pub(super) fn routes_changed(&mut self) {
        self.changed = self.wanted;
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.changed)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.changed && self.not_before.is_none_or(|due| due <= now) {
            self.changed = false;
            self.list = true;
        }
    }

    /// Whether the kernel is to be asked now.
    pub(super) fn poll_list(&mut self) -> bool {
        std::mem::take(&mut self.list)
    }

    /// Those that are known and not among `found`.
    pub(super) fn gone(&self, found: &BTreeSet<HopKey>) -> Vec<HopKey> {
        self.known.difference(found).copied().collect()
    }

    /// The kernel's answer.
    pub(super) fn set(&mut self, found: BTreeSet<HopKey>, now: Instant) {
        self.known = found;
        self.not_before = Some(now + PAUSE);
    }

    /// The kernel gave no answer.
    pub(super) fn failed(&mut self, now: Instant) {
        self.changed = true;
        self.not_before = Some(now + PAUSE);
    }

    pub(super) fn interfaces(&self) -> BTreeSet<u32> {
        self.known.iter().map(|key| key.index).collect()
    }
}
