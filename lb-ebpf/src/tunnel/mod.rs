//! TUN, but for IPv4 in IPv4 without anything between, which is [`crate::forward`]'s: of IPv6 and between
//! the families, GRE and GUE. A program of its own for both families: it has a stack and a verifier's
//! patience of its own, and who has no such tunnel pays nothing for it.
//!
//! The programs before have chosen the server, and have left its slot ([`hand_over`]).
//!
//! ```text
//!  what stands in front of a packet:   IPv4 or IPv6 │ ipip   nothing
//!                                                   │ gre    GRE, 4 bytes, with a checksum 8
//!                                                   │ gue    UDP and GUE, 8 + 4 bytes
//! ```

mod inner;
mod outer;
mod sum;

use aya_ebpf::programs::XdpContext;
use lb_common::backend::tunnel;
use lb_common::flow::{TICK_SHIFT, target};
use lb_common::fragment;
use lb_common::program;
use lb_common::stats::Reason;
use lb_common::tunnelled::Inner;

use crate::backends;
use crate::balance::{Choice, jiffies, leave_to};
use crate::forward::{self, Complaint, send};
use crate::fragments;
use crate::maps::{PROGRAMS, TUNNELLED};
use crate::packet::{ETHERNET, Ethernet, IPV4, Ipv4, Ipv6, Packet};
use crate::parse::{MORE, OFFSET, Refused};
use crate::six;
use crate::stats;
use outer::End;

/// Instead of a verdict: the packet is for the program that makes tunnels.
const ASIDE: u32 = 5;

/// What every link of IPv6 carries (RFC 8200 5).
const LEAST6: u16 = 1280;

/// Leaves a packet and its server for the program, and asks for it to be called ([`or_call`]); `untold`:
/// nobody is told if the packet cannot go on.
#[inline(always)]
pub(crate) fn hand_over(choice: &Choice, untold: bool) -> u32 {
    if let Some(place) = TUNNELLED.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*place).slot = choice.number;
            (*place).generation = choice.slot.head.generation();
            (*place).new = choice.new.into();
            (*place).untold = untold.into();
        }
    }
    ASIDE
}

/// Hands a packet over and calls the program. If there is none this returns, and says why the packet
/// is dropped.
#[inline(always)]
pub(crate) fn call<const TRACED: bool>(ctx: &XdpContext, choice: &Choice) -> Reason {
    hand_over(choice, false);
    call_program::<TRACED>(ctx)
}

/// The verdict of who has no room to call the program by itself: a subprogram would need half the stack.
#[inline(always)]
pub(crate) fn or_call<const TRACED: bool>(ctx: &XdpContext, verdict: u32) -> u32 {
    if verdict == ASIDE {
        return Refused::Because(call_program::<TRACED>(ctx)).verdict();
    }
    verdict
}

#[inline(always)]
fn call_program<const TRACED: bool>(ctx: &XdpContext) -> Reason {
    // SAFETY: nothing here waits to be dropped.
    unsafe {
        if TRACED {
            PROGRAMS.tail_call(ctx, program::TRACE_TUNNEL);
            // Who traces has just gone.
        }
        PROGRAMS.tail_call(ctx, program::TUNNEL);
    }
    Reason::NoEgress
}

/// The verdict on a packet that has been left here.
#[inline(always)]
pub(crate) fn leave(ctx: &XdpContext) -> u32 {
    encapsulate(ctx).unwrap_or_else(|reason| Refused::Because(reason).verdict())
}

/// In two steps, one after the other, with a record between them: for the verifier all packets are alike
/// then.
#[inline(always)]
fn encapsulate(ctx: &XdpContext) -> Result<u32, Reason> {
    let left = TUNNELLED.get_ptr_mut(0).ok_or(Reason::NoServer)?;
    // SAFETY: the record is this CPU's own, and nothing but the program before has run since.
    let left = unsafe { &mut *left };
    let choice = Choice {
        number: left.slot,
        slot: backends::read(left.slot).ok_or(Reason::NoServer)?,
        new: left.new != 0,
    };
    if choice.slot.head.generation() != left.generation {
        return Err(Reason::NoNeighbour);
    }
    let end = End::of(&choice.slot).ok_or(Reason::NoNeighbour)?;
    left.inner = consider(ctx, &choice, &end, left.untold != 0)?;
    let slot = &choice.slot;
    outer::put(ctx, &left.inner, &end, slot.head)?;
    let verdict = send(ctx, slot.ifindex)?;
    stats::towards_server(choice.number, left.inner.length.into(), choice.new);
    Ok(verdict)
}

/// Whether the packet can go on, and what of it the headers in front will show.
#[inline(always)]
fn consider(ctx: &XdpContext, choice: &Choice, end: &End, untold: bool) -> Result<Inner, Reason> {
    let packet = Packet::new(ctx);
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    let slot = &choice.slot;
    let room = slot.mtu.saturating_sub(tunnel::overhead(end.tunnel));
    let tick = (jiffies() >> TICK_SHIFT) as u32;
    // SAFETY: `at` checked the header.
    if unsafe { (*ethernet).ether_type } == IPV4 {
        let ip = packet.at::<Ipv4>(ETHERNET).ok_or(Reason::Malformed)?;
        // SAFETY: as above.
        let (length, fragment) = unsafe { (u16::from_be((*ip).total_length), (*ip).fragment) };
        leave_to(choice, length.into())?;
        if fragment & (MORE | OFFSET) == MORE && !untold {
            let target = target(choice.number, slot.head.generation());
            fragments::remember(ip, target, fragment::stamp(tick));
        }
        let complaint = complaint4(ip, room);
        if complaint.exists() {
            let told = || forward::answer(ctx.ctx, complaint, slot.service.into(), tick);
            return Err(tell(complaint, untold, told));
        }
        inner::of_ipv4(ctx, packet, ip, end)
    } else {
        let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Reason::Malformed)?;
        // SAFETY: as above.
        leave_to(choice, unsafe { six::length(ip) })?;
        if !untold {
            six::note_fragment(ctx, ip, choice, tick);
        }
        let complaint = complaint6(ip, room)?;
        if complaint.exists() {
            let told = || six::answer(ctx.ctx, complaint, slot.service.into(), tick);
            return Err(tell(complaint, untold, told));
        }
        inner::of_ipv6(ctx, packet, ip, end)
    }
}

/// What the sender of a packet of IPv4 is to be told instead of its being forwarded; `room`: what fits.
#[inline(always)]
fn complaint4(ip: *const Ipv4, room: u16) -> Complaint {
    // SAFETY: the caller has checked the header.
    let (ttl, length) = unsafe { ((*ip).ttl, u16::from_be((*ip).total_length)) };
    if ttl <= 1 {
        Complaint::TIME_EXCEEDED
    } else if length > room {
        Complaint::too_big(room)
    } else {
        Complaint::NONE
    }
}

/// The same of IPv6. Nobody there makes packets smaller than every link carries: one of these that does
/// not fit cannot be helped (RFC 8021).
#[inline(always)]
fn complaint6(ip: *const Ipv6, room: u16) -> Result<Complaint, Reason> {
    // SAFETY: the caller has checked the header.
    let (hops, payload) = unsafe { ((*ip).hop_limit, u16::from_be((*ip).payload_length)) };
    let length = u32::from(payload) + size_of::<Ipv6>() as u32;
    if hops <= 1 {
        Ok(Complaint::TIME_EXCEEDED)
    } else if length <= room.into() {
        Ok(Complaint::NONE)
    } else if length <= LEAST6.into() {
        Err(Reason::CannotFragment)
    } else {
        Ok(Complaint::too_big(room.max(LEAST6)))
    }
}

/// Why a packet does not go on: its sender has been `told`, or is not to be.
#[inline(always)]
fn tell(complaint: Complaint, untold: bool, told: impl FnOnce() -> Reason) -> Reason {
    match (untold, complaint.is_of_time()) {
        (false, _) => told(),
        (true, true) => Reason::TimeToLive,
        (true, false) => Reason::CannotFragment,
    }
}
