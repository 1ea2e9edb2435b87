//! From the decision to the wire.

use aya_ebpf::programs::XdpContext;
use lb_common::stats::Reason;

use super::answer::answer;
use crate::backends::Slot;
use crate::forward::{Complaint, address, came_by, send};
use crate::packet::{Ethernet, IPV6, Ipv6, Packet};

/// Sends a client's packet to its server (DR). With an error nothing is rewritten, but for
/// [`Reason::TooBig`] and [`Reason::TimeExceeded`], which make another packet of it, and
/// [`Reason::NoEgress`].
#[inline(always)]
pub(super) fn to_server(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv6,
    length: u64,
    slot: &Slot,
    tick: u32,
) -> Result<u32, Reason> {
    let complaint = complaint(ctx, ip, length, slot);
    if complaint.exists() {
        let pool = slot.pool.into();
        return Err(answer(ctx.ctx, complaint, pool, tick));
    }
    leave(ctx, packet, ip, slot)
}

/// Sends an `ICMPv6` error about a packet of a flow's server to that server. With an error nothing is
/// rewritten. Nobody is told of what cannot go on: no error is sent about an error (RFC 4443 2.4).
#[inline(always)]
pub(super) fn error_to_server(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv6,
    length: u64,
    slot: &Slot,
) -> Result<u32, Reason> {
    let complaint = complaint(ctx, ip, length, slot);
    if complaint.is_of_time() {
        return Err(Reason::TimeToLive);
    }
    if complaint.exists() {
        return Err(Reason::CannotFragment);
    }
    leave(ctx, packet, ip, slot)
}

/// Out to the next hop of a slot.
#[inline(always)]
fn leave(ctx: &XdpContext, packet: Packet, ip: *mut Ipv6, slot: &Slot) -> Result<u32, Reason> {
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    // SAFETY: the caller has checked the header; there is a hop left.
    unsafe { (*ip).hop_limit = (*ip).hop_limit.wrapping_sub(1) };
    address(ethernet, slot.head, IPV6);
    send(ctx, slot.ifindex)
}

/// What the sender of a packet is to be told instead of its being forwarded.
#[inline(always)]
fn complaint(ctx: &XdpContext, ip: *const Ipv6, length: u64, slot: &Slot) -> Complaint {
    // SAFETY: the caller has checked the header.
    if unsafe { (*ip).hop_limit } <= 1 {
        return Complaint::TIME_EXCEEDED;
    }
    // As of IPv4: what came in by this interface fits it.
    if length > u64::from(slot.mtu) && !came_by(ctx, slot.ifindex) {
        return Complaint::too_big(slot.mtu);
    }
    Complaint::NONE
}
