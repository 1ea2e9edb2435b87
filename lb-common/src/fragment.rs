//! Fragments: only the first one of a packet has ports, so what became of that one is remembered for
//! the others, in `FRAGMENTS4` and `FRAGMENTS6`.

use bytemuck::{Pod, Zeroable};

use crate::address6::Address6;

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

/// Key of `FRAGMENTS6` (RFC 8200 4.5). All but `pad` as in the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(C)]
pub struct FragmentKey6 {
    /// Source address.
    pub source: Address6,
    /// Destination address.
    pub destination: Address6,
    /// Identification.
    pub id: u32,
    /// Zero.
    pub pad: u32,
}

/// Value of both: what became of the first fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct First {
    /// Slot and generation of the server, as in [`crate::flow::FlowEntry::target`].
    pub target: u32,
    /// [`stamp`].
    pub stamp: u32,
}

/// When the first fragment came, and of which service it is (its id); with [`FROM_SERVER`] or without.
///
/// ```text
///   31      18 17         1    0
///  │ service  │ tick       │ from the server │
/// ```
#[inline(always)]
#[must_use]
pub const fn stamp(tick: u32, service: u16) -> u32 {
    (service as u32) << SERVICE_SHIFT | tick << 1 & TICKS
}

/// In a [`stamp`]: the server has sent it. Its address alone does not tell, for it may be a client
/// of the service as well.
pub const FROM_SERVER: u32 = 1;

/// Where the service stands in a stamp.
const SERVICE_SHIFT: u32 = 18;

/// The bits of a stamp that are the tick: at 1000 Hz it comes round after nine hours.
const TICKS: u32 = (1 << SERVICE_SHIFT) - 2;

const _: () = assert!(
    crate::limits::MAX_SERVICES <= 1 << (32 - SERVICE_SHIFT),
    "an id fits a stamp"
);

impl First {
    /// The value that is this word.
    #[inline(always)]
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self {
            target: word as u32,
            stamp: (word >> 32) as u32,
        }
    }

    /// Ticks since then, at `tick`; 0 if the stamp is ahead of it, by another CPU's clock.
    #[inline(always)]
    #[must_use]
    pub const fn age(&self, tick: u32) -> u32 {
        let age = (tick << 1).wrapping_sub(self.stamp & TICKS) & TICKS;
        if age > TICKS / 2 { 0 } else { age >> 1 }
    }

    /// Id of the service.
    #[inline(always)]
    #[must_use]
    pub const fn service(&self) -> u16 {
        (self.stamp >> SERVICE_SHIFT) as u16
    }

    /// Whether the server has sent it.
    #[inline(always)]
    #[must_use]
    pub const fn is_from_server(&self) -> bool {
        self.stamp & FROM_SERVER != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_the_direction_nor_the_service_changes_the_age() {
        let last = TICKS >> 1;
        for direction in [0, FROM_SERVER] {
            for service in [1, 77, (crate::limits::MAX_SERVICES - 1) as u16] {
                for (then, now, age) in [
                    (7, 7, 0),
                    (7, 9, 2),
                    (9, 7, 0),
                    (last, 1, 2),
                    (5, last + 9, 3),
                ] {
                    let stamp = stamp(then, service) | direction;
                    let first = First { target: 1, stamp };
                    assert_eq!(first.age(now), age, "{then} {now}");
                    assert_eq!(first.is_from_server(), direction != 0);
                    assert_eq!(first.service(), service);
                }
            }
        }
    }
}
