//! The XDP program of `lb-agent`: spreads the packets of virtual servers over real servers.
//!
//! It holds no configuration and takes no decision that the agent could take: maps in, verdict
//! out. Whatever is not a configured service of a MASTER instance goes to the kernel untouched.
//!
//! **Stack.** A chain of calls may have 512 bytes, and kernels before 6.8 count every frame in steps
//! of 32. The longest chains have all of it: that is why there are subprograms, why they give their
//! answers in a word, and why some things are computed twice. `cargo xtask test verifier` has an
//! older kernel load the program.
//!
//! What is not IPv4 goes to a program of its own by a tail call, which begins with an empty stack: so
//! IPv4 does not pay for it.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::inline_always,
    reason = "the stack: who has a frame is decided by hand"
)]
#![expect(
    clippy::cast_possible_truncation,
    reason = "fields are cut out of 64-bit words"
)]
#![expect(
    clippy::cast_possible_wrap,
    reason = "the kernel's helpers take small sizes as signed"
)]
#![expect(clippy::cast_sign_loss, reason = "answers of helpers are known words")]
#![expect(
    clippy::cast_ptr_alignment,
    reason = "packets are aligned to nothing; the verifier looks"
)]
#![expect(
    clippy::indexing_slicing,
    reason = "with a check that can fail it would not load: `panic`"
)]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "the stack: keys are not copied"
)]

mod admission;
mod affinity;
mod backends;
mod balance;
mod family;
mod flows;
mod forward;
mod fragments;
mod guard;
mod icmp;
mod insertion;
mod limit;
mod maps;
mod packet;
mod parse;
mod replies;
mod schedule;
mod sctp;
mod services;
mod six;
mod states;
mod stats;
mod tag;
mod trace;
mod tunnel;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::helpers::bpf_jiffies64;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

/// Attached to the interfaces that carry virtual addresses, and in NAT mode to those towards the
/// real servers.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_agent(ctx: XdpContext) -> u32 {
    balance::balance::<false>(&ctx)
}

/// [`lb_agent`], watched: `lb-agent trace` has packets go here.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace(ctx: XdpContext) -> u32 {
    trace::begin(&ctx);
    let verdict = balance::balance::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// IPv6, to which [`lb_agent`] hands over: never attached itself.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_agent6(ctx: XdpContext) -> u32 {
    six::balance::<false>(&ctx)
}

/// [`lb_agent6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace6(ctx: XdpContext) -> u32 {
    trace::begin(&ctx);
    let verdict = six::balance::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// New flows of IPv6, to which [`lb_agent6`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_admit6(ctx: XdpContext) -> u32 {
    six::admit::<false, false>(&ctx)
}

/// [`lb_admit6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_admit6(ctx: XdpContext) -> u32 {
    let verdict = six::admit::<true, false>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Packets of IPv6 without ports that follow a flow, to which [`lb_agent6`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_related6(ctx: XdpContext) -> u32 {
    six::follow::<false>(&ctx)
}

/// [`lb_related6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_related6(ctx: XdpContext) -> u32 {
    let verdict = six::follow::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Packets of either family that leave in a tunnel, to which the others hand over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_tunnel(ctx: XdpContext) -> u32 {
    tunnel::leave::<false>(&ctx)
}

/// [`lb_tunnel`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_tunnel(ctx: XdpContext) -> u32 {
    let verdict = tunnel::leave::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Those of them that have to be summed up, to which [`lb_tunnel`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_tunnel_sum(ctx: XdpContext) -> u32 {
    tunnel::leave_summed(&ctx)
}

/// [`lb_tunnel_sum`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_tunnel_sum(ctx: XdpContext) -> u32 {
    let verdict = tunnel::leave_summed(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// SCTP over IPv4, to which [`lb_agent`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_sctp(ctx: XdpContext) -> u32 {
    sctp::balance::<false>(&ctx)
}

/// [`lb_sctp`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_sctp(ctx: XdpContext) -> u32 {
    let verdict = sctp::balance::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// SCTP over IPv6, to which [`lb_agent6`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_sctp6(ctx: XdpContext) -> u32 {
    six::balance_sctp::<false>(&ctx)
}

/// [`lb_sctp6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_sctp6(ctx: XdpContext) -> u32 {
    let verdict = six::balance_sctp::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// New associations of IPv6, to which [`lb_sctp6`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_admit_sctp6(ctx: XdpContext) -> u32 {
    six::admit::<false, true>(&ctx)
}

/// [`lb_admit_sctp6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_admit_sctp6(ctx: XdpContext) -> u32 {
    let verdict = six::admit::<true, true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Frames with VLAN tags, to which [`lb_agent`] hands over: takes the tags off for it.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_vlan(ctx: XdpContext) -> u32 {
    tag::serve(&ctx)
}

/// Packets over IPv6 to servers in NAT mode, to which [`lb_agent6`] and [`lb_admit6`] hand over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_nat6(ctx: XdpContext) -> u32 {
    six::translate::<false>(&ctx)
}

/// [`lb_nat6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_nat6(ctx: XdpContext) -> u32 {
    let verdict = six::translate::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Packets of servers in NAT mode over IPv6, to which [`lb_agent6`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_replies6(ctx: XdpContext) -> u32 {
    six::reply::<false>(&ctx)
}

/// [`lb_replies6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_replies6(ctx: XdpContext) -> u32 {
    let verdict = six::reply::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Replies over IPv6 on their way back, to which [`lb_replies6`] hands over.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_return6(ctx: XdpContext) -> u32 {
    six::send_back::<false>(&ctx)
}

/// [`lb_return6`], watched.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn lb_trace_return6(ctx: XdpContext) -> u32 {
    let verdict = six::send_back::<true>(&ctx);
    trace::tell(ctx.ctx, verdict);
    verdict
}

/// Never attached: the agent runs it once a second to say that it is alive, and so learns the
/// kernel's clock in jiffies.
#[xdp]
pub(crate) fn heartbeat(_ctx: XdpContext) -> u32 {
    if let Some(control) = maps::CONTROL.get_ptr_mut(0) {
        // SAFETY: the one record of the map; nobody else writes this word.
        unsafe { (&raw mut (*control).heartbeat).write_volatile(bpf_jiffies64()) };
    }
    XDP_PASS
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier accepts no endless loop: should a panic ever be compiled in, loading fails.
    loop {}
}

/// The kernel lends its helpers to GPL-compatible programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
