//! ICMP errors on their way: forwarded as the packets of their flow are. In NAT mode the packet that
//! they quote is given back the addresses that its sender knows (RFC 5508 4.2).

use core::ptr;

use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::checksum::{update16, update32};
use lb_common::service::{SCTP, ServiceInfo, TCP};
use lb_common::stats::Reason;

use super::nat::{Route, way_back};
use super::{address, came_by, decrement_ttl, send, tunnel};
use crate::backends::Slot;
use crate::icmp::{ICMP, Quote};
use crate::packet::{Ethernet, IPV4, Packet, Tcp, Udp};

/// Sends an error about a packet of a flow's server to that server. With an error nothing is
/// rewritten. It is not told to anybody if it does not fit: no error is sent about an error
/// (RFC 1122 3.2.2).
#[inline(always)]
pub(crate) fn error_to_server(
    ctx: &XdpContext,
    packet: Packet,
    quote: &Quote,
    slot: &Slot,
) -> Result<u32, Reason> {
    let method = slot.head.flags() & flags::METHOD;
    if method == flags::TUN {
        if quote.length + u64::from(tunnel::OUTER) > u64::from(slot.mtu) {
            return Err(Reason::CannotFragment);
        }
        tunnel::encapsulate(ctx, quote.length, slot)?;
        return send(ctx, slot.ifindex);
    }
    if quote.length > u64::from(slot.mtu) && !came_by(ctx, slot.ifindex) {
        return Err(Reason::CannotFragment);
    }
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    decrement_ttl(quote.ip);
    if method == flags::NAT {
        let server = slot.rest();
        // SAFETY: `Quote::parse` checked the headers; the pointers are those of fields of theirs.
        unsafe {
            let old = (*quote.ip).destination;
            (*quote.ip).destination = server.addr;
            (*quote.ip).checksum = update32((*quote.ip).checksum, old, server.addr);
            let address = &raw mut (*quote.inner).source;
            let port = &raw mut (*quote.ports).source;
            requote(packet, quote, (address, port), (server.addr, server.port));
        }
    }
    address(ethernet, slot.head, IPV4);
    send(ctx, slot.ifindex)
}

/// Sends an error about a client's packet to the client in the name of the service.
#[inline(always)]
pub(crate) fn error_to_client(
    ctx: &XdpContext,
    packet: Packet,
    quote: &Quote,
    service: &ServiceInfo,
    tick: u32,
) -> Result<u32, Reason> {
    // SAFETY: `Quote::parse` checked the header.
    let route = unsafe {
        Route {
            source: service.addr(),
            destination: (*quote.ip).destination,
            length: quote.length as u16,
            protocol: ICMP,
            tos: (*quote.ip).tos,
        }
    };
    let way = way_back(ctx, packet, &route, tick)?;
    decrement_ttl(quote.ip);
    // SAFETY: as in `error_to_server`.
    unsafe {
        let old = (*quote.ip).source;
        let new = (service.addr(), service.key.port);
        (*quote.ip).source = new.0;
        (*quote.ip).checksum = update32((*quote.ip).checksum, old, new.0);
        let address = &raw mut (*quote.inner).destination;
        let port = &raw mut (*quote.ports).destination;
        requote(packet, quote, (address, port), new);
    }
    way.leave(ctx, quote.length)
}

/// Puts an address and a port into the quoted packet and mends its checksums, that of the ICMP
/// message last. The quoted TCP checksum is mended if it is there: most quote eight bytes only. That of SCTP
/// is left as it is, as in IPVS: who gets the error goes by the tag (RFC 9260 10).
///
/// # Safety
///
/// The places are those of an address and a port of the quoted packet, whose head has not moved.
#[inline(always)]
unsafe fn requote(packet: Packet, quote: &Quote, places: (*mut u32, *mut u16), new: (u32, u16)) {
    // SAFETY: by contract; `Quote::parse` checked the headers.
    unsafe {
        let old = (*places.0, *places.1);
        let mend = |sum: u16| update16(update32(sum, old.0, new.0), old.1, new.1);
        *places.0 = new.0;
        *places.1 = new.1;
        let header = (*quote.inner).checksum;
        (*quote.inner).checksum = update32(header, old.0, new.0);
        let mut sum = mend((*quote.icmp).checksum);
        sum = update16(sum, header, (*quote.inner).checksum);
        let transport = transport_checksum(packet, quote);
        if !transport.is_null() {
            let old = *transport;
            let mut mended = mend(old);
            if mended == 0 && quote.protocol != TCP {
                mended = 0xffff;
            }
            *transport = mended;
            sum = update16(sum, old, mended);
        }
        (*quote.icmp).checksum = sum;
    }
}

/// The quoted packet's own checksum; null: it has none, or it is cut off, or one of SCTP.
#[inline(always)]
fn transport_checksum(packet: Packet, quote: &Quote) -> *mut u16 {
    if quote.protocol == SCTP {
        return ptr::null_mut();
    }
    if quote.protocol != TCP {
        let udp = quote.ports.cast::<Udp>();
        // SAFETY: `Quote::parse` checked eight bytes, which is all of a UDP header.
        return unsafe {
            if (*udp).checksum == 0 {
                ptr::null_mut()
            } else {
                &raw mut (*udp).checksum
            }
        };
    }
    let whole = quote.transport + size_of::<Tcp>() as u64 <= quote.length;
    match packet.behind_ip::<Tcp>(quote.transport) {
        // SAFETY: `behind_ip` checked the header.
        Some(tcp) if whole => unsafe { &raw mut (*tcp).checksum },
        _ => ptr::null_mut(),
    }
}
