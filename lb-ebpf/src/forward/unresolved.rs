//! A reply whose next hop has not told its MAC: the agent gets it, has the kernel ask, and so the
//! client has it as soon as the next hop answers. Handing it to the kernel from here would not do:
//! it takes no packet off a link that has an address of its own as the source.

use core::mem::size_of;
use core::ptr;

use aya_ebpf::bindings::{BPF_F_CURRENT_CPU, xdp_md};
use aya_ebpf::helpers::bpf_perf_event_output;
use lb_common::unresolved::Unresolved;

use crate::maps::UNRESOLVED;
use crate::packet::ETHERNET;

/// Hands the agent the frame with an IP packet of `length` bytes; whether there is one that
/// listens. A subprogram: this happens about once in the life of a next hop.
#[inline(never)]
pub(super) fn hand_over(ctx: *mut xdp_md, ifindex: u32, length: u64) -> bool {
    let record = Unresolved {
        ifindex,
        ip: ETHERNET as u32,
    };
    // Bits 32 to 51 say how much of the frame goes along.
    let copied = (length & 0xffff) + ETHERNET as u64;
    let flags = BPF_F_CURRENT_CPU | copied << 32;
    // SAFETY: context and map are good, and the size is that of the record.
    let result = unsafe {
        bpf_perf_event_output(
            ctx.cast(),
            ptr::from_ref(&UNRESOLVED).cast_mut().cast(),
            flags,
            (&raw const record).cast_mut().cast(),
            size_of::<Unresolved>() as u64,
        )
    };
    result == 0
}
