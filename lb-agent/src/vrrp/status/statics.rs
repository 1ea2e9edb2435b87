//! What was put back of `static_ipaddress`, `static_routes` and `static_rules`: they belong to no
//! instance.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// Counters since the agent's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticStats {
    /// Static addresses that somebody else removed and that were put back.
    pub address_restored: u64,
    /// Static routes and rules that somebody else removed and that were put back.
    pub routing_restored: u64,
}

/// The same, to count with.
#[derive(Debug, Default)]
pub struct StaticCounters {
    address_restored: AtomicU64,
    routing_restored: AtomicU64,
}

impl StaticCounters {
    /// An address was put back.
    pub fn address_restored(&self) {
        super::count(&self.address_restored);
    }

    /// So many routes and rules were put back.
    pub fn routing_restored(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.routing_restored.fetch_add(count, Ordering::Relaxed);
    }

    /// The figures now.
    pub fn read(&self) -> StaticStats {
        StaticStats {
            address_restored: self.address_restored.load(Ordering::Relaxed),
            routing_restored: self.routing_restored.load(Ordering::Relaxed),
        }
    }
}
