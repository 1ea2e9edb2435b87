//! `persistence_timeout`: which server a client (or its network) was given.

use bytemuck::{Pod, Zeroable};

/// Key of `AFFINITY4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct AffinityKey4 {
    /// Client address & `persistence_granularity`, network byte order.
    pub client: u32,
    /// Id of the service.
    pub service: u32,
}

/// Value of `AFFINITY4`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Affinity {
    /// Slot and generation, as in [`crate::flow::FlowEntry::target`].
    pub target: u32,
    /// Tick of the last new flow that used it.
    pub stamp: u32,
}
