//! Packets of IPv6 that have no ports of their own and belong to a flow, as `icmp` and `fragments` have
//! them of IPv4: an `ICMPv6` error goes to the server of the flow whose packet it quotes, a later fragment
//! to where the first one of its packet went.
//!
//! An error does not change its flow, which it must not keep alive or end: anybody can send one. All
//! other messages of `ICMPv6` are the kernel's.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::TICK_SHIFT;
use lb_common::fragment::{First, FragmentKey6};
use lb_common::service::{SCTP, ServiceKey6, TCP, UDP};
use lb_common::stats::Reason;

use super::parse::{FIXED, ICMP6, Walked, length, may_have_ports, walk};
use super::{destination, forward, send, source};
use crate::backends;
use crate::balance::{Choice, jiffies, leave_to, pass_gate};
use crate::family::{Family as _, Key, V6};
use crate::fragments;
use crate::icmp;
use crate::maps::{CONTROL, FRAGMENTS6};
use crate::packet::{ETHERNET, Icmp, Ipv6, Packet, Ports, Udp};
use crate::parse::Refused;
use crate::services;
use crate::stats;
use crate::tunnel;

/// Destination unreachable, packet too big, time exceeded, parameter problem (RFC 4443 2.1).
const ERRORS: core::ops::RangeInclusive<u8> = 1..=4;

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
        ICMP6 if walked.fragment() == 0 => pass_on_error(ctx, packet, control, ip, walked.offset()),
        _ => Err(Refused::NotOurs),
    }
}

/// An `ICMPv6` message that stands at `start`.
#[inline(always)]
fn pass_on_error(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv6,
    start: u64,
) -> Result<u32, Refused> {
    let quote = Quote::parse(ctx, packet, ip, start).ok_or(Refused::NotOurs)?;
    let service = services::find6(&quote.server).ok_or(Refused::NotOurs)?;
    let now = jiffies();
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    let tick = (now >> TICK_SHIFT) as u32;
    // SAFETY: `Quote::parse` checked the header.
    let client = unsafe { destination(quote.inner) };
    let key = Key::new(client, quote.port, service.id, control.secret);
    let number = flow(control, &key, tick, service.pool) as u16;
    if number == 0 {
        return Err(Refused::NotOurs);
    }
    let slot = backends::read(number).ok_or(Refused::NotOurs)?;
    // SAFETY: the caller has checked the header.
    let length = unsafe { length(ip) };
    let choice = Choice {
        number,
        slot,
        new: false,
    };
    if choice.slot.head.has(flags::TUNNEL) {
        return Ok(tunnel::hand_over(&choice, 0, true));
    }
    leave_to(&choice, length).map_err(Refused::Because)?;
    let sent = forward::error_to_server(ctx, packet, ip, length, &choice.slot);
    let verdict = sent.map_err(Refused::Because)?;
    stats::towards_server(number, length, false);
    Ok(verdict)
}

/// The slot of a live flow whose server is still there; else 0.
#[inline(always)]
fn flow(control: &Control, key: &Key<V6>, tick: u32, pool: u16) -> u32 {
    for bucket in V6::buckets(V6::hash(key, control.secret)) {
        let Some(bucket) = V6::bucket(bucket) else {
            return 0;
        };
        let number = icmp::in_bucket::<V6>(control, bucket, key, tick, pool);
        if number != 0 {
            return number;
        }
    }
    0
}

/// A packet that an error is about: one that a server has sent.
struct Quote {
    /// Its header.
    inner: *const Ipv6,
    /// Who it says to have sent it: the service.
    server: ServiceKey6,
    /// Port of the client, network byte order.
    port: u16,
}

impl Quote {
    /// What the message at `start` quotes, if it is an error, to who has sent the quoted packet.
    #[inline(always)]
    fn parse(ctx: &XdpContext, packet: Packet, ip: *const Ipv6, start: u64) -> Option<Self> {
        let message = packet.behind_ip::<Icmp>(start)?;
        // SAFETY: `behind_ip` checked the header.
        if !ERRORS.contains(unsafe { &(*message).kind }) {
            return None;
        }
        let start = start + size_of::<Icmp>() as u64;
        let inner = packet.behind_ip::<Ipv6>(start)?;
        // SAFETY: as above.
        let (version, next) = unsafe { (inner.cast::<u8>().read() >> 4, (*inner).next_header) };
        let walked = Walked(walk(ctx.ctx, u32::from(next), (start + FIXED) as u32));
        let (protocol, transport) = (walked.protocol(), walked.offset());
        let ports = packet.behind_ip::<Udp>(transport)?.cast::<Ports>();
        // SAFETY: `behind_ip` and the caller have checked the headers.
        let (to, from, end) = unsafe { (destination(ip), source(inner), length(ip)) };
        let is_ours = version == 6
            && matches!(protocol, TCP | UDP | SCTP)
            && to[0] == from[0]
            && to[1] == from[1]
            && transport + size_of::<Udp>() as u64 <= end;
        // SAFETY: as above.
        let (port, client) = unsafe { ((*ports).source, (*ports).destination) };
        is_ours.then_some(Self {
            inner,
            server: ServiceKey6 {
                address: from,
                port,
                proto: protocol,
                pad: [0; 5],
            },
            port: client,
        })
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
    let choice = Choice {
        number,
        slot,
        new: false,
    };
    if choice.slot.head.has(flags::TUNNEL) {
        return Ok(tunnel::hand_over(&choice, id, false));
    }
    send(ctx, packet, ip, length, &choice, tick).map_err(Refused::Because)
}

/// The slot that the first fragment went to, if its server is still there; else 0.
#[inline(never)]
fn first(key: &FragmentKey6, control: &Control, tick: u32) -> u32 {
    fragments::server_of(FRAGMENTS6.get_ptr_mut(key), control, tick)
}
