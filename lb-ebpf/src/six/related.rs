//! Packets of IPv6 that have no ports of their own and belong to a flow: an `ICMPv6` error ([`super::icmp`]),
//! or a later fragment, which goes where the first one of its packet went, as `fragments` has it of IPv4.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::TICK_SHIFT;
use lb_common::fragment::{First, FragmentKey6};
use lb_common::service::ServiceInfo;
use lb_common::stats::Reason;

use super::parse::{FIXED, ICMP6, Walked, length, may_have_ports, walk};
use super::{destination, forward, icmp, nat, source};
use crate::backends;
use crate::balance::{Choice, jiffies, leave_to, pass_gate};
use crate::fragments;
use crate::maps::{CONTROL, FRAGMENTS6};
use crate::packet::{ETHERNET, Ipv6, Packet};
use crate::parse::Refused;
use crate::services;
use crate::stats;
use crate::tunnel;

/// A fragment header (RFC 8200 4.5).
#[repr(C)]
struct Fragment {
    next_header: u8,
    reserved: u8,
    offset: u16,
    id: u32,
}

/// The verdict on a packet whose headers the program before has walked.
#[inline(always)]
pub(super) fn pass_on(ctx: &XdpContext) -> Result<u32, Refused> {
    let packet = Packet::new(ctx);
    let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Refused::NotOurs)?;
    let control = CONTROL.get(0).ok_or(Refused::NotOurs)?;
    // SAFETY: `at` checked the header.
    let next = unsafe { (*ip).next_header };
    let walked = Walked(walk(ctx.ctx, u32::from(next), FIXED as u32));
    match walked.protocol() {
        Walked::LATER => pass_on_fragment(ctx, packet, control, ip, walked.fragment()),
        ICMP6 if walked.fragment() == 0 => icmp::pass_on(ctx, packet, control, ip, walked.offset()),
        _ => Err(Refused::NotOurs),
    }
}

/// Notes the server of a packet that is the first of several fragments, and when that was. A subprogram:
/// few packets have extension headers.
#[inline(never)]
pub(super) fn remember(ctx: *mut xdp_md, target: u32, stamp: u32) {
    let packet = Packet::new(&XdpContext::new(ctx));
    let Some(ip) = packet.at::<Ipv6>(ETHERNET) else {
        return;
    };
    // SAFETY: `at` checked the header.
    let next = unsafe { (*ip).next_header };
    let walked = Walked(walk(ctx, u32::from(next), FIXED as u32));
    // Where tunnels are made it is not known which one of them a packet is.
    if walked.fragment() == 0 || walked.protocol() == Walked::LATER {
        return;
    }
    if let Some((key, _)) = fragment(packet, ip, walked.fragment()) {
        let first = First { target, stamp };
        // The table makes room by itself. Without it the other fragments are the kernel's.
        let _full = FRAGMENTS6.insert(&key, &first, 0);
    }
}

/// What the fragments of a packet have in common, and what stands behind the fragment header, which is at
/// `start`.
#[inline(always)]
fn fragment(packet: Packet, ip: *const Ipv6, start: u64) -> Option<(FragmentKey6, u8)> {
    let header = packet.behind_ip::<Fragment>(start)?;
    // SAFETY: `behind_ip` and the caller have checked both headers.
    unsafe {
        let key = FragmentKey6 {
            source: source(ip),
            destination: destination(ip),
            id: (*header).id,
            pad: 0,
        };
        Some((key, (*header).next_header))
    }
}

/// A fragment that is not the first one of its packet; its header is at `start`.
#[inline(always)]
fn pass_on_fragment(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv6,
    start: u64,
) -> Result<u32, Refused> {
    const UNKNOWN: Refused = Refused::Because(Reason::Fragment);
    let (key, next) = fragment(packet, ip, start).ok_or(Refused::NotOurs)?;
    if !may_have_ports(next) {
        return Err(Refused::NotOurs);
    }
    // SAFETY: the caller has checked the header.
    let length = unsafe { length(ip) };
    if start + size_of::<Fragment>() as u64 > length {
        return Err(Refused::Because(Reason::Malformed));
    }
    let now = jiffies();
    let tick = (now >> TICK_SHIFT) as u32;
    let found = first(&key, control, tick);
    let number = found as u16;
    if number == 0 {
        return Err(UNKNOWN);
    }
    let slot = backends::read(number).ok_or(UNKNOWN)?;
    let id = (found >> fragments::SERVICE_SHIFT) as u16;
    let service = services::of_pool(id, slot.pool).ok_or(UNKNOWN)?;
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    if found & FROM_SERVER != 0 {
        return to_client(ctx, ip, length, number, service, tick).map_err(Refused::Because);
    }
    let choice = Choice {
        number,
        slot,
        new: false,
    };
    if choice.slot.head.has(flags::TUNNEL) {
        return Ok(tunnel::hand_over(&choice, id, false));
    }
    leave_to(&choice, length).map_err(Refused::Because)?;
    let sent = forward::fragment_to_server(ctx, packet, ip, length, &choice.slot, tick);
    let verdict = sent.map_err(Refused::Because)?;
    stats::towards_server(number, length, false);
    Ok(verdict)
}

/// Sends a fragment of a packet of a server to the client in the name of the service. What it carries is
/// not touched: the ports, and the checksum that knows of the addresses, were in the first one.
#[inline(always)]
fn to_client(
    ctx: &XdpContext,
    ip: *mut Ipv6,
    length: u64,
    number: u16,
    service: &ServiceInfo,
    tick: u32,
) -> Result<u32, Reason> {
    // SAFETY: the caller has checked the header.
    if unsafe { (*ip).hop_limit } <= 1 {
        return Err(Reason::TimeToLive);
    }
    // SAFETY: as above.
    let protocol = unsafe { (*ip).next_header };
    let way = match nat::way_back(ctx, service, protocol, tick) {
        Err(Reason::CannotFragment) => return Err(Reason::ReplyTooBig),
        way => way?,
    };
    // SAFETY: as above; the place is that of the source address.
    unsafe {
        (*ip).hop_limit = (*ip).hop_limit.wrapping_sub(1);
        nat::readdress((&raw mut (*ip).source).cast(), service.key.address);
    }
    let verdict = way.leave(ctx, length)?;
    stats::towards_client(number, length);
    Ok(verdict)
}

/// In the answer of [`first`], beside the slot: the server has sent it.
const FROM_SERVER: u32 = 1 << 16;

/// The slot that the first fragment went to, or came from, if its server is still there; else 0.
#[inline(never)]
fn first(key: &FragmentKey6, control: &Control, tick: u32) -> u32 {
    fragments::server_of(FRAGMENTS6.get_ptr_mut(key), control, tick)
}
