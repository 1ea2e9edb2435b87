//! The harness of `cargo xtask bench`, and what it measures the XDP program against.
//!
//! `BPF_PROG_TEST_RUN` repeats a program on one packet and never restores it: a program that
//! rewrites the packet would be timed on what it made of it, over and over. So the harness runs
//! instead. It restores the frame, gives it to the next flow, and calls the program under test.
//! What it costs itself is measured with [`null_tx`] (or [`null_push`]) under test. [`floor`] is what
//! the XDP program is compared with; it runs in the same harness.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(clippy::inline_always, reason = "calls would be timed along")]
#![expect(
    clippy::cast_possible_truncation,
    reason = "sizes of a packet, numbers of flows"
)]
#![expect(clippy::cast_possible_wrap, reason = "sizes of a packet")]
#![expect(
    clippy::indexing_slicing,
    reason = "with a check that can fail it would not load: `panic`"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "programs: as the macro wants them"
)]

mod live;
#[path = "../packet.rs"]
#[expect(dead_code, reason = "the harness knows one kind of packet only")]
mod packet;

use core::arch::asm;

use aya_ebpf::EbpfContext as _;
use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_PASS, XDP_TX};
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::btf_maps::{Array, ProgramArray};
use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use lb_common::bench::{Case, HEADER_WORDS, HEADER_WORDS4, NOT_CALLED, SOURCE, Tally, client};
use lb_common::service::TCP;

use packet::{ETHERNET, Ethernet, IPV4, IPV6, Ipv4, Ipv6, Packet, Tcp};

#[btf_map]
static CASE: Array<Case, 1> = Array::new();

#[btf_map]
static TALLY: Array<Tally, 1> = Array::new();

/// The program under test.
#[btf_map]
static CALLEE: ProgramArray<1> = ProgramArray::new();

/// Restores the frame, gives it to the next flow, calls the program under test and counts what
/// that says.
#[xdp]
pub(crate) fn harness(ctx: XdpContext) -> u32 {
    run::<Four>(&ctx)
}

/// The same with packets of IPv6.
#[xdp]
pub(crate) fn harness6(ctx: XdpContext) -> u32 {
    run::<Six>(&ctx)
}

#[inline(always)]
fn run<F: Frame>(ctx: &XdpContext) -> u32 {
    prepare::<F>(ctx).map_or(XDP_ABORTED, |tally| {
        let verdict = call(ctx.ctx);
        // SAFETY: the one record of the map, and one run at a time.
        unsafe { (*tally).verdicts[verdict as usize & 7] += 1 };
        verdict
    })
}

/// Where a frame has what.
trait Frame {
    /// The first 64-bit words of it, which hold its headers.
    type Headers;
    /// Byte offsets of the last four bytes of its addresses, and of its ports: source, destination.
    const ADDRESSES: [usize; 2];
    const PORTS: [usize; 2];
}

struct Four;
struct Six;

impl Frame for Four {
    type Headers = [u64; HEADER_WORDS4];
    const ADDRESSES: [usize; 2] = [ETHERNET + 12, ETHERNET + 16];
    const PORTS: [usize; 2] = [ETHERNET + 20, ETHERNET + 22];
}

impl Frame for Six {
    type Headers = [u64; HEADER_WORDS];
    const ADDRESSES: [usize; 2] = [ETHERNET + 20, ETHERNET + 36];
    const PORTS: [usize; 2] = [ETHERNET + 40, ETHERNET + 42];
}

/// The frame as it is to be, and the tally.
#[inline(always)]
fn prepare<F: Frame>(ctx: &XdpContext) -> Option<*mut Tally> {
    let case = CASE.get(0)?;
    let tally = TALLY.get_ptr_mut(0)?;
    let grown = (ctx.data_end() - ctx.data()) as i64 - i64::from(case.length);
    // SAFETY: the context is the program's own, and no pointer into the packet is held.
    if grown != 0 && unsafe { bpf_xdp_adjust_head(ctx.ctx, grown as i32) } != 0 {
        return None;
    }
    // SAFETY: the one record of the map, and one run at a time.
    let number = unsafe { (*tally).next };
    // SAFETY: as above.
    unsafe { (*tally).next = number + 1 };
    write::<F>(ctx, case, number as u32 & case.flows)?;
    Some(tally)
}

/// Writes the headers of a packet of the flow with this number.
#[inline(always)]
fn write<F: Frame>(ctx: &XdpContext, case: &Case, flow: u32) -> Option<()> {
    let packet = Packet::new(ctx);
    let headers = packet.at::<F::Headers>(0)?.cast::<u64>();
    let words = case.headers.iter().take(size_of::<F::Headers>() / 8);
    for (at, word) in words.enumerate() {
        // SAFETY: `at` checked so many words. Volatile, or the compiler would make a copy of all
        // bytes one by one out of it, since it takes the packet for unaligned.
        unsafe { headers.add(at).write_volatile(*word) };
    }
    let (address, port) = client(case.clients, flow);
    let (addresses, ports) = if case.side == SOURCE {
        (F::ADDRESSES[0], F::PORTS[0])
    } else {
        (F::ADDRESSES[1], F::PORTS[1])
    };
    let (addresses, ports) = (packet.at::<u32>(addresses)?, packet.at::<u16>(ports)?);
    // SAFETY: `at` checked both.
    unsafe {
        addresses.write_volatile(address);
        ports.write_volatile(port);
    }
    Some(())
}

/// Calls the program under test. A tail call never returns to whoever makes it; made here, it
/// returns to our caller, with the verdict.
#[inline(never)]
fn call(ctx: *mut xdp_md) -> u32 {
    // SAFETY: nothing here waits to be dropped.
    unsafe { CALLEE.tail_call(&XdpContext::new(ctx), 0) };
    let verdict: u32;
    // SAFETY: loads a number. In plain Rust the compiler would tell the caller that this function
    // always returns it.
    unsafe { asm!("{} = {}", out(reg) verdict, const NOT_CALLED) };
    verdict
}

/// Does nothing: what a call of it costs is the harness.
#[xdp]
pub(crate) fn null_tx(_ctx: XdpContext) -> u32 {
    XDP_TX
}

/// Moves the head as TUN does and nothing else, so that the harness has to move it back.
#[xdp]
pub(crate) fn null_push(ctx: XdpContext) -> u32 {
    push::<{ size_of::<Ipv4>() as i32 }>(&ctx)
}

/// The same for an outer header of IPv6.
#[xdp]
pub(crate) fn null_push6(ctx: XdpContext) -> u32 {
    push::<{ size_of::<Ipv6>() as i32 }>(&ctx)
}

#[inline(always)]
fn push<const OUTER: i32>(ctx: &XdpContext) -> u32 {
    // SAFETY: the context is the program's own.
    match unsafe { bpf_xdp_adjust_head(ctx.as_ptr().cast(), -OUTER) } {
        0 => XDP_TX,
        _ => XDP_ABORTED,
    }
}

/// The floor: what no load balancer can do without. Checks the headers, writes both MACs, sends.
#[xdp]
pub(crate) fn floor(ctx: XdpContext) -> u32 {
    let packet = Packet::new(&ctx);
    let (Some(ethernet), Some(ip), Some(_tcp)) = (
        packet.at::<Ethernet>(0),
        packet.at::<Ipv4>(ETHERNET),
        packet.at::<Tcp>(ETHERNET + size_of::<Ipv4>()),
    ) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked the headers.
    unsafe {
        if (*ethernet).ether_type != IPV4
            || (*ip).version_ihl != 0x45
            || (*ip).fragment & 0x3fff_u16.to_be() != 0
            || (*ip).protocol != TCP
        {
            return XDP_PASS;
        }
        send(ethernet);
    }
    XDP_TX
}

/// The floor of IPv6.
#[xdp]
pub(crate) fn floor6(ctx: XdpContext) -> u32 {
    let packet = Packet::new(&ctx);
    let (Some(ethernet), Some(ip), Some(_tcp)) = (
        packet.at::<Ethernet>(0),
        packet.at::<Ipv6>(ETHERNET),
        packet.at::<Tcp>(ETHERNET + size_of::<Ipv6>()),
    ) else {
        return XDP_PASS;
    };
    // SAFETY: `at` checked the headers.
    unsafe {
        if (*ethernet).ether_type != IPV6
            || (*ip).version & 0xf000_0000_u32.to_be() != 0x6000_0000_u32.to_be()
            || (*ip).next_header != TCP
        {
            return XDP_PASS;
        }
        send(ethernet);
    }
    XDP_TX
}

/// Writes both MACs.
///
/// # Safety
///
/// `ethernet` points to a header.
#[inline(always)]
unsafe fn send(ethernet: *mut Ethernet) {
    // SAFETY: by contract.
    unsafe {
        (*ethernet).dst = [0x0002, 0, 0x0100];
        (*ethernet).src = [0x0002, 0, 0x0200];
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel lends its helpers to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
