//! `lblc` and `lblcr`: which server, or servers, a destination's clients were sent to.

use bytemuck::{Pod, Zeroable};

/// Servers of one destination with `lblcr`.
pub const REPLICAS: usize = 4;

/// After so many seconds without a new flow a destination is forgotten, and a server is taken from
/// a set that has not changed for so long (`lblc_expiration`, `lblcr_expiration`: a day).
pub const EXPIRATION_SECONDS: u64 = 24 * 60 * 60;

/// Key of `LOCALITY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct LocalityKey {
    /// Address that the client asks for, network byte order; of IPv4 the first word alone.
    pub destination: [u32; 4],
    /// Number of the pool.
    pub pool: u32,
}

/// Value of `LOCALITY`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Locality {
    /// Slot and generation of each server, as in [`crate::flow::FlowEntry::target`]; 0: none.
    pub targets: [u32; REPLICAS],
    /// Tick of the last new flow.
    pub used: u32,
    /// Tick at which a server came or went.
    pub changed: u32,
}
