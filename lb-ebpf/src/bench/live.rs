//! What `cargo xtask bench live` sends, and where it ends.

use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_TX};
use aya_ebpf::btf_maps::PerCpuArray;
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use lb_common::bench::Sender;

use crate::{CASE, Four, Frame, Six, write};

#[btf_map]
static SENDER: PerCpuArray<Sender, 1> = PerCpuArray::new();

/// Makes the next packet of this processor and sends it: run with live frames, on an interface.
#[xdp]
pub(crate) fn generator(ctx: XdpContext) -> u32 {
    generate::<Four>(&ctx).unwrap_or(XDP_ABORTED)
}

/// The same with packets of IPv6.
#[xdp]
pub(crate) fn generator6(ctx: XdpContext) -> u32 {
    generate::<Six>(&ctx).unwrap_or(XDP_ABORTED)
}

#[inline(always)]
fn generate<F: Frame>(ctx: &XdpContext) -> Option<u32> {
    let case = CASE.get(0)?;
    let sender = SENDER.get_ptr_mut(0)?;
    // SAFETY: the record of this processor, which runs this program once at a time.
    let flow = unsafe {
        let number = (*sender).next;
        (*sender).next = number + 1;
        (*sender).first as u32 + (number as u32 & case.flows)
    };
    write::<F>(ctx, case, flow)?;
    Some(XDP_TX)
}

/// Where all of it ends.
#[xdp]
pub(crate) fn sink(_ctx: XdpContext) -> u32 {
    XDP_DROP
}
