//! Fragments without ports on their way: the addresses are all that there is to translate.

use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::checksum::update32;
use lb_common::service::ServiceInfo;
use lb_common::stats::Reason;

use super::nat::{Route, way_back};
use super::{address, came_by, decrement_ttl, send, tunnel};
use crate::backends::Slot;
use crate::packet::{Ethernet, IPV4, Ipv4, Packet};

/// Sends a fragment of a client's packet to its server. With an error nothing is rewritten.
#[inline(always)]
pub(crate) fn fragment_to_server(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv4,
    length: u64,
    slot: &Slot,
) -> Result<u32, Reason> {
    let method = slot.head.flags() & flags::METHOD;
    if method == flags::TUN {
        if length + u64::from(tunnel::OUTER) > u64::from(slot.mtu) {
            return Err(Reason::CannotFragment);
        }
        tunnel::encapsulate(ctx, length, slot)?;
        return send(ctx, slot.ifindex);
    }
    if length > u64::from(slot.mtu) && !came_by(ctx, slot.ifindex) {
        return Err(Reason::CannotFragment);
    }
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    decrement_ttl(ip);
    if method == flags::NAT {
        let new = slot.rest().addr;
        // SAFETY: the caller has checked the header.
        unsafe {
            (*ip).checksum = update32((*ip).checksum, (*ip).destination, new);
            (*ip).destination = new;
        }
    }
    address(ethernet, slot.head, IPV4);
    send(ctx, slot.ifindex)
}

/// Sends a fragment of a server's packet to the client in the name of the service.
#[inline(always)]
pub(crate) fn fragment_to_client(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv4,
    length: u64,
    service: &ServiceInfo,
    tick: u32,
) -> Result<u32, Reason> {
    // SAFETY: the caller has checked the header.
    let route = unsafe {
        Route {
            source: service.addr(),
            destination: (*ip).destination,
            length: length as u16,
            protocol: (*ip).protocol,
            tos: (*ip).tos,
        }
    };
    let way = way_back(ctx, packet, &route, tick)?;
    decrement_ttl(ip);
    // SAFETY: as above.
    unsafe {
        (*ip).checksum = update32((*ip).checksum, (*ip).source, service.addr());
        (*ip).source = service.addr();
    }
    way.leave(ctx, length)
}
