//! From the decision to the wire.

mod answer;
mod fragment;
mod icmp;
mod nat;
pub(crate) mod quote;
pub(crate) mod tunnel;
mod unresolved;

use aya_ebpf::bindings::xdp_action::XDP_TX;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::{Head, flags};
use lb_common::checksum::{fold, increased};
use lb_common::stats::Reason;

pub(crate) use answer::{Complaint, answer};
pub(crate) use fragment::{fragment_to_client, fragment_to_server};
pub(crate) use icmp::{error_to_client, error_to_server};
pub(crate) use nat::{Way, cleared, look_up, to_client};

use crate::backends::Slot;
use crate::maps::EGRESS;
use crate::packet::{Ethernet, IPV4, Ipv4, Packet};
use crate::parse::Headers;

/// "Don't fragment" (RFC 791 3.1).
pub(crate) const DONT_FRAGMENT: u16 = 0x4000_u16.to_be();

/// Version 4, five words of header.
pub(crate) const VERSION_IHL: u8 = 0x45;

/// Rewrites a client's packet for its server and sends it. With an error nothing is rewritten,
/// but for [`Reason::TooBig`] and [`Reason::TimeExceeded`], which make another packet of it, and
/// [`Reason::NoEgress`].
#[inline(always)]
pub(crate) fn to_server<const SCTP: bool>(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    slot: &Slot,
    tick: u32,
) -> Result<u32, Reason> {
    let method = slot.head.flags() & flags::METHOD;
    let complaint = complaint(ctx, headers, slot, method);
    if complaint.exists() {
        return Err(answer(ctx.ctx, complaint, slot.pool.into(), tick));
    }
    if method == flags::TUN {
        tunnel::encapsulate(ctx, headers.length, slot)?;
        return send(ctx, slot.ifindex);
    }
    let Some(ethernet) = packet.at::<Ethernet>(0) else {
        return Err(Reason::Malformed);
    };
    decrement_ttl(headers.ip);
    if method == flags::NAT {
        nat::rewrite_destination::<SCTP>(headers, slot.rest());
    }
    address(ethernet, slot.head, IPV4);
    send(ctx, slot.ifindex)
}

/// What the sender of a packet is to be told instead of its being forwarded.
#[inline(always)]
fn complaint(ctx: &XdpContext, headers: &Headers, slot: &Slot, method: u16) -> Complaint {
    // SAFETY: `parse` checked the header.
    if unsafe { (*headers.ip).ttl } <= 1 {
        return Complaint::TIME_EXCEEDED;
    }
    let room = if method == flags::TUN {
        slot.mtu.saturating_sub(tunnel::OUTER)
    } else {
        slot.mtu
    };
    // What came in by this interface fits it; a driver that is to send a frame of another one
    // drops in silence what does not.
    if headers.length > u64::from(room) && (method == flags::TUN || !came_by(ctx, slot.ifindex)) {
        return Complaint::too_big(room);
    }
    Complaint::NONE
}

/// One hop less (RFC 1812 5.3.1); the caller has seen that there is one left.
#[inline(always)]
pub(crate) fn decrement_ttl(ip: *mut Ipv4) {
    // SAFETY: `parse` checked the header.
    unsafe {
        (*ip).ttl = (*ip).ttl.wrapping_sub(1);
        (*ip).checksum = increased((*ip).checksum);
    }
}

/// Addresses the frame to the server's next hop.
#[inline(always)]
pub(crate) fn address(ethernet: *mut Ethernet, head: Head, ether_type: u16) {
    // SAFETY: the caller got `ethernet` from `Packet::at`, and each word ends within it. What a
    // word holds behind its address is written over by what comes next.
    unsafe {
        ethernet.cast::<u64>().write(head.first);
        (&raw mut (*ethernet).src).cast::<u64>().write(head.second);
        (*ethernet).ether_type = ether_type;
    }
}

/// The checksum of a header whose checksum field is zero (RFC 1071).
#[inline(always)]
pub(crate) fn checksum(header: &Ipv4) -> u16 {
    let pair = |first: u8, second: u8| u32::from(u16::from_ne_bytes([first, second]));
    let halves = |word: u32| (word & 0xffff) + (word >> 16);
    !fold(
        pair(header.version_ihl, header.tos)
            + u32::from(header.total_length)
            + u32::from(header.id)
            + u32::from(header.fragment)
            + pair(header.ttl, header.protocol)
            + halves(header.source)
            + halves(header.destination),
    )
}

/// Whether the packet has come in by this interface.
#[inline(always)]
pub(crate) fn came_by(ctx: &XdpContext, ifindex: u32) -> bool {
    ctx.ingress_ifindex() as u32 == ifindex
}

/// Out by `ifindex`: back where the packet came from, or by another interface.
#[inline(always)]
pub(crate) fn send(ctx: &XdpContext, ifindex: u32) -> Result<u32, Reason> {
    if came_by(ctx, ifindex) {
        return Ok(XDP_TX);
    }
    // An interface that is missing in the map has just gone.
    EGRESS
        .redirect(ifindex, 0)
        .map_err(|_refused| Reason::NoEgress)
}
