//! TUN: the client's packet travels to the server inside another IP packet (RFC 2003). All other tunnels
//! than this one, of IPv4 in IPv4, [`crate::tunnel`] makes.

use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::programs::XdpContext;
use lb_common::checksum::fold;
use lb_common::stats::Reason;

use super::{DONT_FRAGMENT, VERSION_IHL, address, checksum, decrement_ttl};
use crate::backends::Slot;
use crate::packet::{ETHERNET, Ethernet, IPV4, Ipv4, Packet};

/// IP protocol number of IP in IP.
const IP_IN_IP: u8 = 4;

/// Length of the outer header.
pub(super) const OUTER: u16 = size_of::<Ipv4>() as u16;

/// Puts an outer header in front of the packet of `length` bytes and addresses the frame to the server's next hop.
///
/// The outer header carries the inner one's type of service, "don't fragment" and time to live,
/// as IPVS does it, so that a loop between two directors ends.
#[inline(always)]
pub(super) fn encapsulate(ctx: &XdpContext, length: u64, slot: &Slot) -> Result<(), Reason> {
    let length = length as u16 + OUTER;
    // SAFETY: the context is the program's own; every pointer into the packet is dead from here.
    if unsafe { bpf_xdp_adjust_head(ctx.ctx, -i32::from(OUTER)) } != 0 {
        return Err(Reason::Malformed);
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
    let server = slot.rest();
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
        id: if fragment == 0 {
            // SAFETY: as above.
            unsafe { identification((*inner).id, (*inner).source) }
        } else {
            0
        },
        fragment,
        ttl,
        protocol: IP_IN_IP,
        checksum: 0,
        source: server.tunnel_source,
        destination: server.addr,
    };
    header.checksum = checksum(&header);
    // SAFETY: `at` checked the header.
    unsafe { outer.write(header) };
    address(ethernet, slot.head, IPV4);
    Ok(())
}

/// The identification of an outer header that may be fragmented (RFC 6864 4.3 wants it to be
/// unique; any other may be 0). A client keeps those of its packets to the virtual address apart;
/// its address keeps those of two clients apart, as far as 16 bits can. Never 0, by which some
/// tell packets that cannot be fragmented.
#[inline(always)]
pub(crate) const fn identification(inner: u16, client: u32) -> u16 {
    match inner ^ fold((client & 0xffff) + (client >> 16)) {
        0 => u16::MAX,
        id => id,
    }
}
