//! A packet that does not fit the path to its server: its sender is told which size does, in the
//! name of the virtual address (RFC 1191 4), so that its next one fits. The kernel would not do:
//! it knows no such connection, and resets it.
//!
//! A subprogram: this happens about once in the life of a path.

use core::arch::asm;

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use aya_ebpf::programs::XdpContext;
use lb_common::answers;
use lb_common::checksum::fold;
use lb_common::stats::Reason;

use super::{DONT_FRAGMENT, VERSION_IHL, checksum};
use crate::icmp::ICMP;
use crate::limit::within_limit;
use crate::packet::{ETHERNET, Ethernet, IPV4, Ipv4, Packet};

/// ICMP header of "destination unreachable, fragmentation needed and DF set" (RFC 1191 4).
#[repr(C)]
struct FragmentationNeeded {
    kind: u8,
    code: u8,
    checksum: u16,
    unused: u16,
    /// Next-hop MTU, network byte order.
    mtu: u16,
}

/// Destination unreachable (RFC 792).
const UNREACHABLE: u8 = 3;
/// Fragmentation needed and DF set.
const NEEDED: u8 = 4;
/// What stands in front of the quoted packet.
const HEADERS: usize = size_of::<Ipv4>() + size_of::<FragmentationNeeded>();
/// As much of the packet is quoted as fits in the datagram that everybody takes (RFC 1812 4.3.2.3).
const QUOTE: usize = 576 - HEADERS;
/// Time to live of what we send.
const TTL: u8 = 64;

/// Makes the answer of the packet, to be sent back the way it came ([`Reason::TooBig`]), or tells
/// why there is none. `mtu` bytes would fit.
#[inline(never)]
pub(super) fn answer(ctx: *mut xdp_md, mtu: u16, tick: u32) -> Reason {
    let ctx = XdpContext::new(ctx);
    let packet = Packet::new(&ctx);
    let (Some(ethernet), Some(place)) = (packet.at::<Ethernet>(0), packet.at::<Ipv4>(ETHERNET))
    else {
        return Reason::Malformed;
    };
    // SAFETY: `at` checked both headers.
    let (ethernet, ip) = unsafe { (ethernet.read(), place.read()) };
    if !may_be_answered(&ip) {
        return Reason::CannotFragment;
    }
    if !within_limit(answers::TOO_BIG, tick) {
        return Reason::AnswerLimit;
    }
    // The IP header and the eight bytes that must be quoted (RFC 792) are whole words, and no TCP
    // or UDP packet is shorter.
    let quote = usize::from(u16::from_be(ip.total_length)).min(QUOTE) & !3;
    let mut surplus = packet.behind(place);
    // SAFETY: it does nothing, but keeps the compiler from subtracting the lower halves of
    // two pointers, which the verifier forbids.
    unsafe { asm!("{0} = {0}", inout(reg) surplus) };
    let surplus = surplus as i32 - quote as i32;
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    let moved = unsafe {
        bpf_xdp_adjust_tail(ctx.ctx, -surplus) == 0
            && bpf_xdp_adjust_head(ctx.ctx, -(HEADERS as i32)) == 0
    };
    if moved && write(Packet::new(&ctx), &ethernet, &ip, mtu, quote).is_some() {
        Reason::TooBig
    } else {
        Reason::Malformed
    }
}

/// Whether the sender wants to know, and is one host that an answer reaches (RFC 1122 3.2.2). Frames
/// to a group do not come this far.
#[inline(always)]
const fn may_be_answered(ip: &Ipv4) -> bool {
    let one_host = !matches!(ip.source.to_ne_bytes(), [0 | 127 | 224.., ..]);
    ip.fragment & DONT_FRAGMENT != 0 && one_host
}

/// Writes the headers in front of the packet that is quoted: `old` was its first.
#[inline(always)]
fn write(packet: Packet, ethernet: &Ethernet, old: &Ipv4, mtu: u16, quote: usize) -> Option<()> {
    let to = packet.at::<Ethernet>(0)?;
    let ip = packet.at::<Ipv4>(ETHERNET)?;
    let icmp = packet.at::<FragmentationNeeded>(ETHERNET + size_of::<Ipv4>())?;
    let mut header = Ipv4 {
        version_ihl: VERSION_IHL,
        // The client's type of service in the precedence of the network's own (RFC 1812 4.3.2.5).
        tos: old.tos & 0x1e | 0xc0,
        total_length: ((HEADERS + quote) as u16).to_be(),
        id: 0,
        fragment: DONT_FRAGMENT,
        ttl: TTL,
        protocol: ICMP,
        checksum: 0,
        source: old.destination,
        destination: old.source,
    };
    header.checksum = checksum(&header);
    let error = FragmentationNeeded {
        kind: UNREACHABLE,
        code: NEEDED,
        checksum: 0,
        unused: 0,
        mtu: mtu.to_be(),
    };
    // SAFETY: `at` checked every header.
    unsafe {
        to.write(Ethernet {
            dst: ethernet.src,
            src: ethernet.dst,
            ether_type: IPV4,
        });
        ip.write(header);
        icmp.write(error);
        (*icmp).checksum = sum(packet, ETHERNET + size_of::<Ipv4>());
    }
    Some(())
}

/// The checksum of what stands behind the first `from` bytes of the frame, all of it words
/// (RFC 1071).
#[inline(always)]
fn sum(packet: Packet, from: usize) -> u16 {
    let mut sum = 0_u64;
    for word in 0..(size_of::<FragmentationNeeded>() + QUOTE) / 4 {
        let Some(word) = packet.at::<u32>(from + word * 4) else {
            break;
        };
        // SAFETY: `at` checked the word.
        sum += u64::from(unsafe { *word });
    }
    // At most 139 words: two folds bring the carries of the upper half back.
    let halves = (sum & 0xffff_ffff) + (sum >> 32);
    let words = (halves & 0xffff) + (halves >> 16);
    !fold(words as u32)
}
