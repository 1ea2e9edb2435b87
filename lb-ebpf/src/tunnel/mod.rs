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
use lb_common::backend::{flags, tunnel};
use lb_common::flow::{TICK_SHIFT, target};
use lb_common::fragment;
use lb_common::program;
use lb_common::stats::Reason;
use lb_common::tunnelled::{Inner, Tunnelled, UNKNOWN};

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

/// Leaves a packet of a service and its server for the program, and asks for it to be called ([`or_call`]);
/// `untold`: nobody is told if the packet cannot go on.
#[inline(always)]
pub(crate) fn hand_over(choice: &Choice, service: u16, untold: bool) -> u32 {
    if let Some(place) = TUNNELLED.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*place).slot = choice.number;
            (*place).generation = choice.slot.head.generation();
            (*place).turn = choice.slot.head.flags() & flags::TURN;
            (*place).new = choice.new.into();
            (*place).untold = untold.into();
            (*place).service = service;
        }
    }
    ASIDE
}

/// Hands a packet over and calls the program. If there is none this returns, and says why the packet
/// is dropped.
#[inline(always)]
pub(crate) fn call<const TRACED: bool>(ctx: &XdpContext, choice: &Choice, service: u16) -> Reason {
    hand_over(choice, service, false);
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
    go_on::<TRACED>(ctx, program::TRACE_TUNNEL, program::TUNNEL)
}

#[inline(always)]
fn go_on<const TRACED: bool>(ctx: &XdpContext, watched: u32, usual: u32) -> Reason {
    // SAFETY: nothing here waits to be dropped.
    unsafe {
        if TRACED {
            PROGRAMS.tail_call(ctx, watched);
            // Who traces has just gone.
        }
        PROGRAMS.tail_call(ctx, usual);
    }
    Reason::NoEgress
}

/// This CPU's record: nothing but the program before has run since that was written.
#[inline(always)]
fn left() -> Option<&'static mut Tunnelled> {
    // SAFETY: the record is this CPU's own, and no other reference to it lives.
    TUNNELLED.get_ptr_mut(0).map(|left| unsafe { &mut *left })
}

/// The verdict on a packet that has been left here.
///
/// In two steps, one after the other, with the record between them: for the verifier all packets are
/// alike then.
#[inline(always)]
pub(crate) fn leave<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    let verdict = prepare::<TRACED>(ctx).and_then(|()| depart(ctx));
    verdict.unwrap_or_else(|reason| Refused::Because(reason).verdict())
}

/// The same of one whose sum is not known.
#[inline(always)]
pub(crate) fn leave_summed(ctx: &XdpContext) -> u32 {
    let summed = || {
        let left = left().ok_or(Reason::NoServer)?;
        left.inner.sum = sum::all(ctx, left.inner.length)?;
        depart(ctx)
    };
    summed().unwrap_or_else(|reason| Refused::Because(reason).verdict())
}

/// Notes what of the packet the headers in front will show, if it can go on.
#[inline(always)]
fn prepare<const TRACED: bool>(ctx: &XdpContext) -> Result<(), Reason> {
    let left = left().ok_or(Reason::NoServer)?;
    let (choice, end) = choice(left)?;
    left.inner = consider(ctx, &choice, &end, left)?;
    if left.inner.sum == UNKNOWN {
        return Err(go_on::<TRACED>(
            ctx,
            program::TRACE_TUNNEL_SUM,
            program::TUNNEL_SUM,
        ));
    }
    Ok(())
}

/// The server that was chosen, and the tunnel to it, if both are still the same: what has been noted of the
/// packet is for that one.
#[inline(always)]
fn choice(left: &Tunnelled) -> Result<(Choice, End), Reason> {
    let slot = backends::read(left.slot).ok_or(Reason::NoServer)?;
    let end = End::of(&slot).ok_or(Reason::NoNeighbour)?;
    let turn = slot.head.flags() & flags::TURN;
    if slot.head.generation() != left.generation || turn != left.turn {
        return Err(Reason::NoNeighbour);
    }
    let choice = Choice {
        number: left.slot,
        slot,
        new: left.new != 0,
    };
    Ok((choice, end))
}

/// Puts the headers in front, and sends the packet.
#[inline(always)]
fn depart(ctx: &XdpContext) -> Result<u32, Reason> {
    let left = left().ok_or(Reason::NoServer)?;
    let (choice, end) = choice(left)?;
    if !choice.slot.head.has(flags::READY | flags::TUNNEL) {
        return Err(Reason::NoNeighbour);
    }
    outer::put(ctx, &left.inner, &end, choice.slot.head)?;
    let verdict = send(ctx, choice.slot.ifindex)?;
    stats::towards_server(choice.number, left.inner.length.into(), choice.new);
    Ok(verdict)
}

/// Whether the packet can go on, and what of it the headers in front will show.
#[inline(always)]
fn consider(
    ctx: &XdpContext,
    choice: &Choice,
    end: &End,
    left: &Tunnelled,
) -> Result<Inner, Reason> {
    let packet = Packet::new(ctx);
    let (service, untold) = (left.service, left.untold != 0);
    let ethernet = packet.at::<Ethernet>(0).ok_or(Reason::Malformed)?;
    let slot = &choice.slot;
    let room = slot.mtu.saturating_sub(tunnel::overhead(end.tunnel));
    let tick = (jiffies() >> TICK_SHIFT) as u32;
    let target = target(choice.number, slot.head.generation());
    // SAFETY: `at` checked the header.
    if unsafe { (*ethernet).ether_type } == IPV4 {
        let ip = packet.at::<Ipv4>(ETHERNET).ok_or(Reason::Malformed)?;
        // SAFETY: as above.
        let (length, fragment) = unsafe { (u16::from_be((*ip).total_length), (*ip).fragment) };
        leave_to(choice, length.into())?;
        if fragment & (MORE | OFFSET) == MORE && !untold {
            fragments::remember(ip, target, fragment::stamp(tick, service));
        }
        let complaint = complaint4(ip, room);
        if complaint.exists() {
            let told = || forward::answer(ctx.ctx, complaint, slot.pool.into(), tick);
            return Err(tell(complaint, untold, told));
        }
        Ok(inner::of_ipv4(packet, ip, end))
    } else {
        let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Reason::Malformed)?;
        // SAFETY: as above.
        leave_to(choice, unsafe { six::length(ip) })?;
        if !untold {
            six::note_fragment(ctx, ip, target, fragment::stamp(tick, service));
        }
        let complaint = complaint6(ip, room)?;
        if complaint.exists() {
            let told = || six::answer(ctx.ctx, complaint, slot.pool.into(), tick);
            return Err(tell(complaint, untold, told));
        }
        Ok(inner::of_ipv6(packet, ip, end))
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
