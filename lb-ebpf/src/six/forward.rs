//! From the decision to the wire.

use aya_ebpf::programs::XdpContext;
use lb_common::stats::Reason;

use super::parse::Headers;
use super::too_big;
use crate::backends::Slot;
use crate::forward::{address, came_by, send};
use crate::packet::{Ethernet, IPV6, Packet};

/// Sends a client's packet to its server (DR). With an error nothing is rewritten, but for
/// [`Reason::TooBig`], which makes another packet of it, and [`Reason::NoEgress`].
#[inline(always)]
pub(super) fn to_server(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    slot: &Slot,
    tick: u32,
) -> Result<u32, Reason> {
    // As of IPv4: what came in by this interface fits it.
    if headers.length > u64::from(slot.mtu) && !came_by(ctx, slot.ifindex) {
        let service = slot.service.into();
        return Err(too_big::answer(ctx.ctx, slot.mtu, service, tick));
    }
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    // SAFETY: `parse` checked the header, and the caller has seen that there is a hop left.
    unsafe { (*headers.ip).hop_limit = (*headers.ip).hop_limit.wrapping_sub(1) };
    address(ethernet, slot.head, IPV6);
    send(ctx, slot.ifindex)
}
