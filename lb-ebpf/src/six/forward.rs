//! From the decision to the wire.

use aya_ebpf::programs::XdpContext;
use lb_common::stats::Reason;

use super::answer;
use super::parse::Headers;
use crate::backends::Slot;
use crate::forward::{Complaint, address, came_by, send};
use crate::packet::{Ethernet, IPV6, Packet};

/// Sends a client's packet to its server (DR). With an error nothing is rewritten, but for
/// [`Reason::TooBig`] and [`Reason::TimeExceeded`], which make another packet of it, and
/// [`Reason::NoEgress`].
#[inline(always)]
pub(super) fn to_server(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    slot: &Slot,
    tick: u32,
) -> Result<u32, Reason> {
    let complaint = complaint(ctx, headers, slot);
    if complaint.exists() {
        let service = slot.service.into();
        return Err(answer::answer(ctx.ctx, complaint, service, tick));
    }
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    // SAFETY: `parse` checked the header; there is a hop left.
    unsafe { (*headers.ip).hop_limit = (*headers.ip).hop_limit.wrapping_sub(1) };
    address(ethernet, slot.head, IPV6);
    send(ctx, slot.ifindex)
}

/// What the sender of a packet is to be told instead of its being forwarded.
#[inline(always)]
fn complaint(ctx: &XdpContext, headers: &Headers, slot: &Slot) -> Complaint {
    // SAFETY: `parse` checked the header.
    if unsafe { (*headers.ip).hop_limit } <= 1 {
        return Complaint::TIME_EXCEEDED;
    }
    // As of IPv4: what came in by this interface fits it.
    if headers.length > u64::from(slot.mtu) && !came_by(ctx, slot.ifindex) {
        return Complaint::too_big(slot.mtu);
    }
    Complaint::NONE
}
