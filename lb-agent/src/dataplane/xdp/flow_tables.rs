//! How many flows the tables have room for: `xdp_flow_table_size`.
//!
//! The number of buckets is a constant of the program, set when it is loaded: finding a flow costs the
//! same whatever the size. So nothing but loading it anew makes a table larger, and its flows do not
//! move along: a flow's bucket is another one in a table of another size.

use aya::maps::MapInfo;
use lb_common::flow::{FlowBucket, FlowBucket6, WAYS};
use lb_common::limits::{FLOW_MASK4, FLOW_MASK6};

use super::pins::{Pins, PinsError};
use crate::config::model::FlowTableSize;

/// Map of the flows of IPv4.
pub(super) const FLOWS4: &str = "FLOWS4";
/// Map of the flows of IPv6.
pub(super) const FLOWS6: &str = "FLOWS6";

/// The sizes of both tables, as the program wants them: buckets less one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowTables {
    mask4: u32,
    mask6: u32,
}

impl Default for FlowTables {
    /// Those of a configuration that says nothing.
    fn default() -> Self {
        FlowTableSize::default().into()
    }
}

impl From<FlowTableSize> for FlowTables {
    fn from(size: FlowTableSize) -> Self {
        Self {
            mask4: mask(size.ipv4),
            mask6: mask(size.ipv6),
        }
    }
}

/// [`WAYS`].
const FLOWS_OF_A_BUCKET: u32 = 4;
const _: () = assert!(FLOWS_OF_A_BUCKET as usize == WAYS);

/// Buckets of a table for so many flows, less one. No table has less than two: the second line of a
/// flow's second bucket lies beside the first.
const fn mask(flows: u32) -> u32 {
    let buckets = flows.div_ceil(FLOWS_OF_A_BUCKET).next_power_of_two();
    if buckets < 2 { 1 } else { buckets - 1 }
}

impl FlowTables {
    /// The sizes of the tables that are pinned; where there is none, the default.
    pub fn pinned(pins: &Pins) -> Self {
        let default = Self::default();
        let mask = |name, default| entries(pins, name).map_or(default, |entries| entries - 1);
        Self {
            mask4: mask(FLOWS4, default.mask4),
            mask6: mask(FLOWS6, default.mask6),
        }
    }

    /// Whether an earlier agent has left both.
    pub fn are_pinned(pins: &Pins) -> bool {
        [FLOWS4, FLOWS6]
            .iter()
            .all(|name| entries(pins, name).is_some())
    }

    /// Buckets of the table of IPv4.
    pub const fn buckets4(self) -> u32 {
        self.mask4 + 1
    }

    /// Buckets of the table of IPv6.
    pub const fn buckets6(self) -> u32 {
        self.mask6 + 1
    }

    /// Flows of IPv4 and of IPv6 that there is room for.
    pub const fn flows(self) -> [u64; 2] {
        let ways = WAYS as u64;
        [self.buckets4() as u64 * ways, self.buckets6() as u64 * ways]
    }

    /// Bytes of the buckets of both tables.
    pub const fn bytes(self) -> u64 {
        self.buckets4() as u64 * size_of::<FlowBucket>() as u64
            + self.buckets6() as u64 * size_of::<FlowBucket6>() as u64
    }

    /// Entries of map `name`, if that is one of the tables.
    pub(super) fn entries_of(self, name: &str) -> Option<u32> {
        let found = self.maps().into_iter().find(|(map, _)| *map == name);
        found.map(|(_, entries)| entries)
    }

    /// The constants of the program that say so, by their names.
    pub(super) const fn constants(&self) -> [(&'static str, &u32); 2] {
        [(FLOW_MASK4, &self.mask4), (FLOW_MASK6, &self.mask6)]
    }

    /// The maps, with their entries.
    pub(super) const fn maps(self) -> [(&'static str, u32); 2] {
        [(FLOWS4, self.buckets4()), (FLOWS6, self.buckets6())]
    }

    /// Whether an earlier agent has left map `name`, and with this size if it is one of the tables.
    pub(super) fn stands(self, pins: &Pins, name: &str) -> bool {
        let is_there = pins.map(name).exists();
        let wanted = self.entries_of(name);
        is_there && wanted.is_none_or(|wanted| entries(pins, name) == Some(wanted))
    }

    /// Gives up the tables of an earlier agent that have another size, and says so; whether there were
    /// any. A program that runs keeps its own until it is replaced.
    pub(super) fn discard_others(self, pins: &Pins) -> Result<bool, PinsError> {
        let [flows4, flows6] = self.flows();
        let mut discarded = false;
        for (name, family, flows) in [(FLOWS4, "IPv4", flows4), (FLOWS6, "IPv6", flows6)] {
            let found = entries(pins, name).map(|entries| u64::from(entries) * WAYS as u64);
            if let Some(found) = found.filter(|found| *found != flows) {
                pins.remove_map(name)?;
                discarded = true;
                tracing::warn!("{}", anew(family, found, flows));
            }
        }
        Ok(discarded)
    }
}

/// What is told of a table that begins anew.
fn anew(family: &str, found: u64, flows: u64) -> String {
    format!(
        "xdp_flow_table_size: the flow table of {family} has room for {flows} flows now, instead of \
         {found}, and begins empty: connections of an earlier agent are placed anew with their next \
         packet. Persistent clients and those of sh, dh and mh find their server again, others may not, \
         and connections in NAT mode end"
    )
}

/// Entries of a map that is pinned.
fn entries(pins: &Pins, name: &str) -> Option<u32> {
    let info = MapInfo::from_pin(pins.map(name)).ok()?;
    Some(info.max_entries()).filter(|entries| *entries > 0)
}

#[cfg(test)]
mod tests;
