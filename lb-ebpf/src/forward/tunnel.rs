//! TUN: the client's packet travels to the server inside another IP packet (RFC 2003).

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::Backend;
use lb_common::checksum::fold;
use lb_common::stats::Reason;

use super::{address, decrement_ttl};
use crate::packet::{ETHERNET, Ethernet, IPV4, Ipv4, Packet};
use crate::parse::Headers;

/// IP protocol number of IP in IP.
const IP_IN_IP: u8 = 4;

/// "Don't fragment" (RFC 791 3.1).
const DONT_FRAGMENT: u16 = 0x4000_u16.to_be();

/// Version 4, five words.
const VERSION_IHL: u8 = 0x45;

/// Puts an outer header in front of the packet and addresses the frame to the server's next hop.
///
/// The outer header carries the inner one's type of service, "don't fragment" and time to live,
/// as IPVS does it, so that a loop between two directors ends.
#[inline(always)]
pub(super) fn encapsulate(
    ctx: &XdpContext,
    headers: &Headers,
    backend: &Backend,
) -> Result<(), Reason> {
    const OUTER: u16 = size_of::<Ipv4>() as u16;
    let length = headers.length.saturating_add(OUTER);
    if length > backend.mtu {
        return Err(Reason::TooBig);
    }
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, -i32::from(OUTER)) } != 0 {
        return Err(Reason::TooBig);
    }
    let packet = Packet::new(ctx);
    let (Some(ethernet), Some(outer), Some(inner)) = (
        packet.at::<Ethernet>(0),
        packet.at::<Ipv4>(ETHERNET),
        packet.at::<Ipv4>(ETHERNET + usize::from(OUTER)),
    ) else {
        return Err(Reason::Malformed);
    };
    decrement_ttl(inner);
    // SAFETY: `at` checked the header.
    let (tos, fragment, ttl) = unsafe {
        (
            (*inner).tos,
            (*inner).fragment & DONT_FRAGMENT,
            (*inner).ttl,
        )
    };
    let mut header = Ipv4 {
        version_ihl: VERSION_IHL,
        tos,
        total_length: length.to_be(),
        id: 0,
        fragment,
        ttl,
        protocol: IP_IN_IP,
        checksum: 0,
        source: backend.tunnel_source,
        destination: backend.addr,
    };
    header.checksum = checksum(&header);
    // SAFETY: `at` checked both headers.
    unsafe {
        outer.write(header);
        (*ethernet).ether_type = IPV4;
    }
    address(ethernet, backend);
    Ok(())
}

/// The checksum of a header whose checksum field is zero (RFC 1071).
#[inline(always)]
fn checksum(header: &Ipv4) -> u16 {
    let pair = |first: u8, second: u8| u32::from(u16::from_ne_bytes([first, second]));
    let halves = |word: u32| (word & 0xffff) + (word >> 16);
    !fold(
        pair(header.version_ihl, header.tos)
            + u32::from(header.total_length)
            + u32::from(header.fragment)
            + pair(header.ttl, header.protocol)
            + halves(header.source)
            + halves(header.destination),
    )
}
