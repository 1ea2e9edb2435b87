//! Backend slots: read only. The layout and its rules stand in `lb_common::backend`.

use lb_common::backend::{Backend, Head};
use lb_common::flow::FlowEntry;

use crate::maps::BACKENDS;

/// A slot as it was at one moment: what decides, and where the packet leaves.
#[derive(Clone, Copy)]
pub(crate) struct Slot {
    place: *const Backend,
    /// Generation, flags and MAC addresses.
    pub(crate) head: Head,
    /// Interface the packet leaves by.
    pub(crate) ifindex: u32,
    /// Pool of the slot.
    pub(crate) pool: u16,
    /// MTU of the interface, bytes.
    pub(crate) mtu: u16,
}

/// Reads a slot. While the agent is writing another next hop it is not `READY`.
#[inline(always)]
pub(crate) fn read(slot: u16) -> Option<Slot> {
    let place = BACKENDS.get_ptr(u32::from(slot))?;
    let words = place.cast::<u64>();
    // SAFETY: three of the sixteen words of a slot, each of which the machine reads at once.
    let (mut second, first, leave, again) = unsafe {
        (
            words.add(1).read_volatile(),
            words.read_volatile(),
            words.add(2).read_volatile(),
            words.add(1).read_volatile(),
        )
    };
    if second != again {
        second = 0;
    }
    Some(Slot {
        place,
        head: Head { first, second },
        ifindex: leave as u32,
        pool: (leave >> 32) as u16,
        mtu: (leave >> 48) as u16,
    })
}

/// Whether a slot is still the one that was read.
#[inline(always)]
pub(crate) fn is_as_read(slot: &Slot) -> bool {
    // SAFETY: a word of a slot, which lies in the map.
    slot.head.second == unsafe { slot.place.cast::<u64>().add(1).read_volatile() }
}

impl Slot {
    /// Whether it still is the server of a flow that a service of this pool has. The id of a service that
    /// has gone may be another one's, of another pool.
    #[inline(always)]
    pub(crate) const fn serves(&self, flow: &FlowEntry, pool: u16) -> bool {
        (self.head.generation() ^ flow.generation()) | (self.pool ^ pool) == 0
    }

    /// Everything else. It stays as it is as long as the slot's generation does, but for
    /// `tunnel_source`, which changes with the MAC addresses.
    #[inline(always)]
    pub(crate) const fn rest(&self) -> &Backend {
        // SAFETY: the slot lies in the map, and any bits are a slot.
        unsafe { &*self.place }
    }
}
