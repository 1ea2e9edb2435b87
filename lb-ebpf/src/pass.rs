//! Lets everything pass.
//!
//! A veth driver takes packets that an XDP program of the other end sends back (`XDP_TX`) only if
//! it has a program of its own. Test networks put this one there. No maps, so that iproute2 loads
//! it: `ip link set dev veth0 xdp obj pass sec xdp`.
#![no_std]
#![no_main]

use aya_ebpf::bindings::xdp_action;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

/// The program.
#[xdp]
pub(crate) fn pass(_packet: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
