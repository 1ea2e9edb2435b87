//! IPv6: the same decision as [`crate::balance`], in a program of its own.
//!
//! Flow table, admission and schedulers are those of [`crate::family`]; what stands here is what a
//! packet of IPv6 looks like. Neighbour discovery, echo and whatever else is no TCP, UDP or SCTP to a service
//! is the kernel's, but for errors and fragments that belong to a flow ([`related`]).

mod answer;
mod forward;
mod icmp;
mod nat;
mod parse;
mod related;
mod replies;

use core::arch::asm;

use aya_ebpf::bindings::xdp_action::XDP_PASS;
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::programs::XdpContext;
use lb_common::address6::{Address6, folded};
use lb_common::asked::Asked6;
use lb_common::backend::flags;
use lb_common::control::Control;
use lb_common::flow::{TICK_SHIFT, target};
use lb_common::fragment;
use lb_common::program;
use lb_common::service::{SCTP, ServiceEntry, ServiceKey6, TCP, UDP};
use lb_common::stats::Reason;

use crate::admission::{self, Admission, Answer, Question};
use crate::backends::{self, Slot};
use crate::balance::{Choice, jiffies, known, leave_to, pass_gate};
use crate::family::{Family, Key, Six};
use crate::maps::{ASKED6, CONTROL, PROGRAMS};
use crate::packet::{ETHERNET, Ethernet, Ipv6, Packet};
use crate::parse::Refused;
use crate::services;
use crate::stats;
use crate::trace;
use crate::tunnel;
pub(crate) use answer::answer;
use parse::{Headers, parse};
pub(crate) use parse::{ICMP6, length};

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
    let (to, next, to_service) = unsafe {
        let to_service = control.filter.may_be_destination6(destination(ip));
        (ethernet.cast::<u64>().read(), (*ip).next_header, to_service)
    };
    if next != ICMP6 && !to_service && !is_of_server(control, ip) {
        return XDP_PASS;
    }
    if !control.stations.is_for_us(ctx.ingress_ifindex() as u32, to) {
        // Of `ICMPv6`, and of what stands behind other headers, it is not known whether it would be ours.
        if matches!(next, TCP | UDP | SCTP) {
            stats::count(Reason::OtherHost);
        }
        return XDP_PASS;
    }
    if !to_service {
        if is_of_server(control, ip) {
            call::<TRACED>(ctx, program::TRACE_IPV6_REPLIES, program::IPV6_REPLIES);
        }
        // An error may come from anybody on the way.
        return conclude::<TRACED>(ctx, Err(Refused::Later));
    }
    let decided = parse::<Six<TRACED, false>>(ctx, packet, control, ip)
        .and_then(|headers| from_client::<TRACED, false>(ctx, packet, control, &headers));
    match decided {
        Err(Refused::Sctp) => {
            call::<TRACED>(ctx, program::TRACE_SCTP_IPV6, program::SCTP_IPV6);
            XDP_PASS
        }
        Err(Refused::NotOurs) => {
            // The filter takes some clients for virtual addresses: replies to them come here, too.
            if is_of_server(control, again(ip)) {
                call::<TRACED>(ctx, program::TRACE_IPV6_REPLIES, program::IPV6_REPLIES);
            }
            XDP_PASS
        }
        decided => conclude::<TRACED>(ctx, decided),
    }
}

/// Whether a packet may be of a server in NAT mode.
#[inline(always)]
fn is_of_server(control: &Control, ip: *const Ipv6) -> bool {
    // SAFETY: the caller has checked the header.
    control.filter.may_be_source6(unsafe { source(ip) })
}

/// The same header, of which the compiler does not know that it is: what it has found there it would
/// keep, and older verifiers would follow everything in between once for each value of that.
#[inline(always)]
fn again(mut ip: *mut Ipv6) -> *mut Ipv6 {
    // SAFETY: it does nothing.
    unsafe { asm!("{0} = {0}", inout(reg) ip) };
    ip
}

/// The verdict for a packet of SCTP to what may be a virtual address, whose frame is for this host.
#[inline(always)]
pub(crate) fn balance_sctp<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    let packet = Packet::new(ctx);
    let (Some(ip), Some(control)) = (packet.at::<Ipv6>(ETHERNET), CONTROL.get(0)) else {
        return XDP_PASS;
    };
    let decided = parse::<Six<TRACED, true>>(ctx, packet, control, ip)
        .and_then(|headers| from_client::<TRACED, true>(ctx, packet, control, &headers));
    conclude::<TRACED>(ctx, decided)
}

/// The verdict on what was decided, or the program that has yet to decide.
#[inline(always)]
fn conclude<const TRACED: bool>(ctx: &XdpContext, decided: Result<u32, Refused>) -> u32 {
    match decided {
        Ok(verdict) => tunnel::or_call::<TRACED>(ctx, verdict),
        Err(Refused::Later) => {
            call::<TRACED>(ctx, program::TRACE_IPV6_RELATED, program::IPV6_RELATED);
            XDP_PASS
        }
        Err(refused) => refused.verdict(),
    }
}

/// The destination address.
///
/// # Safety
///
/// All of the header is there.
#[inline(always)]
pub(crate) unsafe fn destination(ip: *const Ipv6) -> Address6 {
    // SAFETY: by contract; see `packet` on alignment.
    unsafe { (&raw const (*ip).destination).cast::<Address6>().read() }
}

/// The source address.
///
/// # Safety
///
/// All of the header is there.
#[inline(always)]
pub(crate) unsafe fn source(ip: *const Ipv6) -> Address6 {
    // SAFETY: by contract; see `packet` on alignment.
    unsafe { (&raw const (*ip).source).cast::<Address6>().read() }
}

/// A packet of a client: to the server of its flow, else to the program for new ones.
#[inline(always)]
fn from_client<const TRACED: bool, const SCTP: bool>(
    ctx: &XdpContext,
    packet: Packet,
    control: &Control,
    headers: &Headers,
) -> Result<u32, Refused> {
    let question = ask::<TRACED, SCTP>(headers, control)?;
    if let Some(choice) = known(&question, control).map_err(Refused::Because)? {
        if choice.slot.head.has(flags::TUNNEL) {
            return Ok(tunnel::hand_over(&choice, question.service.id, false));
        }
        let (service, tick) = (question.service.id, question.tick);
        if !SCTP && is_nat(&choice.slot) {
            note_packet(question.key.rest, question.destination);
            note_admission(choice.number.into(), service, tick);
            call::<TRACED>(ctx, program::TRACE_IPV6_NAT, program::IPV6_NAT);
            return Ok(XDP_PASS);
        }
        let (ip, length) = (headers.ip, headers.length);
        let sent = send(ctx, packet, ip, length, &choice, service, tick);
        return sent.map_err(Refused::Because);
    }
    // SAFETY: `parse` checked the header.
    if is_bad_source(question.key.rest, unsafe { destination(headers.ip) }) {
        return Err(Refused::Because(Reason::BadSource));
    }
    hand_over(&question);
    if SCTP {
        call::<TRACED>(
            ctx,
            program::TRACE_SCTP_IPV6_ADMISSION,
            program::SCTP_IPV6_ADMISSION,
        );
    } else {
        call::<TRACED>(ctx, program::TRACE_IPV6_ADMISSION, program::IPV6_ADMISSION);
    }
    Ok(XDP_PASS)
}

/// Hands the packet over. If there is no program this returns.
#[inline(always)]
fn call<const TRACED: bool>(ctx: &XdpContext, watched: u32, usual: u32) {
    // SAFETY: nothing here waits to be dropped.
    unsafe {
        if TRACED {
            PROGRAMS.tail_call(ctx, watched);
            // Who traces has just gone.
        }
        PROGRAMS.tail_call(ctx, usual);
    }
}

/// Leaves what there is to ask for the program for new flows.
#[inline(always)]
fn hand_over<F: Family<Rest = Address6>>(question: &Question<F>) {
    if let Some(asked) = ASKED6.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe {
            asked.write(Asked6 {
                key: question.key.word,
                client: question.key.rest,
                service: question.service.word(),
                destination: question.destination,
                tick: question.tick,
                protocol: question.protocol,
                flags: question.flags,
                of: 0,
                admission: 0,
            });
        }
    }
}

/// What the program before has left.
#[inline(always)]
fn asked<const TRACED: bool, const SCTP: bool>() -> Option<Question<Six<TRACED, SCTP>>> {
    // SAFETY: the record is this CPU's own, and nothing but the program before has run since.
    let asked = unsafe { ASKED6.get_ptr(0)?.read() };
    let secret = CONTROL.get(0)?.secret;
    let key = Key::<Six<TRACED, SCTP>> {
        word: asked.key,
        rest: asked.client,
    };
    let [first, ..] = Six::<TRACED, SCTP>::buckets(Six::<TRACED, SCTP>::hash(&key, secret));
    Some(Question {
        service: ServiceEntry::from_word(asked.service),
        near: Six::<TRACED, SCTP>::bucket(first)?,
        key,
        destination: asked.destination,
        tick: asked.tick,
        protocol: asked.protocol,
        flags: asked.flags,
    })
}

/// Id of the service that the question was about.
#[inline(always)]
fn service() -> u16 {
    // SAFETY: as in `asked`.
    let asked = ASKED6
        .get_ptr(0)
        .map_or(0, |asked| unsafe { (*asked).service });
    ServiceEntry::from_word(asked).id
}

/// What there is to ask about a packet, if it is for a service that is ours now.
#[inline(always)]
fn ask<const TRACED: bool, const SCTP: bool>(
    headers: &Headers,
    control: &Control,
) -> Result<Question<Six<TRACED, SCTP>>, Refused> {
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
    // SAFETY: as above.
    let port = unsafe { (*headers.ports).source };
    let key = Key::<Six<TRACED, SCTP>>::new(client, port, service.id, control.secret);
    let [first, ..] = Six::<TRACED, SCTP>::buckets(Six::<TRACED, SCTP>::hash(&key, control.secret));
    Ok(Question {
        service,
        near: Six::<TRACED, SCTP>::bucket(first).ok_or(Refused::NotOurs)?,
        key,
        destination: folded(destination),
        tick: (now >> TICK_SHIFT) as u32,
        protocol: headers.protocol,
        flags: headers.flags,
    })
}

/// The verdict for a packet whose flow the first bucket does not know, or not any more: it is new, or it
/// stands in the second bucket. The program before has seen that it is ours, and has left the question.
///
/// A program of its own, for the sake of the stack, and in two steps, one after the other.
#[inline(always)]
pub(crate) fn admit<const TRACED: bool, const SCTP: bool>(ctx: &XdpContext) -> u32 {
    if !is_asked_about(ctx) {
        // Which asks for SCTP by itself.
        call::<TRACED>(ctx, program::TRACE_IPV6, program::IPV6);
        return XDP_PASS;
    }
    match Answer::from_word(decide::<TRACED, SCTP>()).result() {
        Ok(admission) => {
            if TRACED {
                trace::note_admission(admission);
            }
            let slot = backends::read(admission.slot());
            if let Some(slot) = slot
                && slot.head.has(flags::TUNNEL)
            {
                let (number, new) = (admission.slot(), admission.is_new());
                let reason = tunnel::call::<TRACED>(ctx, &Choice { number, slot, new }, service());
                return Refused::Because(reason).verdict();
            }
            if !SCTP && slot.is_some_and(|slot| is_nat(&slot)) {
                return translate_new::<TRACED>(ctx, admission);
            }
            send_new(ctx.ctx, admission.word())
        }
        Err(reason) => Refused::Because(reason).verdict(),
    }
}

/// Whether what the program before has left, a question or an answer, is of this packet; see [`lb_common::asked`].
#[inline(always)]
fn is_asked_about(ctx: &XdpContext) -> bool {
    let packet = Packet::new(ctx);
    let (Some(ip), Some(asked)) = (packet.at::<Ipv6>(ETHERNET), ASKED6.get_ptr(0)) else {
        return false;
    };
    // SAFETY: `at` checked the header; the record is this CPU's own.
    let (client, destination, asked) = unsafe { (source(ip), destination(ip), &*asked) };
    client[0] == asked.client[0]
        && client[1] == asked.client[1]
        && folded(destination) == asked.destination
}

/// The server, as [`admission::admit`] gives it.
#[inline(never)]
fn decide<const TRACED: bool, const SCTP: bool>() -> u64 {
    let answer = asked::<TRACED, SCTP>().map(|question| admission::admit(&question));
    // The maps are there, but the verifier does not know.
    answer.unwrap_or(Answer::refused(Reason::NoServer)).word()
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

/// Whether packets are to be translated for the server of a slot, and can be sent there.
#[inline(always)]
const fn is_nat(slot: &Slot) -> bool {
    let head = slot.head;
    head.has(flags::READY) && head.flags() & flags::METHOD == flags::NAT
}

/// The verdict for a packet that has been given to a server in NAT mode: the program's that translates it.
#[inline(always)]
fn translate_new<const TRACED: bool>(ctx: &XdpContext, admission: Admission) -> u32 {
    // Without the flow nobody could translate the replies.
    if admission.is_forgotten() {
        let reason = if admission.is_new() {
            Reason::NoRoom
        } else {
            Reason::NoFlow
        };
        return Refused::Because(reason).verdict();
    }
    let tick = (jiffies() >> TICK_SHIFT) as u32;
    note_admission(admission.word(), service(), tick);
    call::<TRACED>(ctx, program::TRACE_IPV6_NAT, program::IPV6_NAT);
    XDP_PASS
}

/// Says for the next program which packet it is that is known of; see [`lb_common::asked`].
#[inline(always)]
fn note_packet(client: Address6, destination: u32) {
    if let Some(asked) = ASKED6.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*asked).client = client;
            (*asked).destination = destination;
        }
    }
}

/// Leaves what is known of a packet for the program that translates it.
#[inline(always)]
fn note_admission(admission: u32, service: u16, tick: u32) {
    if let Some(asked) = ASKED6.get_ptr_mut(0) {
        // SAFETY: the record is this CPU's own.
        unsafe {
            (*asked).admission = admission;
            (*asked).of = service;
            (*asked).tick = tick;
        }
    }
}

/// What the program before has left: an [`Admission`] or the number of a slot, the id of the service, and the
/// tick.
#[inline(always)]
fn noted_admission() -> Option<(Admission, u16, u32)> {
    let asked = ASKED6.get_ptr(0)?;
    // SAFETY: the record is this CPU's own, and nothing but the program before has run since.
    unsafe {
        let admission = Admission::from_word((*asked).admission);
        Some((admission, (*asked).of, (*asked).tick))
    }
}

/// Sends a packet that has ports to the server that was chosen for it, untranslated.
#[inline(always)]
fn send(
    ctx: &XdpContext,
    packet: Packet,
    ip: *mut Ipv6,
    length: u64,
    choice: &Choice,
    service: u16,
    tick: u32,
) -> Result<u32, Reason> {
    leave_to(choice, length)?;
    let target = target(choice.number, choice.slot.head.generation());
    note_fragment(ctx, ip, target, fragment::stamp(tick, service));
    let verdict = forward::to_server(ctx, packet, ip, length, &choice.slot, tick)?;
    stats::towards_server(choice.number, length, choice.new);
    Ok(verdict)
}

/// Notes where a packet goes, or comes from, if it is the first of several fragments: before it goes, since the
/// others may come to another CPU at the same moment.
#[inline(always)]
pub(crate) fn note_fragment(ctx: &XdpContext, ip: *const Ipv6, target: u32, stamp: u32) {
    // SAFETY: the caller has checked the header, and has not moved the head of the packet.
    let next = unsafe { (*ip).next_header };
    if next != TCP && next != UDP {
        related::remember(ctx.ctx, target, stamp);
    }
}

/// The verdict for a packet that has been given to a server. The programs before have seen that it is
/// whole.
#[inline(never)]
fn send_new(ctx: *mut xdp_md, admission: u32) -> u32 {
    let (ctx, admission) = (XdpContext::new(ctx), Admission::from_word(admission));
    let packet = Packet::new(&ctx);
    let sent = || {
        let choice = Choice {
            number: admission.slot(),
            slot: backends::read(admission.slot()).ok_or(Refused::NotOurs)?,
            new: admission.is_new(),
        };
        let ip = packet.at::<Ipv6>(ETHERNET).ok_or(Refused::NotOurs)?;
        let tick = (jiffies() >> TICK_SHIFT) as u32;
        // SAFETY: `at` checked the header.
        let length = unsafe { length(ip) };
        send(&ctx, packet, ip, length, &choice, service(), tick).map_err(Refused::Because)
    };
    sent().unwrap_or_else(Refused::verdict)
}

/// The verdict for a packet that is to be translated for its server, which the program before has left.
#[inline(always)]
pub(crate) fn translate<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    if !is_asked_about(ctx) {
        call::<TRACED>(ctx, program::TRACE_IPV6, program::IPV6);
        return XDP_PASS;
    }
    nat::to_server(ctx).unwrap_or_else(Refused::verdict)
}

/// The verdict for a packet that may be the reply of a server in NAT mode. A program of its own, as
/// [`admit`].
#[inline(always)]
pub(crate) fn reply<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    match replies::find(ctx) {
        Ok((slot, service)) => {
            note_admission(slot.into(), service, (jiffies() >> TICK_SHIFT) as u32);
            call::<TRACED>(ctx, program::TRACE_IPV6_WAY_BACK, program::IPV6_WAY_BACK);
            XDP_PASS
        }
        Err(refused) => conclude::<TRACED>(ctx, Err(refused)),
    }
}

/// The verdict for a reply whose server the program before has left.
#[inline(always)]
pub(crate) fn send_back<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    if !is_asked_about(ctx) {
        call::<TRACED>(ctx, program::TRACE_IPV6, program::IPV6);
        return XDP_PASS;
    }
    replies::send_back(ctx).unwrap_or_else(Refused::verdict)
}

/// The verdict for a packet without ports of its own: an error about a packet of a flow, or a fragment. A
/// program of its own, as [`admit`].
#[inline(always)]
pub(crate) fn follow<const TRACED: bool>(ctx: &XdpContext) -> u32 {
    let verdict = related::pass_on(ctx).unwrap_or_else(Refused::verdict);
    tunnel::or_call::<TRACED>(ctx, verdict)
}
