//! Puts VLAN tags on what leaves by an interface that is a VLAN of another one.
//!
//! The place of such an interface in the device map leads to the one that carries it, and the kernel
//! runs this program on each frame that goes there (Linux 5.8). It is loaded once for each VLAN, with
//! its tags. Their priority is 0, which is what the kernel sends without an `egress-qos-map`.
#![no_std]
#![no_main]
#![expect(clippy::cast_possible_truncation, reason = "eight bytes")]
#![expect(clippy::cast_possible_wrap, reason = "eight bytes")]

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::xdp_action;
use aya_ebpf::helpers::generated::bpf_xdp_adjust_head;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

/// The tags as they stand in a frame, the outer one first; the second may be 0. The agent sets them
/// when it loads the program.
#[unsafe(no_mangle)]
static TAGS: [u32; 2] = [0, 0];

/// Length of a tag.
const TAG: usize = 4;

/// Both addresses of an Ethernet header.
#[repr(C, packed(2))]
struct Addresses {
    first: u64,
    second: u32,
}

/// The program.
#[xdp(map = "devmap")]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn tag(frame: XdpContext) -> u32 {
    // SAFETY: volatile, or the compiler would take the tags for those that stand here.
    let [outer, inner] = unsafe { (&raw const TAGS).read_volatile() };
    let done = if inner == 0 {
        push(&frame, [outer])
    } else {
        push(&frame, [outer, inner])
    };
    match done {
        Some(()) => xdp_action::XDP_PASS,
        None => xdp_action::XDP_ABORTED,
    }
}

/// Puts the tags on; `None`: there is no room.
#[inline(always)]
#[expect(clippy::inline_always, reason = "two lengths that the verifier knows")]
fn push<const TAGS: usize>(frame: &XdpContext, tags: [u32; TAGS]) -> Option<()> {
    // SAFETY: the context is the one that the kernel gave us.
    if unsafe { bpf_xdp_adjust_head(frame.as_ptr().cast(), -((TAGS * TAG) as i32)) } != 0 {
        return None;
    }
    let start = frame.data();
    if start + TAGS * TAG + size_of::<Addresses>() > frame.data_end() {
        return None;
    }
    // SAFETY: all of it lies between data and data_end, which the verifier has seen us compare. The
    // addresses are read before anything is written over them.
    unsafe {
        let addresses = ((start + TAGS * TAG) as *const Addresses).read();
        (start as *mut Addresses).write(addresses);
        ((start + size_of::<Addresses>()) as *mut [u32; TAGS]).write_unaligned(tags);
    }
    Some(())
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
