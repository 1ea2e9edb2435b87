//! IPv6: the same decision as [`crate::balance`], in a program of its own.
//!
//! Flow table, admission and schedulers are those of [`crate::family`]; what stands here is what a
//! packet of IPv6 looks like. Neighbour discovery, echo and whatever else is no TCP or UDP to a service
//! is the kernel's.

mod answer;
mod forward;
mod parse;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::address6::{Address6, folded};
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::TICK_SHIFT;
use lb_common::program;
use lb_common::service::ServiceKey6;
use lb_common::stats::Reason;
use lb_common::trace::decision;

use crate::admission::{self, Admission, Answer, Question};
use crate::backends;
use crate::balance::{Choice, jiffies, pass_gate};
use crate::family::{Family as _, Key, Six};
use crate::flows;
use crate::maps::{CONTROL, PROGRAMS};
use crate::packet::{ETHERNET, Ethernet, Ipv6, Packet};
use crate::parse::Refused;
use crate::services;
use crate::stats;
use crate::trace;
use parse::{Headers, parse};

/// The verdict for one frame, whose `EtherType` is that of IPv6 and which is for no group; `TRACED`: of
/// the program that watches itself.
#[inline(always)]
pub(crate) fn balance<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    let packet = Packet::new(ctx);
    let (Some(ethernet), Some(ip)) = (packet.at::<Ethernet>(0), packet.at::<Ipv6>(ETHERNET)) else {
        return XDP_PASS;
    };
    let Some(control) = CONTROL.get(0) else {
        return XDP_PASS;
    };
    if !TRACED && control.trace != 0 {
        // SAFETY: nothing here waits to be dropped. If there is no program it returns.
        unsafe { PROGRAMS.tail_call(ctx, program::TRACE_IPV6) };
    }
    // SAFETY: `at` checked both headers.
    let (to, destination) = unsafe { (ethernet.cast::<u64>().read(), destination(ip)) };
    if !control.filter.may_be_destination6(destination) {
        return XDP_PASS;
    }
    if !control.stations.is_for_us(ctx.ingress_ifindex() as u32, to) {
        stats::count(Reason::OtherHost);
        return XDP_PASS;
    }
    match from_client::<TRACED>(ctx, packet, control, ip) {
        Ok(verdict) => verdict,
        Err(refused) => refused.verdict(),
    }
}

/// The destination address.
///
/// # Safety
///
/// All of the header is there.
#[inline(always)]
unsafe fn destination(ip: *const Ipv6) -> Address6 {
    // SAFETY: by contract; see `packet` on alignment.
    unsafe { (&raw const (*ip).destination).cast::<Address6>().read() }
}

/// The source address.
///
/// # Safety
///
/// All of the header is there.
#[inline(always)]
unsafe fn source(ip: *const Ipv6) -> Address6 {
    // SAFETY: by contract; see `packet` on alignment.
    unsafe { (&raw const (*ip).source).cast::<Address6>().read() }
}

/// A packet of a client: to the server of its flow, else to the program for new ones.
#[inline(always)]
fn from_client<const TRACED: bool>(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    ip: *mut Ipv6,
) -> Result<u32, Refused> {
    let headers = parse(ctx, packet, control, ip)?;
    let question = ask::<TRACED>(&headers, control)?;
    let known = flows::find(question.near, &question.key);
    if let Some((entry, old)) = known
        && let Some(slot) =
            admission::follow(&question, control, entry, &old).map_err(Refused::Because)?
    {
        if TRACED {
            trace::note_choice(old.slot().into(), decision::FLOW.into());
        }
        let choice = Choice {
            number: old.slot(),
            slot,
            new: false,
        };
        let verdict = send(ctx, packet, &headers, &choice, question.tick);
        return verdict.map_err(Refused::Because);
    }
    // SAFETY: nothing here waits to be dropped. If there is no program it returns.
    unsafe { PROGRAMS.tail_call(ctx, admission_program::<TRACED>()) };
    Ok(XDP_PASS)
}

/// The program for new flows.
#[inline(always)]
const fn admission_program<const TRACED: bool>() -> u32 {
    if TRACED {
        program::TRACE_IPV6_ADMISSION
    } else {
        program::IPV6_ADMISSION
    }
}

/// What there is to ask about a packet, if it is for a service that is ours now.
#[inline(always)]
fn ask<const TRACED: bool>(
    headers: &Headers,
    control: &Control,
) -> Result<Question<Six<TRACED>>, Refused> {
    let ip = headers.ip;
    // SAFETY: `parse` checked the headers.
    let (client, destination, port) =
        unsafe { (source(ip), destination(ip), (*headers.ports).destination) };
    let key = ServiceKey6 {
        address: destination,
        port,
        proto: headers.protocol,
        pad: [0; 5],
    };
    let service = services::find6(&key).ok_or(Refused::NotOurs)?;
    let now = jiffies();
    pass_gate(control, service.gate, now).map_err(Refused::Because)?;
    if is_bad_source(client, destination) {
        return Err(Refused::Because(Reason::BadSource));
    }
    // SAFETY: as above.
    let port = unsafe { (*headers.ports).source };
    let key = Key::<Six<TRACED>>::new(client, port, service.id);
    let [first, ..] = Six::<TRACED>::buckets(Six::<TRACED>::hash(&key, control.secret));
    Ok(Question {
        service,
        near: Six::<TRACED>::bucket(first).ok_or(Refused::NotOurs)?,
        key,
        destination: folded(destination),
        tick: (now >> TICK_SHIFT) as u32,
        protocol: headers.protocol,
        flags: headers.flags,
    })
}

/// The verdict for a packet whose flow the first bucket does not know, or not any more: it is new, or it
/// stands in the second bucket. The program before has seen that it is ours.
///
/// A program of its own, for the sake of the stack, and in two steps, one after the other.
#[inline(always)]
pub(crate) fn admit<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    match Answer::from_word(decide::<TRACED>(ctx.ctx)).result() {
        Ok(admission) => {
            if TRACED {
                trace::note_admission(admission);
            }
            deliver(ctx.ctx, admission.word())
        }
        Err(reason) => Refused::Because(reason).verdict(),
    }
}

/// The server, as [`admission::admit`] gives it.
#[inline(never)]
fn decide<const TRACED: bool>(ctx: *mut xdp_md) -> u64 {
    let ctx = XdpContext::new(ctx);
    let packet = Packet::new(&ctx);
    let question = || {
        let ip = packet.at::<Ipv6>(ETHERNET)?;
        let control = CONTROL.get(0)?;
        let headers = parse(&ctx, packet, control, ip).ok()?;
        ask::<TRACED>(&headers, control).ok()
    };
    match question() {
        Some(question) => admission::answer(&question).word(),
        // Gone, closed or silent since the program before has looked.
        None => Answer::refused(Reason::NoServer).word(),
    }
}
/// Whether nobody can be answered at an address: it means no single host, or none but on its own link,
/// which the packet may leave (RFC 4291 2.5, RFC 4007 9), or it is the one that is asked.
#[inline(always)]
const fn is_bad_source(source: Address6, destination: Address6) -> bool {
    let first = u64::from_be(source[0]);
    let is_group = first >> 56 == 0xff;
    let is_of_link = first >> 54 == 0xfe80 >> 6;
    // "::", "::1" and the addresses of IPv4 that are mapped or, of old, compatible.
    let second = u64::from_be(source[1]) >> 32;
    let is_special = first == 0 && (second == 0 || second == 0xffff);
    is_group
        || is_of_link
        || is_special
        || source[0] == destination[0] && source[1] == destination[1]
}

/// Sends a packet to the server that was chosen for it.
#[inline(always)]
fn send(
    ctx: &XdpContext,
    packet: Packet,
    headers: &Headers,
    choice: &Choice,
    tick: u32,
) -> Result<u32, Reason> {
    let head = choice.slot.head;
    if !head.has(flags::READY) {
        if !head.has(flags::LOCAL) {
            return Err(Reason::NoNeighbour);
        }
        stats::towards_server(choice.number, headers.length, choice.new);
        return Err(Reason::LocalServer);
    }
    let verdict = forward::to_server(ctx, packet, headers, &choice.slot, tick)?;
    stats::towards_server(choice.number, headers.length, choice.new);
    Ok(verdict)
}

/// The verdict for a packet that has been given to a server.
#[inline(never)]
fn deliver(ctx: *mut xdp_md, admission: u32) -> u32 {
    let (ctx, admission) = (XdpContext::new(ctx), Admission::from_word(admission));
    let packet = Packet::new(&ctx);
    let sent = || {
        let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Refused::NotOurs)?;
        let control = CONTROL.get(0).ok_or(Refused::NotOurs)?;
        let headers = parse(&ctx, packet, control, ip)?;
        let choice = Choice {
            number: admission.slot(),
            slot: backends::read(admission.slot()).ok_or(Refused::NotOurs)?,
            new: admission.is_new(),
        };
        let tick = (jiffies() >> TICK_SHIFT) as u32;
        send(&ctx, packet, &headers, &choice, tick).map_err(Refused::Because)
    };
    sent().unwrap_or_else(Refused::verdict)
}
