//! From the decision to the wire.

mod nat;
mod tunnel;

use aya_ebpf::bindings::xdp_action::XDP_TX;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::{Backend, flags};
use lb_common::checksum::update16;
use lb_common::stats::Reason;

pub(crate) use nat::to_client;

use crate::maps::EGRESS;
use crate::packet::{Ethernet, Ipv4, Packet};
use crate::parse::Headers;

/// Rewrites a client's packet for its server and sends it. With an error nothing is rewritten:
/// the kernel gets the packet as it came.
#[inline(always)]
pub(crate) fn to_server(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    backend: &Backend,
) -> Result<u32, Reason> {
    match backend.flags & flags::METHOD {
        flags::TUN => tunnel::encapsulate(ctx, headers, backend)?,
        method => {
            let Some(ethernet) = packet.at::<Ethernet>(0) else {
                return Err(Reason::Malformed);
            };
            decrement_ttl(headers.ip);
            if method == flags::NAT {
                nat::rewrite_destination(packet, headers, backend);
            }
            address(ethernet, backend);
        }
    }
    Ok(send(ctx, backend.ifindex))
}

/// One hop less (RFC 1812 5.3.1); the caller has seen that there is one left.
#[inline(always)]
fn decrement_ttl(ip: *mut Ipv4) {
    // SAFETY: `parse` checked the header. Time to live and protocol are one word of the checksum.
    unsafe {
        let protocol = (*ip).protocol;
        let old = u16::from_ne_bytes([(*ip).ttl, protocol]);
        let ttl = (*ip).ttl.wrapping_sub(1);
        (*ip).ttl = ttl;
        (*ip).checksum = update16((*ip).checksum, old, u16::from_ne_bytes([ttl, protocol]));
    }
}

/// Addresses the frame to the server's next hop.
#[inline(always)]
fn address(ethernet: *mut Ethernet, backend: &Backend) {
    let [a, b, c, d, e, f] = backend.dst_mac;
    let [g, h, i, j, k, l] = backend.src_mac;
    // SAFETY: the caller got `ethernet` from `Packet::at`.
    unsafe {
        (*ethernet).dst = [word(a, b), word(c, d), word(e, f)];
        (*ethernet).src = [word(g, h), word(i, j), word(k, l)];
    }
}

#[inline(always)]
const fn word(first: u8, second: u8) -> u16 {
    u16::from_ne_bytes([first, second])
}

/// Out by `ifindex`: back where the packet came from, or by another interface.
#[inline(always)]
fn send(ctx: &XdpContext, ifindex: u32) -> u32 {
    if ctx.ingress_ifindex() as u32 == ifindex {
        return XDP_TX;
    }
    // An interface that is missing in the map has just gone: the low bits of the flags are the
    // verdict then, 1 is XDP_DROP.
    EGRESS
        .redirect(ifindex, 1)
        .unwrap_or_else(|verdict| verdict)
}
