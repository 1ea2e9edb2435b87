//! A real server's end of a tunnel, for kernels without the devices: IP in IP of either family in either
//! (RFC 2003, 2473, 4213), GRE (RFC 2784) and GUE at port 6080.
//!
//! Takes the outer headers off and lets the packet pass, so that the kernel meets the inner one as if it
//! had come so. Test networks put this program on a real server's interface; it asks for no
//! particular outer address, and looks at no checksum. No maps, so that iproute2 loads it.
#![no_std]
#![no_main]
#![expect(clippy::cast_possible_truncation, reason = "52 bytes")]
#![expect(clippy::cast_possible_wrap, reason = "52 bytes")]

use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::xdp_action;
use aya_ebpf::helpers::generated::bpf_xdp_adjust_head;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

const ETHERNET: usize = 14;
const IPV4: usize = 20;
const IPV6: usize = 40;
/// `EtherType`s in the order of the packet.
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
/// Version 4, five words of header: no options.
const VERSION_AND_LENGTH: u8 = 0x45;
/// Protocol numbers: IPv4 and IPv6 within a packet, GRE, UDP.
const IPV4_WITHIN: u8 = 4;
const IPV6_WITHIN: u8 = 41;
const GRE: u8 = 47;
const UDP: u8 = 17;
/// Where GUE is waited for.
const GUE_PORT: [u8; 2] = 6080_u16.to_be_bytes();

/// The program.
#[xdp]
#[expect(clippy::needless_pass_by_value, reason = "as the macro wants it")]
pub(crate) fn decap(packet: XdpContext) -> u32 {
    let Some((length, ethertype)) = outer(&packet) else {
        return xdp_action::XDP_PASS;
    };
    match strip(&packet, length, ethertype) {
        Some(()) => xdp_action::XDP_PASS,
        None => xdp_action::XDP_ABORTED,
    }
}

/// Where `LENGTH` bytes at `at` are, if they are there: between `data` and `data_end`, which the verifier sees
/// us compare.
fn place<const LENGTH: usize>(packet: &XdpContext, at: usize) -> Option<*mut [u8; LENGTH]> {
    let start = packet.data() + at;
    (start + LENGTH <= packet.data_end()).then_some(start as *mut [u8; LENGTH])
}

/// `LENGTH` bytes at `at`, if they are there.
fn bytes<const LENGTH: usize>(packet: &XdpContext, at: usize) -> Option<&[u8; LENGTH]> {
    // SAFETY: the bytes are there, and nobody changes them while they are borrowed.
    place(packet, at).map(|bytes| unsafe { &*bytes })
}

/// How long the outer headers of a packet are, and the `EtherType` of what is behind them; `None`: it has
/// none.
fn outer(packet: &XdpContext) -> Option<(usize, [u8; 2])> {
    let ethernet = bytes::<ETHERNET>(packet, 0)?;
    if [ethernet[12], ethernet[13]] == ETHERTYPE_IPV4 {
        let ip = bytes::<IPV4>(packet, ETHERNET)?;
        if ip[0] != VERSION_AND_LENGTH {
            return None;
        }
        within::<IPV4>(packet, ip[9])
    } else if [ethernet[12], ethernet[13]] == ETHERTYPE_IPV6 {
        within::<IPV6>(packet, bytes::<IPV6>(packet, ETHERNET)?[6])
    } else {
        None
    }
}

/// The same behind an IP header of `OUTER` bytes, which says that `protocol` follows.
fn within<const OUTER: usize>(packet: &XdpContext, protocol: u8) -> Option<(usize, [u8; 2])> {
    let at = ETHERNET + OUTER;
    if protocol == GRE {
        let gre = bytes::<4>(packet, at)?;
        // With a checksum there is one word more.
        let length = if gre[0] & 0x80 == 0 { 4 } else { 8 };
        return Some((OUTER + length, [gre[2], gre[3]]));
    }
    if protocol == UDP {
        let gue = bytes::<12>(packet, at)?;
        let is_gue = [gue[2], gue[3]] == GUE_PORT && gue[8] == 0;
        return is_gue.then_some((OUTER + 12, ethertype(gue[9])?));
    }
    Some((OUTER, ethertype(protocol)?))
}

/// Of a packet with this number within another one.
const fn ethertype(protocol: u8) -> Option<[u8; 2]> {
    match protocol {
        IPV4_WITHIN => Some(ETHERTYPE_IPV4),
        IPV6_WITHIN => Some(ETHERTYPE_IPV6),
        _ => None,
    }
}

/// Takes so many bytes off that stand behind the Ethernet header.
fn strip(packet: &XdpContext, length: usize, ethertype: [u8; 2]) -> Option<()> {
    let addresses = *bytes::<12>(packet, 0)?;
    // SAFETY: the context is the one that the kernel gave us.
    if unsafe { bpf_xdp_adjust_head(packet.as_ptr().cast(), length as i32) } != 0 {
        return None;
    }
    // SAFETY: the bytes are there, and are borrowed by nobody else.
    let ethernet = unsafe { &mut *place::<ETHERNET>(packet, 0)? };
    for (byte, value) in ethernet
        .iter_mut()
        .zip(addresses.into_iter().chain(ethertype))
    {
        *byte = value;
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
