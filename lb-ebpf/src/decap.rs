//! A real server's end of an IPIP tunnel (RFC 2003), for kernels without the ipip device.
//!
//! Takes the outer IPv4 header off and lets the packet pass, so that the kernel meets the inner
//! one as if it had come so. Test networks put this program on a real server's interface; it asks
//! for no particular outer address. No maps, so that iproute2 loads it.
#![no_std]
#![no_main]
#![expect(clippy::cast_possible_truncation, reason = "20 bytes")]
#![expect(clippy::cast_possible_wrap, reason = "20 bytes")]
#![expect(clippy::indexing_slicing, reason = "constants, below the length")]

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::xdp_action;
use aya_ebpf::helpers::generated::bpf_xdp_adjust_head;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
/// IPv4 as an `EtherType`, in the order of the packet.
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
/// Version 4, five words of header: no options.
const VERSION_AND_LENGTH: u8 = 0x45;
/// IPv4 in IPv4 as a protocol number.
const IPIP: u8 = 4;

/// The program.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn decap(packet: XdpContext) -> u32 {
    match strip(&packet) {
        Ok(()) => xdp_action::XDP_PASS,
        Err(Damaged) => xdp_action::XDP_ABORTED,
    }
}

/// The head could not be moved after the Ethernet header was.
struct Damaged;

/// Takes the outer header off a packet that has one.
fn strip(packet: &XdpContext) -> Result<(), Damaged> {
    let start = packet.data();
    if start + ETHERNET + IPV4 > packet.data_end() {
        return Ok(());
    }
    let headers = start as *mut [u8; ETHERNET + IPV4];
    // SAFETY: the bytes lie between data and data_end, which the verifier has seen us compare.
    let headers = unsafe { &mut *headers };
    let ethertype = [headers[12], headers[13]];
    if ethertype != ETHERTYPE_IPV4 || headers[14] != VERSION_AND_LENGTH || headers[23] != IPIP {
        return Ok(());
    }
    for byte in 0..ETHERNET {
        headers[IPV4 + byte] = headers[byte];
    }
    // SAFETY: the context is the one that the kernel gave us.
    match unsafe { bpf_xdp_adjust_head(packet.as_ptr().cast(), IPV4 as i32) } {
        0 => Ok(()),
        _ => Err(Damaged),
    }
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
