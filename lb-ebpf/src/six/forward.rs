//! From the decision to the wire.

use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::stats::Reason;

use super::answer::answer;
use super::nat;
use crate::backends::Slot;
use crate::forward::{Complaint, address, came_by, send};
use crate::packet::{Ethernet, IPV6, Ipv6, Packet};

/// Sends a client's packet to its server, untranslated. With an error nothing is rewritten, but for
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
    complain(ctx, ip, length, slot, tick)?;
    leave(ctx, packet, ip, slot)
}

/// The same of a fragment without ports, translated: the addresses are all that there is to translate.
#[inline(always)]
pub(super) fn fragment_to_server(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv6,
    length: u64,
    slot: &Slot,
    tick: u32,
) -> Result<u32, Reason> {
    complain(ctx, ip, length, slot, tick)?;
    if slot.head.flags() & flags::METHOD == flags::NAT {
        // SAFETY: the caller has checked the header.
        unsafe { nat::readdress((&raw mut (*ip).destination).cast(), slot.rest().addr6) };
    }
    leave(ctx, packet, ip, slot)
}

/// Tells the sender of a packet that cannot go on what is the matter.
#[inline(always)]
pub(super) fn complain(
    ctx: &XdpContext,
    ip: *const Ipv6,
    length: u64,
    slot: &Slot,
    tick: u32,
) -> Result<(), Reason> {
    let complaint = complaint(ctx, ip, length, slot);
    if complaint.exists() {
        let pool = slot.pool.into();
        return Err(answer(ctx.ctx, complaint, pool, tick));
    }
    Ok(())
}

/// Whether an `ICMPv6` error about a packet of a flow's server can go to that server. Nobody is told if it
/// cannot: no error is sent about an error (RFC 4443 2.4).
#[inline(always)]
pub(super) fn has_room_for_error(
    ctx: &XdpContext,
    ip: *const Ipv6,
    length: u64,
    slot: &Slot,
) -> Result<(), Reason> {
    let complaint = complaint(ctx, ip, length, slot);
    if complaint.is_of_time() {
        return Err(Reason::TimeToLive);
    }
    if complaint.exists() {
        return Err(Reason::CannotFragment);
    }
    Ok(())
}

/// Out to the next hop of a slot.
#[inline(always)]
pub(super) fn leave(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv6,
    slot: &Slot,
) -> Result<u32, Reason> {
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
