//! Fragments of IPv4: only the first one of a packet has ports, so what became of that one is
//! remembered for the others, in `FRAGMENTS4`. Its value is an [`crate::affinity::Affinity`]: slot and
//! generation of the server, and the tick of the first fragment.

use bytemuck::{Pod, Zeroable};

/// Seconds that the fragments of a packet may be apart: as long as Linux waits for the last one.
pub const LIFE: u64 = 30;

/// Key of `FRAGMENTS4`: what the fragments of one packet have in common (RFC 791 3.2). All but
/// `proto` are in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct FragmentKey4 {
    /// Source address.
    pub source: u32,
    /// Destination address.
    pub destination: u32,
    /// Identification.
    pub id: u16,
    /// IP protocol number.
    pub proto: u8,
    /// Zero.
    pub pad: u8,
}
