//! Which gate each VRRP instance has. Pure.
//!
//! An instance keeps its gate as long as it is configured, wherever it stands in the file: the
//! services in the maps name gates, and a gate must not become another instance's while packets
//! arrive. So the numbers outlive reloads and restarts.

use std::collections::{BTreeMap, BTreeSet};

use lb_common::control::GATE_ALWAYS;
use lb_common::limits::MAX_GATES;
use serde::{Deserialize, Serialize};

/// Gates by the names of their instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Numbers(BTreeMap<String, u16>);

impl Numbers {
    /// The gates of the instances `names`: who has one keeps it, the others get the lowest that
    /// nobody has had so far, in their order. Beyond [`MAX_GATES`] there is none.
    #[must_use]
    pub fn assign(&self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        let names = || names.iter().map(AsRef::as_ref);
        let mut next = Self::default();
        for name in names() {
            // A damaged file may have one twice.
            if let Some(gate) = self.of(name).filter(|gate| !next.has(*gate)) {
                next.0.insert(str::to_owned(name), gate);
            }
        }
        let mut used: BTreeSet<u16> = self.0.values().copied().collect();
        used.insert(GATE_ALWAYS);
        let all = || (0..).take(MAX_GATES);
        let fresh: Vec<u16> = all().filter(|gate| !used.contains(gate)).collect();
        // Those of instances that go, when there is no other.
        let freed: Vec<u16> = all()
            .filter(|gate| *gate != GATE_ALWAYS && used.contains(gate) && !next.has(*gate))
            .collect();
        let mut free = fresh.into_iter().chain(freed);
        for name in names() {
            if next.of(name).is_none()
                && let Some(gate) = free.next()
            {
                next.0.insert(name.to_owned(), gate);
            }
        }
        next
    }

    /// The gate of an instance.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<u16> {
        let gate = self.0.get(name).copied()?;
        // Read from a file, it may be anything.
        (gate != GATE_ALWAYS && usize::from(gate) < MAX_GATES).then_some(gate)
    }

    /// Whether the gate is an instance's.
    #[must_use]
    pub fn has(&self, gate: u16) -> bool {
        gate != GATE_ALWAYS && self.0.values().any(|other| *other == gate)
    }

    /// Names and gates.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u16)> {
        self.0.iter().map(|(name, gate)| (name.as_str(), *gate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(numbers: &Numbers) -> Vec<(&str, u16)> {
        numbers.iter().collect()
    }

    #[test]
    fn at_first_the_gates_are_in_the_order_of_the_file() {
        let numbers = Numbers::default().assign(["b", "a", "c"]);
        assert_eq!(pairs(&numbers), [("a", 2), ("b", 1), ("c", 3)]);
    }

    #[test]
    fn who_stays_keeps_its_gate_and_who_is_new_does_not_get_one_in_use() {
        let before = Numbers::default().assign(["a", "b", "c"]);
        let numbers = before.assign(["new", "c", "b"]);
        assert_eq!(pairs(&numbers), [("b", 2), ("c", 3), ("new", 4)]);
        // Once more, and the gate of `a` is free.
        assert_eq!(pairs(&numbers.assign(["d", "c"])), [("c", 3), ("d", 1)]);
    }

    #[test]
    fn a_full_table_gives_away_what_is_freed_and_no_gate_twice() {
        let names: Vec<String> = (1..MAX_GATES).map(|it| format!("old{it}")).collect();
        let full = Numbers::default().assign(&names);
        assert_eq!(full.assign(["one", "too", "old1"]).of("old1"), Some(1));
        let next = full.assign(["one", "two", "old1"]);
        let gates: BTreeSet<u16> = next.iter().map(|(_, gate)| gate).collect();
        assert_eq!(gates.len(), 3);
        let too_many: Vec<String> = (0..MAX_GATES).map(|it| format!("new{it}")).collect();
        let next = Numbers::default().assign(&too_many);
        assert_eq!(next.iter().count(), MAX_GATES - 1);
    }

    #[test]
    fn numbers_of_a_damaged_file_are_no_gates() {
        let read: Numbers =
            serde_json::from_str(r#"{"a": 0, "b": 65535, "c": 7, "d": 7}"#).unwrap();
        let next = read.assign(["a", "b", "c", "d"]);
        let gates: BTreeSet<u16> = next.iter().map(|(_, gate)| gate).collect();
        assert_eq!(gates.len(), 4, "{next:?}");
    }
}
