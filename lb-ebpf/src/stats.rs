//! Counters.

use lb_common::stats::{Reason, Traffic};

use crate::maps::{BACKEND_STATS, REASONS};

/// Counts a packet that was not forwarded as usual.
#[inline(always)]
pub(crate) fn count(reason: Reason) {
    if let Some(count) = REASONS.get_ptr_mut(reason as u32) {
        // SAFETY: the slot is this CPU's own.
        unsafe { *count += 1 };
    }
}

/// The counters of a backend slot on this CPU.
#[inline(always)]
fn traffic(slot: u16) -> Option<&'static mut Traffic> {
    // SAFETY: the slot is this CPU's own, and no other reference to it lives.
    BACKEND_STATS
        .get_ptr_mut(u32::from(slot))
        .map(|traffic| unsafe { &mut *traffic })
}

/// Counts a packet towards the server of `slot`.
#[inline(always)]
pub(crate) fn towards_server(slot: u16, bytes: u64, new: bool) {
    if let Some(traffic) = traffic(slot) {
        traffic.in_packets += 1;
        traffic.in_bytes += bytes;
        if new {
            traffic.conns += 1;
        }
    }
}

/// Counts a packet from the server of `slot`.
#[inline(always)]
pub(crate) fn towards_client(slot: u16, bytes: u64) {
    if let Some(traffic) = traffic(slot) {
        traffic.out_packets += 1;
        traffic.out_bytes += bytes;
    }
}
