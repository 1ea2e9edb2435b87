//! ICMP errors of our own: the packet they are about stays behind new headers, as much of it as they
//! may quote.

use core::arch::asm;

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use lb_common::checksum::fold_wide;

use crate::packet::Packet;

/// Makes room for so many bytes of headers in front of a frame, and cuts it behind the first `quote`
/// bytes of its packet, of which it has more or as many; `ip` is where that begins. `false`: the driver
/// has left no room, and nothing has changed. All pointers into the packet are dead then.
#[inline(always)]
pub(crate) fn wrap<T>(
    ctx: *mut xdp_md,
    packet: Packet,
    ip: *const T,
    headers: usize,
    quote: usize,
) -> bool {
    let mut surplus = packet.behind(ip);
    // SAFETY: it does nothing, but keeps the compiler from subtracting the lower halves of
    // two pointers, which the verifier forbids.
    unsafe { asm!("{0} = {0}", inout(reg) surplus) };
    let surplus = surplus as i32 - quote as i32;
    let headers = headers as i32;
    // SAFETY: the context is the program's own. The head first: it is what may fail, and then the
    // kernel gets the packet as it came.
    unsafe { bpf_xdp_adjust_head(ctx, -headers) == 0 && bpf_xdp_adjust_tail(ctx, -surplus) == 0 }
}

/// The checksum of `sum` and of what stands behind the first `from` bytes of a frame, which are `most` at
/// most (RFC 1071).
#[inline(always)]
pub(crate) fn checksum(packet: Packet, from: usize, most: usize, mut sum: u64) -> u16 {
    let mut at = from;
    for _ in 0..most / 4 {
        let Some(word) = packet.at::<u32>(at) else {
            break;
        };
        // SAFETY: `at` checked the word.
        sum += u64::from(unsafe { *word });
        at += 4;
    }
    if let Some(half) = packet.at::<u16>(at) {
        // SAFETY: as above.
        sum += u64::from(unsafe { *half });
        at += 2;
    }
    if let Some(last) = packet.at::<u8>(at) {
        // SAFETY: as above. What is missing of the last word counts as zero.
        sum += u64::from(u16::from_ne_bytes([unsafe { *last }, 0]));
    }
    !fold_wide(sum)
}
